"""Virtual time: sleeps are over at once, in order, and the simulator's clock moves by them."""

# ruff: noqa: ASYNC110, PT012 - sleeping in a loop, until a deadline ends it, is what is tested

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.server
import socket
import subprocess
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from time import perf_counter, sleep as imported_early

import anyio
import httpx
import pytest
import trio

from wanx_sim.errors import EndlessSleepError
from wanx_sim.testing import callers, timeline
from wanx_sim.testing.virtual_time import virtual_time

LONG = 30.0
"""Seconds that nobody would really wait for here."""


class Diary:
    """Who did what, and when on the clock."""

    def __init__(self, clock):
        self.clock, self.lines = clock, []

    def note(self, name):
        self.lines.append((name, self.clock.now()))


@pytest.fixture
def diary(clock):
    return Diary(clock)


# --- time.sleep -----------------------------------------------------------------------------------


def test_time_sleep_moves_the_clock_and_nothing_else(virtual, clock):
    real = time.time(), time.monotonic(), perf_counter()
    time.sleep(LONG)
    assert clock.now() == LONG
    assert all(
        now - was < 60
        for now, was in zip((time.time(), time.monotonic(), perf_counter()), real, strict=True)
    )
    assert (virtual.slept, virtual.sleeps) == (LONG, 1)


def test_a_name_that_was_imported_before_sleeps_on_the_clock_too(clock):
    def early():  # the module's own reference, made when it was imported
        globals()["imported_early"](LONG)

    with virtual_time(clock):
        early()
    assert clock.now() == LONG


def test_a_reference_that_is_kept_for_longer_sleeps_for_real_again(clock):
    with virtual_time(clock):
        kept = time.sleep
    before = perf_counter()
    kept(0.01)
    assert perf_counter() - before >= 0.01
    assert clock.now() == 0


def test_everything_is_put_back(clock):
    before = [
        time.sleep,
        imported_early,
        asyncio.sleep,
        asyncio.timeout,
        asyncio.wait_for,
        asyncio.wait,
    ]
    before += [anyio.sleep, anyio.fail_after, trio.sleep, trio.move_on_after]
    with contextlib.suppress(ZeroDivisionError), virtual_time(clock):
        assert time.sleep is not before[0]
        module = types.ModuleType("imported_meanwhile")
        module.sleep = time.sleep
        sys.modules[module.__name__] = module
        raise ZeroDivisionError
    after = [
        time.sleep,
        imported_early,
        asyncio.sleep,
        asyncio.timeout,
        asyncio.wait_for,
        asyncio.wait,
    ]
    after += [anyio.sleep, anyio.fail_after, trio.sleep, trio.move_on_after]
    assert after == before
    assert sys.modules.pop("imported_meanwhile").sleep is before[0]


def test_blocks_may_lie_in_one_another(clock):
    with virtual_time(clock) as outer:
        with virtual_time(clock) as inner:
            time.sleep(1)
        time.sleep(2)
    assert (outer.slept, inner.slept) == (2, 1)


