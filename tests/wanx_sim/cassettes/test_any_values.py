"""Whatever JSON stands where the format leaves it free, commands and players cope with it."""

from __future__ import annotations

import json
from contextlib import suppress

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings, strategies as st

from wanx_sim import ManualClock, Player
from wanx_sim.cli import cli
from wanx_sim.errors import CassetteError, CassetteMissError

ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**9) | st.floats(-9, 9) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)
STATUSES = st.sampled_from(
    ["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN", "LOST", "", 3, None]
)


def objects(**fields):
    """JSON objects in which some fields have the values that they are known for."""
    known = st.fixed_dictionaries({}, optional={name: ANY | of for name, of in fields.items()})
    return st.builds(lambda some, more: {**more, **some}, known, st.dictionaries(st.text(), ANY))


CREATES = objects(
    model=st.sampled_from(["wan2.2-t2i-flash", "wanx-v1", "none"]),
    input=objects(prompt=st.just("花店"), negative_prompt=st.text()),
    parameters=objects(n=st.integers(-1, 5), size=st.sampled_from(["512*512", "9*9", "x"])),
    synchronous=st.just(True),
)
OTHERS = objects(
    method=st.sampled_from(["GET", "POST", "\n"]),
    path=st.sampled_from(
        ["/", "/_sim/", "/oss/b/k", "/api/v1/tasks", "/api/v1/tasks/t", "/api/v1/tasks/t/cancel"]
    ),
    query=ANY,
)
RESULTS = st.lists(objects(url=st.text(), code=st.text(), orig_prompt=st.text()), max_size=3)
OUTPUTS = objects(
    task_status=STATUSES, results=RESULTS, code=st.just("InternalError.Algo"), end_time=st.text()
)
BODIES = objects(output=OUTPUTS, data=st.lists(OTHERS, max_size=2), code=st.just("Throttling"))
STATES = st.fixed_dictionaries(
    {
        "offset": st.floats(0, 9),
        "body": st.builds(lambda body, output: body | {"output": output}, BODIES, OUTPUTS),
    }
) | st.fixed_dictionaries({"offset": st.floats(0, 9), "status": st.just(429), "body": BODIES})
JOBS = st.builds(
    lambda request, output, states, complete: {
        "type": "job",
        "at": "2025-10-28T04:00:00Z",
        "request": request,
        "created": {"output": output | {"task_id": "t"}},
        "states": states,
        "images": [],
        "complete": complete,
    },
    CREATES,
    OUTPUTS,
    st.lists(STATES, max_size=3),
    st.booleans(),
)
EXCHANGES = st.fixed_dictionaries(
    {
        "type": st.just("exchange"),
        "at": st.just("2025-10-28T04:00:00Z"),
        "operation": st.sampled_from(["create", "query", "cancel", "list", "image", "other"]),
        "request": CREATES | OTHERS,
        "status": st.sampled_from([None, 200, 400, 429, 502]),
        "body": BODIES,
    },
    optional={"text": st.text()},
)


def written(tmp_path_factory, **cassettes):
    """A folder of cassettes, each with its interactions."""
    folder = tmp_path_factory.mktemp("library")
    for name, interactions in cassettes.items():
        document = {"format": "wanx-cassette", "version": 1, "interactions": interactions}
        (folder / f"{name}.json").write_text(json.dumps(document), "utf-8")
    return folder


COMMANDS = (
    ("ls",), ("show",), ("verify",), ("diff", "other.json"), ("prune", "--incomplete", "--dry-run"),
    ("scrub", "--check"), ("export", "-o", "out.har"), ("export", "-o", "out.yaml"),
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    entries=st.lists(JOBS | EXCHANGES, max_size=2), others=st.lists(JOBS | EXCHANGES, max_size=1)
)
def test_a_command_ends_well_or_in_one_line(tmp_path_factory, command, entries, others):
    folder = written(tmp_path_factory, one=entries, other=others)
    name, *rest = (str(folder / part) if "." in part else part for part in command)
    found = CliRunner().invoke(cli, ["cassette", name, str(folder / "one.json"), *rest])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exc_info
    assert found.exit_code in (0, 1)
    assert "Traceback" not in found.output


TASK = "https://dashscope.aliyuncs.com/api/v1/tasks/t"


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(entries=st.lists(JOBS | EXCHANGES, max_size=2), pace=st.sampled_from(["steps", "recorded"]))
def test_a_player_answers_or_says_that_nothing_was_recorded(tmp_path_factory, entries, pace):
    folder = written(tmp_path_factory, one=entries)
    player = Player(folder / "one", pace=pace, clock=ManualClock())
    with httpx.Client(transport=player.transport(), headers={"authorization": "Bearer k"}) as http:
        for method, url in [*[("GET", TASK)] * 4, ("POST", f"{TASK}/cancel"), ("GET", TASK[:-2])]:
            player.clock.advance(1)
            with suppress(CassetteError, CassetteMissError, httpx.TransportError):
                assert http.request(method, url).status_code
