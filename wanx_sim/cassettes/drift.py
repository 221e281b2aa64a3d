"""Drift: where the simulator, asked what a cassette recorded, answers in another shape.

The shape of an answer is its keys and the types of their values; words, ids, times and links are
the service's own each time. Whatever a request cannot foretell (a task that failed, a throttled
account) the simulator is told, and what counts is how it says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, get_args

import msgspec

from ..clock import ManualClock
from ..faults import Fault
from ..protocol import errors, routes
from ..protocol.catalogue import API_HOSTS, PROFILES, Region
from ..protocol.lifecycle import RETENTION, Status
from ..protocol.responses import FailedShape
from ..settings import Validation
from ..simulator import Simulator
from ..wire import Request, Response
from . import redaction
from .format import Exchange, Job, Json, State

Difference = tuple[str, str, str]
"""A field's dotted path, what was recorded there, what the simulator answers."""

_FROM_THE_REQUEST = errors.INVALID_PARAMETER.code
"""Codes that begin so follow from the request; any other is the account's, or chance."""

_SETTINGS: list[tuple[str, Validation, FailedShape]] = [
    (profile, validation, shape)
    for shape in get_args(FailedShape)
    for profile in PROFILES
    for validation in get_args(Validation)
]

_RECORDED = ("create", "query", "cancel", "list")
_POLLS = 4
_NOTHING = "nothing"


def of_job(job: Job, region: Region) -> list[Difference]:
    """Where the answers about a job differ in shape.

    The simulator answers as each of its profiles does, for the service was recorded in one state
    of its documents; the one that is nearest counts.
    """
    return _nearest(_job(job, _Asked(region, *setting)) for setting in _SETTINGS)


def of_exchange(entry: Exchange, region: Region) -> list[Difference]:
    """Where the answer to a request that is no job differs in shape.

    A broken connection and a page of a gateway's are no answers of the service, and have none. Nor
    has a request that no recorder writes down.
    """
    if entry.status is None or entry.text is not None or "malformed" in entry.request:
        return []
    if entry.operation not in _RECORDED:
        return []
    return _nearest(_exchange(entry, _Asked(region, *setting)) for setting in _SETTINGS)


def _nearest(attempts: Iterable[list[Difference]]) -> list[Difference]:
    best: list[Difference] | None = None
    for found in attempts:
        if best is None or len(found) < len(best):
            best = found
        if not best:
            break
    return best or []


class _Asked:
    """A simulator to ask, in one of its settings."""

    def __init__(
        self, region: Region, profile: str, validation: Validation, failed_shape: FailedShape
    ) -> None:
        self.simulator = Simulator(
            clock=ManualClock(),
            region=region,
            profile=profile,
            validation=validation,
            failed_shape=failed_shape,
            magic_prompts=False,
        )
        self.host = next(host for host, place in API_HOSTS.items() if place is region)

    def create(self, form: Json) -> Response:
        body = {name: form[name] for name in ("model", "input", "parameters") if name in form}
        headers = {} if form.get("synchronous") else {"x-dashscope-async": "enable"}
        return self.ask("POST", routes.CREATE_PATH, body=msgspec.json.encode(body), **headers)

    def task(self, form: Json) -> str:
        """The id of a new task; nothing if it was refused."""
        output = _json(self.create(form)).get("output")
        return str(output["task_id"]) if output else ""

    def poll(self, task_id: str) -> Response:
        return self.ask("GET", f"{routes.TASKS_PATH}/{task_id}")

    def cancel(self, task_id: str) -> Response:
        return self.ask("POST", f"{routes.TASKS_PATH}/{task_id}/cancel")

    def ask(self, method: str, path: str, *, body: bytes = b"", **headers: str) -> Response:
        known = {"authorization": "Bearer sk-drift", "content-type": "application/json"}
        return self.simulator.handle(
            Request(
                method=method,
                scheme="https",
                host=self.host,
                path=path,
                headers=known | headers,
                body=body,
            )
        )


# --- jobs -----------------------------------------------------------------------------------------