def test_threads_sleep_at_once_and_wake_in_order(virtual, diary):
    def worker(seconds):
        time.sleep(seconds)
        diary.note(seconds)

    workers = [Thread(target=worker, args=(seconds,)) for seconds in (50, 10, 30)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert diary.lines == [(10, 10), (30, 30), (50, 50)]


def test_a_sleep_that_is_handed_to_a_thread_is_virtual(virtual, clock):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(time.sleep, LONG).result()
    thread = Thread(target=time.sleep, args=(LONG,))
    thread.start()
    thread.join()
    assert clock.now() == 2 * LONG


def test_a_thread_that_was_there_before_sleeps_for_real(clock):
    go, done = Event(), Event()

    def monitor():
        go.wait()
        time.sleep(0.01)
        done.set()

    thread = Thread(target=monitor)
    thread.start()
    with virtual_time(clock) as virtual:
        go.set()
        done.wait()
        assert virtual.sleeps == 0
    thread.join()


def test_a_worker_that_an_earlier_test_left_in_a_pool_sleeps_on_the_clock(clock):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with virtual_time(clock):
            pool.submit(time.sleep, LONG).result()
    assert clock.now() == LONG


@pytest.mark.parametrize(
    "module", ["my_application.jobs", "tenacity.nap", "urllib3.util.retry", "__main__"]
)
def test_applications_and_their_libraries_do_not(module):
    assert not callers.is_machinery(module)


def test_a_process_that_is_waited_for_is_waited_for(virtual):
    # `subprocess` looks again and again, with time.sleep between.
    subprocess.run([sys.executable, "-c", ""], timeout=30, check=True)
    assert virtual.sleeps == 0


def test_a_loop_without_an_end_is_ended_and_no_except_exception_stops_that(virtual, monkeypatch):
    monkeypatch.setattr(timeline, "MOST_SLEEPS", 20)

    def stubborn():
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            try:
                time.sleep(10)
            except Exception:  # noqa: BLE001, S112 - as badly as can be
                continue

    with pytest.raises(EndlessSleepError) as caught:
        stubborn()
    assert str(caught.value) == (
        "the application slept 20 times in this test, 200 s in all: this has no end.\n"
        "Virtual time patches no clock, so a deadline read from time.monotonic() or time.time() "
        "never comes.\n"
        "Let the application count its polls, or use asyncio.timeout, anyio.fail_after or "
        "trio.fail_after;\n"
        "or let the task end: wanx_sim.finish(task_id)."
    )


# --- asyncio --------------------------------------------------------------------------------------


def test_asyncio_sleep_moves_the_clock_and_hands_back_its_result(virtual, clock):
    assert asyncio.run(asyncio.sleep(LONG, "result")) == "result"
    assert clock.now() == LONG


def test_coroutines_sleep_at_once_and_wake_in_order(virtual, diary):
    async def sleeper(*naps):
        for nap in naps:
            await asyncio.sleep(nap)
            diary.note(naps)

    async def main():
        await asyncio.gather(sleeper(30), sleeper(10, 10, 20), sleeper(15))

    asyncio.run(main())
    short, middle, long = (10, 10, 20), (15,), (30,)
    assert diary.lines == [(short, 10), (middle, 15), (short, 20), (long, 30), (short, 40)]


def test_who_wakes_may_do_much_before_time_goes_on(virtual, diary):
    async def busy():
        await asyncio.sleep(10)
        for _ in range(100):
            await asyncio.sleep(0)
        diary.note("busy")

    async def main():
        await asyncio.gather(busy(), asyncio.sleep(11))
        diary.note("all")

    asyncio.run(main())
    assert diary.lines == [("busy", 10), ("all", 11)]


def test_sleep_zero_yields_and_moves_nothing(virtual, clock):
    turns = []

    async def turn(name):
        for _ in range(2):
            turns.append(name)
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(turn("a"), turn("b"))

    asyncio.run(main())
    assert (turns, clock.now(), virtual.sleeps) == (["a", "b", "a", "b"], 0, 0)


def test_a_cancelled_sleeper_holds_nobody(virtual, clock):
    async def main():
        long = asyncio.create_task(asyncio.sleep(LONG))
        await asyncio.sleep(10)
        long.cancel()
        with pytest.raises(asyncio.CancelledError):
            await long
        await asyncio.sleep(10)

    asyncio.run(main())
    assert clock.now() == 20


async def _wait_for():
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.sleep(100), 1)


async def _timeout():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await asyncio.sleep(100)


async def _timeout_around_others():
    async def child():
        await asyncio.sleep(100)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            async with asyncio.TaskGroup() as group:
                group.create_task(child())


async def _wait():
    task = asyncio.create_task(asyncio.sleep(100))
    assert await asyncio.wait([task], timeout=1) == (set(), {task})
    task.cancel()


async def _queue():
    queue = asyncio.Queue()

    async def producer():
        await asyncio.sleep(100)
        queue.put_nowait("late")

    task = asyncio.create_task(producer())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 1)
    task.cancel()


