"""The assertions of a simulator, and the words in which they fail."""

from __future__ import annotations

import httpx
import pytest
from rich.cells import cell_len

from wanx_sim.journal import Entry
from wanx_sim.testing.table import WIDTH, table


def fails(assertion, *arguments, **options):
    """The lines of its message, without what ids and columns they happen to have."""
    with pytest.raises(AssertionError) as caught:
        assertion(*arguments, **options)
    return str(caught.value).split("\n")


# --- no duplicate submits ---------------------------------------------------------------------------


def test_different_orders_are_no_duplicates(api, sim):
    api.submit("一间花店", n=1)
    api.submit("一间花店", n=2)
    api.submit("一间花店", n=1, seed=1)
    api.submit("一间书店", n=1)
    sim.assert_no_duplicate_submits()


def test_refused_creates_are_no_duplicates(api, sim):
    for _ in range(2):
        api.create("一间花店", n=9)
    sim.assert_no_duplicate_submits()


def test_the_same_order_twice_is_one_however_it_is_spelt(api, sim):
    first = api.submit("一间花店", n=1)
    second = api.submit("一间花店", n=1, size="1280*1280", watermark=False)
    other = api.submit("一间书店", n=1)
    a, b, c = first[:8], second[:8], other[:8]
    asked = "wan2.5-t2i-preview 1280*1280 n=1 '一间花店'"
    assert fails(sim.assert_no_duplicate_submits) == [
        f"the same request was accepted 2 times, ¥0.40 in all: {asked}",
        "Each order is a task of its own, and each is billed.",
        "",
        "   #      at  request  task      answer       asked for",
        f">  1  +0.0 s  create   {a}  200 PENDING  wan2.5-t2i-preview 一间花店",
        f">  2  +0.0 s  create   {b}  200 PENDING  wan2.5-t2i-preview 一间花店",
        f"   3  +0.0 s  create   {c}  200 PENDING  wan2.5-t2i-preview 一间书店",
    ]


def test_a_lost_answer_that_was_accepted_counts(api, sim):
    prompt = "[[lost-response]] 一间花店"
    with pytest.raises(httpx.RemoteProtocolError):
        api.create(prompt, n=1)
    sim.assert_no_duplicate_submits()
    api.submit(prompt, n=1)
    message = "\n".join(fails(sim.assert_no_duplicate_submits))
    assert "connection lost  wan2.5-t2i-preview [[lost-response]] 一间花店" in message


# --- polls at most ----------------------------------------------------------------------------------


def test_few_polls_of_each_task_are_fine(api, sim):
    for task_id in (api.submit("花"), api.submit("鸟")):
        for _ in range(3):
            api.poll(task_id)
    sim.assert_polls_at_most(3)


def test_a_task_that_is_polled_more_often_is_named(api, sim):
    sim.timing = "manual"
    calm, hasty = api.submit("花"), api.submit("鸟")
    api.poll(calm)
    for _ in range(30):
        api.poll(hasty)
    a, b = calm[:8], hasty[:8]
    assert fails(sim.assert_polls_at_most, 10) == [
        f"task {hasty} was polled 30 times, at most 10 are wanted",
        "",
        "    #      at  request  task      answer           asked for",
        f"    1  +0.0 s  create   {a}  200 PENDING      wan2.5-t2i-preview 花",
        f"    2  +0.0 s  create   {b}  200 PENDING      wan2.5-t2i-preview 鸟",
        f"    3  +0.0 s  query    {a}  200 PENDING",
        f"    4  +0.0 s  query    {b}  200 PENDING",
        "    ⋮  +0.0 s  ⋮                  9 more like it",
        f">  14  +0.0 s  query    {b}  200 PENDING",
        "    ⋮  +0.0 s  ⋮                  19 more like it",
    ]
    sim.assert_polls_at_most(1, task_id=calm)
    assert len(fails(sim.assert_polls_at_most, 29, task_id=hasty)) > 1


def test_a_task_that_was_never_polled_is_polled_at_most_never(api, sim):
    sim.assert_polls_at_most(0, task_id=api.submit())


# --- all downloaded ---------------------------------------------------------------------------------


def test_a_picture_that_nobody_fetched_is_missed(api, sim):
    links = api.links(n=2, size="768*768")
    api.get(links[0])
    api.get(links[0])
    task_id = sim.tasks.only.task_id
    message = f"task {task_id} delivered 2 pictures, 1 of them fetched"
    assert fails(sim.assert_all_downloaded)[0] == message
    api.get(links[1])
    sim.assert_all_downloaded()


def test_what_did_not_succeed_has_nothing_to_fetch(api, sim):
    api.submit("花")
    sim.fail(api.submit("鸟"))
    sim.assert_all_downloaded()


def test_a_refused_download_is_none(api, sim, clock):
    (link,) = api.links(n=1, size="768*768")
    clock.advance(hours=25)
    api.get(link)
    assert fails(sim.assert_all_downloaded)[0].endswith("delivered 1 picture, none of them fetched")


# --- the table --------------------------------------------------------------------------------------


def entry(**fields):
    given = {"at": 0.0, "operation": "query", "method": "GET", "path": "/", "status": 200} | fields
    return Entry(**given)


def test_columns_are_aligned_also_behind_chinese_characters():
    shown = table([
        entry(operation="create", task_id="12345678-9", model="wan", prompt="花\n店"),
        entry(at=12.5, status=429, code="Throttling"),
    ])  # fmt: skip
    assert shown.split("\n") == [
        "  #       at  request  task      answer          asked for",
        "  1   +0.0 s  create   12345678  200             wan 花 店",
        "  2  +12.5 s  query              429 Throttling  /",
    ]


def test_no_line_is_wider_than_a_terminal():
    shown = table([entry(operation="create", model="wan2.5-t2i-preview", prompt="花" * 200)])
    widths = [cell_len(line) for line in shown.split("\n")]
    assert max(widths) in (WIDTH - 1, WIDTH)
    assert shown.endswith("花…")


def test_a_long_journal_shows_its_beginning_and_its_end():
    lines = table([entry(task_id=str(number)) for number in range(100)]).split("\n")
    assert len(lines) == 1 + 41
    assert lines[21].split() == ["⋮", "60", "lines", "more"]
    assert lines[1].split()[0] == "1"
    assert lines[-1].split()[0] == "100"


def test_a_journal_without_requests_says_so():
    assert table([]) == "  no requests"