def _job(job: Job, asked: _Asked) -> list[Difference]:
    if (unknown := _arm(job, asked)) is not None:
        return [unknown]
    answer = asked.create(job.request)
    if answer.status != HTTPStatus.OK:
        return [("created", "a task", _refusal(answer))]
    body = _json(answer)
    found = list(compare(job.created, redaction.created(body), "created"))
    shown = _states(asked, body["output"]["task_id"])
    for place, state in enumerate(job.states):
        path = f"states.{place}"
        if not state.lasting:
            found += _trouble(state, asked.simulator.region, path)
        elif known := shown.get(state.task_status) or _otherwise(job, state, asked):
            attempts = (list(compare(state.body, body, f"{path}.body")) for body in known)
            found += _nearest(attempts)
        else:
            found.append((f"{path}.body.output.task_status", state.task_status, "no such state"))
    return found


def _arm(job: Job, asked: _Asked) -> Difference | None:
    """Tell the simulator how the job ended, so that its task ends so too."""
    told: dict[str, Any] = {}
    last = job.states[-1].body if job.states and job.states[-1].lasting else {}
    output = last.get("output", {})
    if output.get("task_status") == Status.FAILED:
        code = str(output.get("code", ""))
        try:
            told["fail"] = errors.by_code(code).code
        except ValueError:
            return (f"states.{len(job.states) - 1}.body.output.code", code, "no such code")
    if lost := sum("code" in result for result in output.get("results") or ()):
        told["failed_images"] = lost
    if any(
        state.task_status == Status.SUCCEEDED and "results" not in state.body["output"]
        for state in job.states
    ):
        told["results_after"] = 1
    if told:
        asked.simulator.faults.add(Fault(**told))
    return None


def _states(asked: _Asked, task_id: str) -> dict[str, list[Json]]:
    """What polls show of a task, by its status."""
    found: dict[str, list[Json]] = defaultdict(list)
    for _ in range(_POLLS):
        body = redaction.polled(_json(asked.poll(task_id)))
        found[body["output"]["task_status"]].append(body)
    return found


def _otherwise(job: Job, state: State, asked: _Asked) -> list[Json]:
    """What polls show of a task that is cancelled at once, or forgotten."""
    task_id = asked.task(job.request)
    if state.task_status == Status.CANCELED:
        asked.cancel(task_id)
    elif state.task_status == Status.UNKNOWN:
        asked.simulator.clock.advance(RETENTION)
    else:
        return []
    return [redaction.polled(_json(asked.poll(task_id)))]


def _trouble(state: State, region: Region, path: str) -> Iterator[Difference]:
    code = str(state.body.get("code", ""))
    asked = _Asked(region, *_SETTINGS[0])
    answer = _told("query", code, asked)
    yield from _refused(state.status, state.body, answer, code, path)


# --- what is no job -------------------------------------------------------------------------------


def _exchange(entry: Exchange, asked: _Asked) -> list[Difference]:
    code = str(entry.body.get("code", ""))
    answer = _asked_again(entry, asked)
    if entry.status == HTTPStatus.OK and answer.status == HTTPStatus.OK:
        return list(compare(entry.body, _kept(entry, _json(answer)), "body"))
    foretold = entry.operation == "create" and code.startswith(_FROM_THE_REQUEST)
    if code and _json(answer).get("code") != code and not foretold:
        asked.simulator.faults.clear()
        told = _told(entry.operation, code, asked)
        return list(_refused(entry.status or 0, entry.body, told, code))
    return list(_refused(entry.status or 0, entry.body, answer, code))


def _asked_again(entry: Exchange, asked: _Asked) -> Response:
    if entry.operation == "create":
        return asked.create(entry.request)
    if entry.operation == "cancel":
        task_id = asked.task(_ORDER)
        if entry.status != HTTPStatus.OK:
            asked.simulator.finish(task_id)
        return asked.cancel(task_id)
    if entry.operation == "list" and entry.body.get("data"):
        asked.simulator.finish(asked.task(_ORDER))
    return asked.ask(str(entry.request.get("method")), str(entry.request.get("path")))