@pytest.mark.parametrize("program", [_wait_for, _timeout, _timeout_around_others, _wait, _queue])
def test_a_deadline_over_a_sleep_ends_it(virtual, clock, program):
    asyncio.run(program())
    assert clock.now() == 1


def test_a_deadline_over_a_poll_loop_comes_when_its_sleeps_add_up(virtual, clock):
    async def main():
        polls = 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(600):
                while True:
                    polls += 1
                    await asyncio.sleep(10)
        return polls

    assert asyncio.run(main()) == 60
    assert clock.now() == 600


def test_a_deadline_that_was_not_needed_is_forgotten(virtual, clock):
    async def main():
        assert await asyncio.wait_for(asyncio.sleep(1, "in time"), 5) == "in time"
        gc.collect()
        await asyncio.sleep(100)

    asyncio.run(main())
    assert clock.now() == 101


def test_a_deadline_that_was_put_off_is_put_off(virtual):
    async def main():
        async with asyncio.timeout(1) as scope:
            scope.reschedule(asyncio.get_running_loop().time() + LONG)
            await asyncio.sleep(10)

    asyncio.run(main())
    assert virtual.slept == 10


def test_wait_waits_as_ever_without_a_timeout(virtual, clock):
    async def main():
        tasks = [asyncio.create_task(asyncio.sleep(seconds)) for seconds in (5, 50)]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert (done, pending) == ({tasks[0]}, {tasks[1]})
        tasks[1].cancel()

    asyncio.run(main())
    assert clock.now() == 5


def test_a_sleep_in_a_thread_and_one_in_the_loop_wake_in_order(virtual, diary):
    async def in_thread():
        await asyncio.to_thread(time.sleep, 20)
        diary.note("thread")

    async def in_loop():
        await asyncio.sleep(10)
        diary.note("loop")
        await asyncio.sleep(20)
        diary.note("loop")

    async def main():
        await asyncio.gather(in_thread(), in_loop())

    asyncio.run(main())
    assert diary.lines == [("loop", 10), ("thread", 20), ("loop", 30)]


def test_who_spins_until_somebody_has_slept_is_not_left_spinning(virtual, clock):
    async def main():
        sleeper = asyncio.create_task(asyncio.sleep(LONG))
        while not sleeper.done():
            await asyncio.sleep(0)

    asyncio.run(main())
    assert clock.now() == LONG


# --- a real network beside it -----------------------------------------------------------------------


