"""The journal: every request, in order, without its secrets."""

from __future__ import annotations

import msgspec
import pytest

from wanx_sim import journal
from wanx_sim.journal import Entry, Journal

KEY = "sk-very-secret-0123456789"


def entry(operation="create", at=0.0):
    return Entry(at=at, operation=operation, method="GET", path="/", status=200)


# --- as a sequence ------------------------------------------------------------------------------


def test_a_journal_is_a_sequence_oldest_first():
    entries = [entry(at=float(at)) for at in range(4)]
    noted = Journal(iter(entries))
    assert list(noted) == entries
    assert (len(noted), noted[0], noted[-1], noted[1:3]) == (
        4,
        entries[0],
        entries[-1],
        entries[1:3],
    )


def test_a_journal_has_a_view_an_operation():
    noted = Journal(entry(name) for name in ("create", "query", "query", "image", "list"))
    assert [len(view) for view in (noted.creates, noted.queries, noted.images)] == [1, 2, 1]
    assert len(noted.only("list")) == 1


def test_a_journal_keeps_the_last_entries(monkeypatch):
    monkeypatch.setattr(journal, "LIMIT", 3)
    noted = Journal()
    for at in range(5):
        noted.add(entry(at=float(at)))
    assert [kept.at for kept in noted] == [2, 3, 4]


def test_a_journal_says_when_it_has_dropped_entries(monkeypatch):
    monkeypatch.setattr(journal, "LIMIT", 3)
    noted = Journal()
    for _ in range(3):
        noted.add(entry("create"))
    assert not noted.cut
    assert "dropped" not in f"{noted!r}{noted.table()}"
    noted.add(entry("create"))
    assert noted.cut
    assert noted.creates.cut
    assert repr(noted).startswith("<Journal 3 requests, older ones dropped: ")
    assert noted.table().startswith("  older requests were dropped; the newest 3 are kept\n")
    noted.clear()
    assert not noted.cut


def test_a_journal_can_grow_while_it_is_read():
    noted = Journal([entry()])
    for _ in noted:
        noted.add(entry())
    assert len(noted) == 2


# --- what is noted ------------------------------------------------------------------------------


def test_a_create_is_noted_with_what_it_asked_for(api, sim, clock):
    task_id = api.submit("一间花店", "wan2.2-t2i-plus", headers={"User-Agent": "my-app/1.0"})
    (noted,) = sim.requests
    assert noted == Entry(
        at=clock.now(),
        operation="create",
        method="POST",
        path="/api/v1/services/aigc/text2image/image-synthesis",
        status=200,
        task_id=task_id,
        task_status="PENDING",
        model="wan2.2-t2i-plus",
        prompt="一间花店",
        user_agent="my-app/1.0",
        asked=noted.asked,
    )


def test_a_poll_is_noted_with_what_it_saw(api, sim):
    task_id = api.submit()
    for _ in range(3):
        api.poll(task_id)
    api.poll("1111")
    seen = [(noted.task_id, noted.task_status) for noted in sim.requests.queries]
    assert seen == [
        (task_id, "PENDING"),
        (task_id, "RUNNING"),
        (task_id, "SUCCEEDED"),
        ("1111", "UNKNOWN"),
    ]


def test_a_refusal_is_noted_with_its_code(api, sim):
    api.create(n=9)
    api.request("GET", "/nowhere")
    noted = [(noted.operation, noted.status, noted.code) for noted in sim.requests]
    assert noted == [("create", 400, "InvalidParameter"), ("other", 404, "NotFound")]


def test_a_refused_create_is_noted_with_what_it_asked_for(api, sim):
    api.create("一间花店", n=9)
    assert (sim.requests[0].model, sim.requests[0].prompt) == ("wan2.5-t2i-preview", "一间花店")


def test_looking_at_the_journal_is_no_request(api, sim):
    api.submit()
    assert [len(sim.requests), len(list(sim.requests)), len(sim.requests)] == [1, 1, 1]


# --- secrets ------------------------------------------------------------------------------------


@pytest.fixture
def used(connect, sim):
    """A simulator that was sent a key in every place, and whose signed links were used."""
    sim.api_keys = {KEY: "beijing"}
    api = connect(sim, key=KEY)
    link = api.links(n=1, size="768*768")[0]
    api.get(link)
    api.get(link[:-4] + "AAAA")
    api.listed()
    api.create(n=9)
    api.cancel(sim.tasks.only.task_id)
    connect(sim, key=KEY + "-wrong").create()
    return sim


def test_no_key_stands_in_the_journal(used):
    assert KEY not in msgspec.json.encode(list(used.requests)).decode()
    assert KEY not in repr(list(used.requests))


def test_no_signature_stands_in_the_journal(used):
    text = msgspec.json.encode(list(used.requests)).decode()
    assert len(used.requests.images) == 2
    for mark in ("Signature", "OSSAccessKeyId", "Expires", "Bearer"):
        assert mark not in text


def test_no_key_stands_in_any_repr(used):
    shown = [used, used.requests, used.tasks, used.tasks.only, used.ledger, used.store, used.faults]
    shown += [used.transport(), used.asgi_app(), used.serve(), used.tasks.only.record]
    assert not [repr(thing) for thing in shown if KEY in repr(thing)]


def test_neither_a_request_nor_a_response_shows_its_secrets(sim, make_request):
    request = make_request("/oss/b/k?Signature=abc", headers={"authorization": f"Bearer {KEY}"})
    response = sim.handle(request)
    assert repr(request) == "<Request GET https://dashscope.aliyuncs.com/oss/b/k>"
    assert repr(response) == f"<Response {response.status}, {len(response.body)} bytes>"