_ORDER: Json = {"model": "wan2.2-t2i-flash", "input": {"prompt": "一间花店"}}


def _kept(entry: Exchange, body: Json) -> Json:
    """What a cassette would keep of the simulator's answer; of a list, as many rows as it has."""
    if entry.operation != "list" or not body.get("data"):
        return redaction.polled(body) if "output" in body else redaction.refused(body)
    kept = redaction.listed(body, [row.get("task_id") for row in body["data"]])
    rows = entry.body.get("data")
    if not isinstance(rows, list):
        return kept
    known = [row for row in rows if isinstance(row, dict)]
    return kept | {"data": [_row(row, kept["data"][0]) for row in known]}


def _row(recorded: Json, simulated: Json) -> Json:
    """A row as the simulator has one, but for when it began and ended: it need not have."""
    moments = ("start_time", "end_time", "code", "message")
    unsettled = {name: recorded[name] for name in moments if name in recorded}
    return {k: v for k, v in simulated.items() if k not in moments} | unsettled


def _told(operation: str, code: str, asked: _Asked) -> Response | None:
    """The answer of a simulator that was told to refuse with a code; None if it has no such."""
    try:
        asked.simulator.faults.add(Fault(on=operation, code=code))  # type: ignore[arg-type]
    except ValueError:
        return None
    if operation == "create":
        return asked.create(_ORDER)
    path = f"{routes.TASKS_PATH}/0"
    if operation == "list":
        return asked.ask("GET", routes.TASKS_PATH)
    return asked.ask("POST", f"{path}/cancel") if operation == "cancel" else asked.ask("GET", path)


def _refused(
    status: int, body: Json, answer: Response | None, code: str, path: str = ""
) -> Iterator[Difference]:
    """Where a refusal differs: its status and its code, and the shape of its body."""
    start = f"{path}." if path else ""
    if answer is None:
        yield f"{start}body.code", code, "no such code"
        return
    simulated = redaction.refused(_json(answer))
    if status != answer.status:
        yield f"{start}status", f"{status} {code}".strip(), _refusal(answer)
    elif code != simulated.get("code", ""):
        yield f"{start}body.code", code or _NOTHING, str(simulated.get("code", _NOTHING))
    else:
        yield from compare(body, simulated, f"{start}body")


def _refusal(answer: Response) -> str:
    code = _json(answer).get("code", "accepted")
    return f"{answer.status} {code}"


def _json(response: Response) -> Json:
    """The body of an answer; nothing for XML, which a path of an image's is answered with."""
    try:
        return msgspec.json.decode(response.body, type=Json)
    except msgspec.DecodeError:
        return {}


# --- shapes ---------------------------------------------------------------------------------------


def compare(recorded: Any, simulated: Any, path: str) -> Iterator[Difference]:
    """Where two JSON values differ in their keys, the length of lists, or the type of a value."""
    if isinstance(recorded, dict) and isinstance(simulated, dict):
        for key in recorded | simulated:
            if key in recorded and key in simulated:
                yield from compare(recorded[key], simulated[key], f"{path}.{key}")
            else:
                sides = (recorded, simulated)
                one, other = (_kind(s[key]) if key in s else _NOTHING for s in sides)
                yield f"{path}.{key}", one, other
    elif isinstance(recorded, list) and isinstance(simulated, list):
        if len(recorded) != len(simulated):
            yield path, f"{len(recorded)} items", f"{len(simulated)} items"
            return
        # Which of the pictures failed is chance.
        pairs = zip(_by_keys(recorded), _by_keys(simulated), strict=True)
        for (place, one), (_, other) in pairs:
            yield from compare(one, other, f"{path}.{place}")
    elif _kind(recorded) != _kind(simulated):
        yield path, _kind(recorded), _kind(simulated)


def _by_keys(values: list[Any]) -> list[tuple[int, Any]]:
    def keys(pair: tuple[int, Any]) -> list[str]:
        return sorted(pair[1]) if isinstance(pair[1], dict) else []

    return sorted(enumerate(values), key=keys)


def _kind(value: Any) -> str:
    """The JSON type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {int: "an integer", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "an object")