@pytest.fixture
def real_server():
    """A server of another make, in a thread, whose answers really take their time."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # one connection, so one thread, for all requests

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_time_stands_still_while_an_answer_is_on_its_way(real_server, clock, diary, backend):
    async def ask(client):
        for _ in range(5):
            assert (await client.get(real_server)).status_code == 200
        diary.note("answered")

    async def main():
        async with httpx.AsyncClient(trust_env=False) as client, anyio.create_task_group() as group:
            group.start_soon(ask, client)
            await anyio.sleep(LONG)
            diary.note("slept")

    with virtual_time(clock):
        anyio.run(main, backend=backend)
    assert diary.lines == [("answered", 0), ("slept", LONG)]


def test_a_network_that_never_answers_holds_nobody_for_long(virtual, clock):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as silent:
            reader, writer = await asyncio.open_connection(*silent.getsockname())
            asking = asyncio.create_task(reader.read())
            cpu = time.process_time()
            for _ in range(5):
                await asyncio.sleep(LONG)
            assert time.process_time() - cpu < 1, "it waits, it does not spin"
            asking.cancel()
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())
    assert clock.now() == 5 * LONG


def test_a_library_s_own_deadline_over_a_network_stays_real(virtual):
    namespace = {"__name__": "aiohttp.helpers", "asyncio": asyncio}
    exec("def deadline(): return asyncio.timeout(25)", namespace)  # noqa: S102 - as above
    answered = Event()

    async def beat():
        while virtual.slept < LONG:
            await asyncio.sleep(10)
        answered.set()

    async def main():
        heart = asyncio.create_task(beat())
        async with namespace["deadline"]():
            await asyncio.get_running_loop().run_in_executor(None, answered.wait)
        await heart

    asyncio.run(main())
    assert virtual.slept == LONG


def test_who_holds_time_is_waited_for(clock):
    held = [True]
    with virtual_time(clock, held=lambda: held[0]) as virtual:

        async def main():
            sleeper = asyncio.create_task(asyncio.sleep(LONG))
            await asyncio.get_running_loop().run_in_executor(None, Event().wait, 0.1)
            assert virtual.slept == 0
            held[0] = False
            await sleeper

        asyncio.run(main())
    assert clock.now() == LONG


# --- anyio, trio ------------------------------------------------------------------------------------


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


def test_anyio_sleepers_wake_in_order(virtual, diary, backend):
    async def sleeper(seconds):
        await anyio.sleep(seconds)
        diary.note(seconds)

    async def main():
        async with anyio.create_task_group() as group:
            for seconds in (30, 10, 20):
                group.start_soon(sleeper, seconds)

    anyio.run(main, backend=backend)
    assert diary.lines == [(10, 10), (20, 20), (30, 30)]


def test_anyio_deadlines_come_when_sleeps_add_up(virtual, clock, backend):
    async def main():
        with pytest.raises(TimeoutError), anyio.fail_after(600):
            while True:
                await anyio.sleep(10)
        with anyio.move_on_after(5) as scope:
            await anyio.sleep(LONG)
        assert scope.cancelled_caught
        with anyio.move_on_after(5) as scope:
            await anyio.sleep(1)
        assert not scope.cancelled_caught

    anyio.run(main, backend=backend)
    assert clock.now() == 606


def test_anyio_sleep_zero_moves_nothing(virtual, clock, backend):
    anyio.run(anyio.sleep, 0, backend=backend)
    assert (clock.now(), virtual.sleeps) == (0, 0)


def test_trio_sleepers_wake_in_order_and_its_deadlines_come(virtual, diary):
    async def sleeper(seconds):
        await trio.sleep(seconds)
        diary.note(seconds)

    async def main():
        async with trio.open_nursery() as nursery:
            for seconds in (30, 10, 20):
                nursery.start_soon(sleeper, seconds)
        with pytest.raises(trio.TooSlowError), trio.fail_after(5):
            await trio.sleep(LONG)
        with trio.move_on_after(5) as scope:
            await trio.sleep(LONG)
        assert scope.cancelled_caught

    trio.run(main)
    assert diary.lines == [(10, 10), (20, 20), (30, 30)]
    assert diary.clock.now() == 40


def test_a_cancelled_trio_sleeper_holds_nobody(virtual, clock):
    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, LONG)
            await trio.sleep(10)
            nursery.cancel_scope.cancel()
        await trio.sleep(10)

    trio.run(main)
    assert clock.now() == 20


def test_a_sleep_that_is_handed_to_a_thread_of_anyio_or_trio_is_virtual(virtual, clock, backend):
    anyio.run(anyio.to_thread.run_sync, time.sleep, LONG, backend=backend)
    trio.run(trio.to_thread.run_sync, time.sleep, LONG)
    assert clock.now() == 2 * LONG


# --- other loops ------------------------------------------------------------------------------------


def test_uvloop_keeps_the_order_too(virtual, diary):
    uvloop = pytest.importorskip("uvloop")

    async def sleeper(seconds):
        await asyncio.sleep(seconds)
        diary.note(seconds)

    async def main():
        await asyncio.gather(sleeper(30), sleeper(10), sleeper(20))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(LONG), 10)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    assert diary.lines == [(10, 10), (20, 20), (30, 30)]
    assert diary.clock.now() == 40


def test_it_says_how_much_was_slept(virtual):
    time.sleep(90)
    assert repr(virtual) == "<VirtualTime 90 s slept in 1 sleeps>"
