"""Recorders in processes of their own: several at once, and killed at any moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from threading import Event

import pytest

from wanx_sim import CachedService, Cassette, Simulator
from wanx_sim.cassettes.cache import Cache

PROGRAMS = Path(__file__).parent / "programs"
LIVES = 100
CREATE = "/api/v1/services/aigc/text2image/image-synthesis"


@contextmanager
def running(program, *arguments):
    command = [sys.executable, str(PROGRAMS / program), *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, encoding="utf-8") as process:
        try:
            yield process
        finally:
            process.kill()


def whole(path):
    """The ids of the finished jobs of a cassette, each of whose pictures is what it says."""
    cassette = Cassette.load(path)
    finished = [job for job in cassette.jobs if job.complete]
    for image in (image for job in finished for image in job.images):
        cassette.image(image)
    return {job.task_id for job in finished}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no fork")
def test_a_recorder_that_is_killed_loses_nothing_that_it_said_was_finished(tmp_path):
    drawn, reported, found = Random(time.time_ns()), {}, {}
    pace = 1.0  # a machine that is busy by now takes longer for a job than it took for the first
    with running("lives.py") as nursery:
        for number in range(LIVES):
            path = tmp_path / f"library-{number // 10}" / "shop"
            nursery.stdin.write(f"{path}\t{pace * drawn.uniform(0.05, 3.5)}\n")
            nursery.stdin.flush()
            told = reported.setdefault(path, set())
            before = len(told)
            while line := nursery.stdout.readline().strip():
                told.add(line)
            pace *= 1.2 if len(told) == before else 0.9
            if path.with_suffix(".json").exists():
                found[path] = whole(path)
                assert told <= found[path], f"life {number}"
        assert nursery.poll() is None, nursery.stderr.read()
    assert sum(map(len, reported.values())) > LIVES / 5, "the lives were too short to prove much"


def generate(how, server, tmp_path, *runs):
    """What programs saw that began at once, each with its cassette and its prompts."""
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                running("generating.py", how, server.url, path, tmp_path / "cache", *prompts)
            )
            for path, prompts in runs
        ]
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * len(runs)
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        ended = [process.communicate(timeout=60) for process in processes]
    assert [errors for _, errors in ended] == [""] * len(runs)
    return [json.loads(said) for said, _ in ended]


def test_two_recorders_in_two_processes_add_to_one_cassette(tmp_path):
    path, prompts = tmp_path / "library" / "shop", [f"花店 {number}" for number in range(40)]
    with Simulator(timing="instant").serve() as server:
        one, other = generate(
            "recorder", server, tmp_path, (path, prompts[:20]), (path, prompts[20:])
        )
    assert whole(path) == {*one.values(), *other.values()}
    assert len(Cassette.load(path).jobs) == 40


def test_two_processes_with_one_cache_buy_each_request_once(tmp_path):
    prompts = [f"花店 {number}" for number in range(6)]
    live, library = Simulator(timing="polls:1,1"), tmp_path / "library"
    with live.serve() as server:
        one, other = generate(
            "cached", server, tmp_path, (library / "one", prompts), (library / "other", prompts)
        )
    assert one == other
    assert (live.ledger.tasks, len(live.requests.creates)) == (6, 6)
    assert whole(library / "one") == whole(library / "other") == set(one.values())
    assert len(Cache(tmp_path / "cache").entries()) == 6


def test_a_process_that_is_killed_while_it_buys_leaves_a_mark_and_not_a_gap(tmp_path, talk):
    on_its_way, never = Event(), Event()

    class Slow(Simulator):
        def handle(self, request):
            response = super().handle(request)
            if request.path == CREATE and not on_its_way.is_set():
                on_its_way.set()
                never.wait(20)
            return response

    live, path = Slow(timing="instant"), tmp_path / "shop"
    # Its answers wait in a thread of their own, so that others are answered meanwhile.
    live.blocking = True
    with live.serve() as server:
        arguments = ("cached", server.url, path, tmp_path / "cache", "花店", "书店")
        with running("generating.py", *arguments) as process:
            process.stdin.write("\n")
            process.stdin.flush()
            assert on_its_way.wait(20)
            process.kill()
            process.wait()
        ((_, kept),) = Cache(tmp_path / "cache").entries()
        assert kept.standing == "unanswered"
        service = CachedService(server.url, path, cache=tmp_path / "cache")
        client = talk(service)
        answers = {"花店": None, "书店": None}
        with service.serve() as proxy:
            for prompt in answers:
                client = talk(proxy.url)
                sent = {"model": "wan2.2-t2i-flash", "prompt_extend": None, "seed": None}
                answers[prompt] = client.create(prompt, **sent)
        service.close()
        never.set()
    assert answers["花店"].json()["code"] == "WanxSim.AmbiguousCreateError"
    assert answers["书店"].status_code == 200
    assert live.ledger.tasks == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_a_disk_that_is_full_is_said_in_one_line_and_nothing_is_bought(tmp_path):
    program = (
        "import resource, signal, sys, runpy\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "runpy.run_path(sys.argv.pop(1), run_name='__main__')\n"
    )
    live = Simulator(timing="instant")
    with live.serve() as server:
        arguments = ("cached", server.url, tmp_path / "shop", tmp_path / "cache", "花店")
        command = [sys.executable, "-c", program, PROGRAMS / "generating.py", *arguments]
        done = subprocess.run(
            [str(part) for part in command], input="\n", capture_output=True, text=True, check=False
        )
    assert done.returncode != 0
    said = done.stderr.splitlines()[-1]
    assert "StoreError: the cache in" in said
    assert "make room or access there" in said
    assert live.ledger.tasks == 0
