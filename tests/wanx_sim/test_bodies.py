"""Polls are answered from memory, and nobody can tell: what is remembered is never out of date."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings, strategies as st

from wanx_sim import Fault, ManualClock, Region, Simulator
from wanx_sim.protocol.lifecycle import IllegalTransition
from wanx_sim.wire import ConnectionLost, Request

CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
BODY = '{"model":"wan2.5-t2i-preview","input":{"prompt":"%s"},"parameters":{"n":2}}'
MARKS = ("", "[[pending:5s]]", "[[running:3polls]]", "[[stuck]]", "[[fail:InternalError.Algo]]")
TIMINGS = ("instant", "polls:1,1", "seconds:5,5", "manual")


@dataclass
class Told:
    """A simulator, and whatever may be done to one."""

    forgetful: bool
    sim: Simulator = field(
        default_factory=lambda: Simulator(clock=ManualClock(1_790_000_000), timing="seconds:5,5")
    )
    ids: list[str] = field(default_factory=list)

    def send(self, method, path, *, host="sim.test", key="sk-a", query="", body=""):
        if self.forgetful:
            self.sim._answers._polls.clear()
        headers = {
            "authorization": f"Bearer {key}",
            "x-dashscope-async": "enable",
            "content-type": "application/json",
        }
        asked = Request(
            method=method, host=host, path=path, query=query, headers=headers, body=body.encode()
        )
        try:
            answer = self.sim.handle(asked)
        except ConnectionLost:
            return None
        return answer.status, answer.headers, answer.body

    def create(self, mark):
        answer = self.send("POST", CREATE, body=BODY % (mark + "花店"))
        self.ids = [task.task_id for task in self.sim.tasks]
        return answer

    def poll(self, which, **how):
        return self.send(how.pop("method", "GET"), f"/api/v1/tasks/{self.id_of(which)}", **how)

    def cancel(self, which):
        return self.send("POST", f"/api/v1/tasks/{self.id_of(which)}/cancel")

    def by_hand(self, name, which):
        try:
            getattr(self.sim, name)(self.id_of(which))
        except (KeyError, IllegalTransition) as error:
            return type(error)
        return None

    def set(self, name, value):
        setattr(self.sim, name, value)

    def id_of(self, which):
        return self.ids[which % len(self.ids)] if self.ids else "none"


def does(name, *values, **named):
    """Calls of one method, with values drawn for its arguments."""
    drawn = st.tuples(*values), st.fixed_dictionaries({}, optional=named)
    return st.builds(lambda args, kwargs: (name, args, kwargs), *drawn)


def sets(name, *values):
    return st.builds(lambda value: ("set", (name, value), {}), st.sampled_from(values))


WHICH = st.integers(0, 2)
POLL = does(
    "poll",
    WHICH,
    host=st.sampled_from(["other.test", "dashscope-intl.aliyuncs.com"]),
    key=st.sampled_from(["sk-b", ""]),
    query=st.just("a=1"),
    method=st.sampled_from(["POST", "HEAD"]),
)
FAULTS = st.sampled_from(
    [
        Fault(on="query", code="Throttling.RateQuota"),
        Fault(on="query", lost_response=True),
        Fault(on="cancel", finish=True),
        Fault(on="any", nth=2, status=502),
    ]
)
ANYTHING = st.one_of(
    POLL,
    does("poll", WHICH),
    does("create", st.sampled_from(MARKS)),
    does("cancel", WHICH),
    does("by_hand", st.sampled_from(["finish", "fail", "expire_urls"]), WHICH),
    st.builds(lambda hours: ("advance", (hours,), {}), st.sampled_from([0.001, 0.002, 25])),
    st.builds(lambda fault: ("arm", (fault,), {}), FAULTS),
    st.just(("reset", (), {})),
    sets("timing", *TIMINGS),
    sets("api_keys", None, {"sk-a": "beijing"}, {"sk-b": "singapore"}),
    sets("region", "beijing", "singapore"),
    sets("public_url", None, "https://pictures.test"),
    sets("failed_shape", "full", "plain"),
    sets("result_hosts", "region", "accelerate"),
    sets("profile", "2025-10", "2026-10"),
    sets("rate_limits", True, False),
    sets("magic_prompts", True, False),
)


@given(st.lists(ANYTHING, min_size=1, max_size=12))
@settings(max_examples=300, deadline=None)
def test_whatever_is_done_the_answers_are_those_of_one_that_remembers_nothing(steps):
    found = []
    for one in (Told(forgetful=False), Told(forgetful=True)):
        verbs = {
            "advance": lambda hours, sim=one.sim: sim.clock.advance(hours=hours),
            "arm": one.sim.faults.add,
            "reset": one.sim.reset,
        }
        said = [one.create(""), one.poll(0)]
        for name, args, kwargs in steps:
            said.append((verbs.get(name) or getattr(one, name))(*args, **kwargs))
            said += [one.poll(0), one.poll(0)]
        found.append((said, list(one.sim.requests)))
    assert found[0] == found[1]


@pytest.fixture
def polled():
    """A simulator with a task that has been polled twice, and how to poll it once more."""
    told = Told(forgetful=False)
    told.create("")
    told.sim.clock.advance(60)
    told.poll(0)
    told.poll(0)
    return told


def test_a_poll_like_the_one_before_writes_no_new_body(polled, monkeypatch):
    monkeypatch.setattr("wanx_sim.protocol.responses.queried", None)  # whoever calls it fails
    assert b"SUCCEEDED" in polled.poll(0)[2]


def test_each_answer_has_a_request_id_of_its_own_and_is_in_the_journal(polled):
    bodies = {polled.poll(0)[2] for _ in range(3)}
    assert len(bodies) == 3
    assert len(polled.sim.requests.queries) == 5


def test_a_key_that_is_revoked_is_refused_at_once(polled):
    polled.sim.api_keys = {"sk-a": Region.BEIJING}
    assert polled.poll(0)[0] == 200
    del polled.sim.api_keys["sk-a"]
    assert polled.poll(0)[0] == 401


def test_what_is_remembered_has_a_limit(monkeypatch):
    told = Told(forgetful=False)
    told.sim._answers._polls._limit = 2
    for _ in range(4):
        told.create("")
    for which in range(4):
        told.poll(which)
    assert [path.rpartition("/")[2] for path in told.sim._answers._polls] == told.ids[2:]
