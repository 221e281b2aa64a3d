"""The rows of the socket group, with servers and a load that are made up."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from benchmarks.__main__ import measured
from benchmarks.harness.figures import Sample
from benchmarks.harness.peers import Absent, Peers
from benchmarks.harness.processes import WorkerError
from benchmarks.rows import GROUPS, sockets
from benchmarks.rows.contenders import CONTENDERS, Contender

BARE = "WireMock without a journal"
MILLISECONDS = {
    "memory": 2, "reference": 1, "disk": 4, "aimock": 8, "mountebank": 10, "moto": 100, BARE: 6,
}  # fmt: skip


class Up(nullcontext):
    """A server that is up and answers all with 200."""

    def ask(self, *_):
        return 200, b"{}"


def absent(_):
    raise Absent("no java here")


def broken(_):
    raise WorkerError("no answer from redis-server")


@pytest.fixture
def made_up(monkeypatch):
    contenders = {
        who: Contender(lambda _, who=who: [Up(who)], [], lambda _: []) for who in MILLISECONDS
    }
    contenders |= {"WireMock": Contender(absent, [], list), "redis": Contender(broken, [], list)}

    def load(servers, _sent, _script):
        return lambda: Sample(MILLISECONDS[servers[0].enter_result] / 1000)

    monkeypatch.setattr(sockets, "CONTENDERS", contenders)
    monkeypatch.setattr(sockets, "load", load)
    monkeypatch.setattr(sockets, "program", lambda _: "wrk")


@pytest.fixture
def results(made_up, bench):
    names = [row.name for row in GROUPS["sockets"].rows]
    return {result.row.name: result for result in measured(bench(*names), "sockets")}


@pytest.mark.parametrize("task", ["poll", "create"])
def test_ours_is_held_against_the_reference_and_our_stores_against_memory(results, task):
    assert results[task].figure.value == 0.5
    assert results[f"disk-{task}"].figure.value == 0.5


@pytest.mark.parametrize("task", ["poll", "create"])
def test_ours_is_held_against_the_fastest_peer_and_the_note_tells_of_all(results, task):
    result = results[f"{task}-peers"]
    assert result.figure.value == 4
    assert result.series[1].who == "aimock"
    assert result.note == (
        "4.00x aimock, 5.00x mountebank, 50.00x moto, 3.00x WireMock without a journal, "
        "WireMock: no java here"
    )


def test_no_goal_is_held_against_wiremock_without_its_journal_for_ours_is_on(results):
    result = results["poll-peers"]
    who = [series.who for series in result.series]
    assert who == ["memory", "aimock", "mountebank", "moto", BARE]
    fastest = min(result.series[1:], key=lambda series: series.value)
    assert (fastest.who, result.figure.value) == (BARE, 4)


def test_wiremock_is_started_as_it_comes_and_once_more_without_its_journal(
    bench, tmp_path, monkeypatch
):
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr(Peers, "node", lambda *_: tmp_path / "wiremock.jar")
    as_it_comes, bare = (repr(CONTENDERS[who].start(bench())[0]) for who in ("WireMock", BARE))
    assert "journal" not in as_it_comes
    assert " --no-request-journal" in bare


def test_a_store_that_did_not_come_up_says_why(results):
    assert results["redis-poll"].figure is None
    assert results["redis-poll"].note == "not measured: no answer from redis-server"


def test_without_a_load_generator_no_row_is_measured(bench, monkeypatch):
    monkeypatch.setenv("PATH", "")
    (result,) = measured(bench("poll"), "sockets")
    assert (result.figure, result.note) == (None, "not measured: no wrk here")


def test_only_servers_that_a_wanted_row_needs_are_started(made_up, bench):
    said = []
    run = bench("disk-poll")
    run.tell = said.append
    (result,) = measured(run, "sockets")
    assert result.figure.value == 0.5
    assert said[-1] == "poll: memory, disk; 1 rounds"
