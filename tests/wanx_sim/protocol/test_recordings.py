"""The simulator against recordings of the real service, and against what they prove.

The recordings are somebody else's and lie outside the repository. What they prove is told in
`fixtures/wire/` in words of our own: status, headers, keys in their order, a pattern a value. So
the same is proved where there are no recordings.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FACTS = {path.stem: json.loads(path.read_text("utf-8")) for path in (ROOT / "fixtures/wire").glob("*.json")}  # fmt: skip
RECORDINGS = ROOT.parent / "shared" / "protocol" / "observed"
TYPES = {"string": str, "integer": int}

every_fact = pytest.mark.parametrize("name", sorted(FACTS))

PICTURES = {
    "model": "wanx-v1",
    "input": {"prompt": "一只奔跑的猫"},
    "parameters": {"style": "<sketch>", "size": "1024*1024", "n": 4, "seed": 42},
}


@pytest.fixture
def ask(api, sim):
    """Asks the simulator what a recording asked the service; the last answer."""

    def polled(times):
        task_id = api.submit(body=PICTURES)
        return [api.poll(task_id) for _ in range(times)][-1]

    def ended():
        task_id = api.submit(body=PICTURES)
        sim.finish(task_id)
        return task_id

    def stranger():
        sim.api_keys = {}
        return api.create(body=PICTURES)

    asked = {
        "create": lambda: api.create(body=PICTURES),
        "query-running": lambda: polled(2),
        "query-succeeded": lambda: polled(3),
        "query-unknown": lambda: api.poll("1111"),
        "cancel-refused": lambda: api.cancel(ended()),
        "list": lambda: ended() and api.listed(),
        "wrong-key": stranger,
        "bad-parameter": lambda: api.create(body=PICTURES | {"parameters": {"n": 9}}),
    }
    return lambda name: asked[name]()


@pytest.fixture
def recorded():
    """Reads a recording: status, headers by their names in lower case, body."""

    def read(fact):
        path = RECORDINGS / f"{fact['recording']}.json"
        if not path.exists():
            pytest.skip("the recordings lie outside the repository")
        response = json.loads(path.read_text("utf-8"))["response"]
        headers = {name.lower(): value for name, value in response["headers"]}
        return response["status"], headers, response["body"]

    return read


def gaps(fact, status, headers, body):
    """Where an answer is not what a fact says; empty if it is."""
    found = [] if status == fact["status"] else [f"status {status}"]
    for name, pattern in fact["headers"].items():
        if not re.fullmatch(pattern, headers.get(name, "(absent)")):
            found.append(f"{name}: {headers.get(name)}")
    found += [f"{name} is there" for name in fact["no_headers"] if name in headers]
    return found + list(body_gaps("body", fact["body"], body))


def body_gaps(place, pattern, value):
    if isinstance(pattern, dict):
        if not isinstance(value, dict) or list(pattern) != list(value):
            yield f"{place}: {value}"
            return
        for key in pattern:
            yield from body_gaps(f"{place}.{key}", pattern[key], value[key])
    elif isinstance(pattern, list):
        if not value:
            yield f"{place}: empty"
        for index, item in enumerate(value):
            yield from body_gaps(f"{place}[{index}]", pattern[0], item)
    else:
        kind, _, text = pattern.partition(" ")
        if type(value) is not TYPES[kind] or not re.fullmatch(text, str(value)):
            yield f"{place}: {value!r}"


@pytest.mark.proves(
    "answer.create",
    "answer.running",
    "answer.succeeded",
    "answer.unknown",
    "answer.only-links",
    "answer.list",
    "answer.refusal",
    "answer.status-200",
    "dialect.2025-10",
    "headers.gateway",
    "headers.timing",
    "headers.server",
    "headers.content-type",
    "headers.trace",
    "headers.no-limits",
    "ids.task",
    "ids.request",
    "lifecycle.cancel-else",
    "times.zone",
)
@every_fact
def test_the_simulator_answers_as_the_recordings_prove(ask, name):
    answer = ask(name)
    assert gaps(FACTS[name], answer.status, answer.headers, answer.json) == []


@every_fact
def test_a_fact_is_what_its_recording_proves(recorded, name):
    assert gaps(FACTS[name], *recorded(FACTS[name])) == []


def test_every_recording_has_its_fact():
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings lie outside the repository")
    assert {fact["recording"] for fact in FACTS.values()} == {
        path.stem for path in RECORDINGS.glob("*.json")
    }


@every_fact
def test_a_fact_does_not_hold_of_just_any_answer(ask, name):
    other = "query-unknown" if name != "query-unknown" else "create"
    answer = ask(other)
    assert gaps(FACTS[name], answer.status, answer.headers, answer.json) != []


# --- word for word --------------------------------------------------------------------------------

MASKS = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", "a task id"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[89][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "a request id"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", "a time"),
    (r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", "a date"),
    (r"1[67]\d{11}", "milliseconds"),
    (r"[0-9a-f]{32}", "a trace id"),
)

# What differs between a recording and the simulator's answer, and why that is right.
ALLOWED = {
    ("*", "content-encoding"): "framing: the simulator compresses nothing",
    ("*", "transfer-encoding"): "framing: its answers have a length instead of chunks",
    ("*", "content-length"): "framing: its answers have a length instead of chunks",
    ("*", "x-request-id"): "recorded in 2024 on a 401 only, and in 2026 on every answer",
    ("*", "req-cost-time"): "how long it took",
    ("*", "x-envoy-upstream-service-time"): "how long it took",
    ("wrong-key", "content-type"): (
        "the recording has none; but a log of the Python SDK of 2025-04-28 has this refusal's "
        "code, which the SDK reads from nothing but application/json"
    ),
    ("bad-parameter", "message"): "recorded of a chat model, whose rules are others",
    ("list", "model_name"): "recorded of an embedding",
    ("list", "user_api_unique_key"): "recorded of an embedding",
    ("query-succeeded", "url"): (
        "the recorder cut the signatures off; and wanx-v1's files ended in -1.png, ours are named "
        "as wanx2.1's, by the task's id"
    ),
}


def leaves(value, name=""):
    """The values of a body with their keys, in order; what is different each time is masked."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, key)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item, name)]
    mask = next((mask for pattern, mask in MASKS if re.fullmatch(pattern, str(value))), value)
    return [(name, mask)]


def differences(name, ours, theirs):
    """The keys and headers that differ and are not allowed to; allowed ones are noted as used."""
    ((our_status, our_headers, our_body), (status, headers, body)) = ours, theirs
    found = [] if our_status == status else ["status"]
    ours, theirs = leaves(our_body), leaves(body)
    if [key for key, _ in ours] != [key for key, _ in theirs]:
        return {*found, "keys"}
    found += [key for (key, value), (_, other) in zip(ours, theirs, strict=True) if value != other]
    ours, theirs = dict(leaves(dict(our_headers))), dict(leaves(headers))
    found += [key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)]
    return set(found)


@every_fact
def test_an_answer_differs_from_the_recording_only_where_that_is_explained(ask, recorded, name):
    theirs = recorded(FACTS[name])
    answer = ask(name)
    found = differences(name, (answer.status, answer.headers, answer.json), theirs)
    assert {key for key in found if not {("*", key), (name, key)} & {*ALLOWED}} == set()
    # An explanation of what does not differ would be a lie.
    assert {key for fact, key in ALLOWED if fact == name} <= found
