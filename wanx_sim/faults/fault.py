"""One fault, as a value that checks itself."""

from __future__ import annotations

import math
import re
from typing import Literal, get_args

import msgspec

from ..account import fingerprint
from ..protocol import errors
from ..protocol.errors import ErrorRow
from ..protocol.lifecycle import Leg
from .subject import Subject

Operation = Literal["create", "query", "list", "cancel", "image", "any"]
Reset = Literal["before", "after"]
Stuck = Literal["PENDING", "RUNNING"]
PictureTrouble = Literal["missing", "truncated", "corrupted", "expired"]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*s|(\d+)\s*polls?", re.ASCII)
_FINGERPRINT = "sha256:"

_OUTCOME = (
    "fail", "stuck", "pending", "running", "failed_images", "unknown_after", "results_after",
)  # fmt: skip
_CHOICES = {"on": Operation, "reset": Reset, "stuck": Stuck, "picture": PictureTrouble}
_PLACES: dict[str, tuple[str, ...]] = {
    "outcome": ("create",),
    "finish": ("cancel",),
    "picture": ("image",),
    "omit": ("create", "query", "list", "cancel"),
}
_LEAST = {
    "times": 1, "nth": 1, "failed_images": 1, "results_after": 1, "cut": 0, "content_length": 0,
    "delay": 0,
}  # fmt: skip
_STATUSES = range(200, 600)

# What an error that a create is refused with says when it ends a task instead.
_IN_TASK = {errors.OUTPUT_REJECTED.code: errors.OUTPUT_REJECTED}


class Fault(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    repr_omit_defaults=True,
    forbid_unknown_fields=True,
):
    """One fault: which requests it strikes, how often, and the one thing that happens to them.

    Use it with `Simulator.faults`, the ``faults`` of the constructor and of the pytest marker, a
    TOML file or the admin API; the fields have the same names everywhere.

    Which requests, all of them by default:

    Args:
        on: create (default), query, list, cancel, image, or any.
        model: only requests for this model, or about a task of it.
        prompt: only prompts that contain this text, or tasks that have such a prompt.
        key: only requests with this API key. Kept as a fingerprint; the key itself is not.
        task_id: only requests about this task.

    How often:

    Args:
        times: how many requests it strikes (default 1); None strikes every one.
        nth: the first that it strikes, counted among those it is meant for (default 1).
        probability: how likely it strikes each of them, from 0 to 1 (default), drawn from the
            simulator's seed.

    What happens; exactly one of these, before anything of the request is looked at:

    Args:
        status, body, content_type: this answer instead of the service's, as from a gateway in
            front of it. The body defaults to a gateway's HTML page, the type to ``text/html``.
            With ``acted_upon`` the request is carried out first, unknown to its sender.
        reset: ``before``: the connection breaks, and the request was never seen.

    or after the service has found nothing wrong with it:

    Args:
        code: the error the service answers with: one of its own codes, or the name of a row of
            ``wanx-sim errors``; ``message`` replaces the row's own words.
        reset: ``after``: the request is carried out (a create is accepted and billed), then the
            connection breaks where the answer should come. ``lost_response=True`` is the same.
        cut: the body ends after this many bytes, and the connection with it.
        drip: the body comes at this many bytes a second.
        content_type: the answer says that it is of this type.
        content_length: the answer says that it is this long.
        omit: the answer lacks this key, such as ``output.task_status``.
        finish: on a cancel: the task has succeeded just before, so it cannot be cancelled.
        picture: on an image: it is ``missing``, ``truncated``, ``corrupted``, or its link has
            ``expired``.

    or to the task that a create makes (any number of these together):

    Args:
        fail: it ends FAILED with this code (and ``message``).
        stuck: it stays PENDING or RUNNING until it is forgotten.
        pending, running: how long it stays so: ``10s`` or ``3polls``.
        failed_images: so many of its images fail; all of them make a FAILED task.
        unknown_after: the service forgets it after this long: ``10s`` or ``3polls``.
        results_after: so many polls see it SUCCEEDED before its results show.

    and, alone or with any of the others but the last group:

    Args:
        delay: seconds on the simulator's clock before the answer arrives. A manual clock
            advances by them; in process a client that would not wait so long times out.

    Raises:
        ValueError: for what makes no sense, with what is allowed.

    Example:
        ```python
        sim.faults.add(Fault(on="create", code="Throttling.RateQuota", times=2))
        sim.faults.add(Fault(on="query", status=502, nth=3))
        ```
    """

    on: Operation = "create"
    model: str | None = None
    prompt: str | None = None
    key: str | None = None
    task_id: str | None = None

    times: int | None = 1
    nth: int = 1
    probability: float = 1.0

    code: str | None = None
    message: str | None = None
    status: int | None = None
    body: str | None = None
    content_type: str | None = None
    acted_upon: bool = False
    reset: Reset | None = None
    lost_response: bool = False
    cut: int | None = None
    drip: float | None = None
    content_length: int | None = None
    omit: str | None = None
    finish: bool = False
    picture: PictureTrouble | None = None
    delay: float = 0.0

    fail: str | None = None
    stuck: Stuck | None = None
    pending: str | None = None
    running: str | None = None
    failed_images: int | None = None
    unknown_after: str | None = None
    results_after: int | None = None

    def __post_init__(self) -> None:
        for name, choice in _CHOICES.items():
            _check_choice(name, getattr(self, name), get_args(choice))
        for name, least in _LEAST.items():
            _check_least(name, getattr(self, name), least)
        self._check_numbers()
        for code in (self.code, self.fail):
            if code is not None:
                errors.by_code(code)
        for duration in (self.pending, self.running, self.unknown_after):
            if duration is not None:
                leg(duration)
        self._check_effect()
        if self.key is not None and not self.key.startswith(_FINGERPRINT):
            msgspec.structs.force_setattr(self, "key", _FINGERPRINT + fingerprint(self.key))

    def _check_numbers(self) -> None:
        if not 0 < self.probability <= 1:
            raise ValueError(f"probability must be above 0 and at most 1, not {self.probability}")
        if self.drip is not None and not 0 < self.drip < math.inf:
            raise ValueError(f"drip must be above 0 bytes a second, not {self.drip}")
        if not math.isfinite(self.delay):
            raise ValueError("delay must be a number of seconds; reset='after' never answers")
        if self.status is not None and self.status not in _STATUSES:
            raise ValueError(f"status must be from 200 to 599, not {self.status}")

    def _check_effect(self) -> None:
        effects = self.effects
        if len(effects) > 1 or not (effects or self.delay):
            given = f", not both {' and '.join(effects)}" if effects else ""
            raise ValueError(
                "a fault does one thing: give it one of code=, status= (or body=), reset=, "
                "lost_response=True, cut=, drip=, content_type=, content_length=, omit=, "
                "finish=True, picture=, delay=, or what becomes of the task "
                f"({'=, '.join(_OUTCOME)}=){given}; only delay= goes with another"
            )
        self._check_place(effects[0] if effects else "delay")
        self._check_companions()

    def _check_place(self, effect: str) -> None:
        places = _PLACES.get(effect)
        if places and self.on not in places:
            raise ValueError(
                f"{self._first(effect)}= strikes on {' or '.join(places)}, not on {self.on}"
            )
        if self.task_id is not None and self.on in ("create", "list"):
            raise ValueError(f"a {self.on} is about no task_id; strike on query, cancel or image")

    def _first(self, effect: str) -> str:
        given = (name for name in _OUTCOME if getattr(self, name) is not None)
        return next(given, effect)

    def _check_companions(self) -> None:
        if self.message is not None and self.code is None and self.fail is None:
            raise ValueError("message= goes with code= or fail=")
        if self.acted_upon and not self.raw:
            raise ValueError("acted_upon= goes with status= or body=")
        if self.delay and self.outcome:
            raise ValueError("delay= is about the answer, not the task: make it a second fault")

    # --- what it does --------------------------------------------------------------------------

    @property
    def effects(self) -> tuple[str, ...]:
        """What it does, by name; ``outcome`` is all that becomes of a task."""
        given = {
            "code": self.code is not None,
            "status": self.raw,
            "reset": self.lost or self.reset is not None,
            "cut": self.cut is not None,
            "drip": self.drip is not None,
            "content_type": self.content_type is not None and not self.raw,
            "content_length": self.content_length is not None,
            "omit": self.omit is not None,
            "finish": self.finish,
            "picture": self.picture is not None,
            "outcome": self.outcome,
        }
        return tuple(name for name, is_given in given.items() if is_given)

    @property
    def raw(self) -> bool:
        """Whether it gives an answer of its own."""
        return self.status is not None or self.body is not None

    @property
    def lost(self) -> bool:
        """Whether the request is carried out and its answer lost."""
        return self.lost_response or self.reset == "after"

    @property
    def early(self) -> bool:
        """Whether it strikes before the service sees anything of the request."""
        return self.reset == "before" or (self.raw and not self.acted_upon)

    @property
    def outcome(self) -> bool:
        """Whether it is about what becomes of a task."""
        return any(getattr(self, name) is not None for name in _OUTCOME)

    @property
    def failure(self) -> ErrorRow | None:
        """Why the task fails, if it is to."""
        return None if self.fail is None else _IN_TASK.get(self.fail) or errors.by_code(self.fail)

    def meant_for(self, subject: Subject) -> bool:
        """Whether it is meant for such a request."""
        return (
            self.on in (subject.operation, "any")
            and self.model in (None, subject.model)
            and (self.prompt is None or self.prompt in subject.prompt)
            and (self.key is None or self.key == _FINGERPRINT + fingerprint(subject.key))
            and self.task_id in (None, subject.task_id)
        )

    @classmethod
    def preset(cls, name: str, **changes: object) -> tuple[Fault, ...]:
        """The faults of a situation by its name; ``wanx-sim faults`` lists them.

        Args:
            name: such as ``lost-response``.
            **changes: fields to set on each of them: ``times=3``, ``model=…``.

        Raises:
            ValueError: for a name or a field that does not exist, with those that do.
        """
        from .presets import find  # noqa: PLC0415 - presets are made of faults

        return tuple(changed(fault, changes) for fault in find(name).faults)


def changed(fault: Fault, changes: dict[str, object]) -> Fault:
    """The fault with other fields; raises ValueError for a field that it does not have."""
    try:
        return msgspec.structs.replace(fault, **changes)
    except TypeError as error:
        raise ValueError(f"{error}; known: {', '.join(Fault.__struct_fields__)}") from None


def leg(text: str) -> Leg:
    """How long ``10s`` or ``3polls`` is; raises ValueError for another spelling."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"a duration is spelt 10s or 3polls, not {text!r}")
    seconds, polls = match.groups()
    return Leg(seconds=float(seconds)) if seconds else Leg(polls=int(polls))


def _check_choice(name: str, value: object, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        subject = f"a fault cannot strike on {value!r}" if name == "on" else f"no {name} {value!r}"
        raise ValueError(f"{subject}; known: {', '.join(known)}")


def _check_least(name: str, value: float | None, least: int) -> None:
    if value is not None and not value >= least:
        always = ", or None for always," if name == "times" else ","
        raise ValueError(f"{name} must be {least} or more{always} not {value}")
