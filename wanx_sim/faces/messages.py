"""What ``/_sim/`` takes and gives, one type a message; the OpenAPI document is made of them.

Times are epoch seconds on the simulator's clock unless a field says otherwise.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ..account import Account
from ..clock import FASTEST
from ..faults import Fault
from ..journal import Entry
from ..ledger import ModelUsage
from ..protocol.behaviour import Tag
from ..protocol.catalogue import PROFILES, Region
from ..protocol.lifecycle import Status
from ..protocol.routes import Operation
from ..settings import Validation

Count = Annotated[int, Meta(ge=0)]
Limit = Annotated[int, Meta(ge=1, description="How many at most; the newest are kept.")]
Dropped = Annotated[int, Meta(ge=0, description="How many older tasks are no longer kept.")]
Seconds = Annotated[float, Meta(ge=0)]
Speed = Annotated[float, Meta(ge=0, le=FASTEST)]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is given."""


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is taken; a misspelt field is refused."""


class ErrorMessage(Message, frozen=True):
    """Why a request was refused: one sentence that says what is allowed."""

    error: str


class Done(Message, frozen=True):
    """It is done."""

    ok: bool = True


# --- state ------------------------------------------------------------------------------------


class ClockState(Message, frozen=True):
    """The simulator's clock: its time, twice, and simulated seconds per real second."""

    now: float
    iso: Annotated[str, Meta(description="The same moment in ISO 8601, in UTC.")]
    speed: Speed
    frozen: bool


class Counts(Message, frozen=True):
    """How much there is of what."""

    tasks: Count
    requests: Count
    faults: Count
    sessions: Count


class Health(Message, frozen=True, omit_defaults=True):
    """That it runs, and what it is; a player and a recorder say no more than that."""

    ok: bool
    service: Annotated[str, Meta(description="simulator, player or recorder")]
    version: str
    region: Region | None = None
    profile: str | None = None
    clock: ClockState | None = None
    counts: Counts | None = None


class Endpoint(Message, frozen=True):
    """One thing that can be asked."""

    method: str
    path: str
    does: str


class Index(Message, frozen=True):
    """All that can be asked."""

    service: str
    endpoints: list[Endpoint]


class SettingsState(Message, frozen=True):
    """The settings. Which API keys are valid can be set, but is never told."""

    timing: str
    seed: int
    region: Region
    validation: Validation
    profile: str
    rate_limits: bool
    account: Account
    magic_prompts: bool
    public_url: str | None


class Strikes(Message, frozen=True):
    """One fault and how often it has struck so far."""

    fault: Fault
    struck: Count


class FaultList(Message, frozen=True):
    """The armed faults, oldest first, each as it can be armed again."""

    faults: list[Fault]
    strikes: Annotated[
        list[Strikes], Meta(description="All that were armed, those that are used up included.")
    ]


class Situation(Message, frozen=True):
    """A preset: a situation that can be armed by its name."""

    name: str
    what: Annotated[str, Meta(description="What happens, in a sentence.")]
    tag: Annotated[Tag, Meta(description="How it is known that the service does so.")]


class Choices(Message, frozen=True):
    """What orders can name."""

    presets: list[Situation]
    codes: Annotated[list[str], Meta(description="With which a task can fail.")]
    profiles: list[str]


class Requests(Message, frozen=True):
    """Requests from the journal, newest last; ``total`` counts those before ``limit`` cuts."""

    total: Count
    cut: Annotated[bool, Meta(description="Whether older ones were dropped: 10,000 are kept.")]
    requests: list[Entry]


class PictureState(Message, frozen=True, omit_defaults=True):
    """One image of a task that has succeeded: its link, or why there is none."""

    url: Annotated[str, Meta(description="The link, as a poll gives it.")] | None = None
    expires: Annotated[float, Meta(description="When the link dies.")] | None = None
    expired: Annotated[bool, Meta(description="Whether it has, or was made to.")] = False
    code: str | None = None
    message: str | None = None


class TaskState(Message, frozen=True, omit_defaults=True):
    """One task as it is now. Looking at it is no poll."""

    task_id: str
    status: Status
    region: Region
    model: str
    prompt: str
    size: str
    n: int
    seed: int
    images: Annotated[int, Meta(description="How many images are on the bill.")]
    price: Annotated[float, Meta(description="CNY an image.")]
    submitted: float
    scheduled: float | None = None
    ended: float | None = None
    code: str | None = None
    message: str | None = None
    negative_prompt: str | None = None
    prompt_extend: bool = False
    watermark: bool = False
    results: Annotated[
        list[PictureState],
        Meta(description="Of a task that has succeeded; kept when the service has forgotten it."),
    ] = []


class TaskList(Message, frozen=True):
    """Tasks, newest last; ``total`` counts those before ``limit`` cuts."""

    total: Count
    dropped: Dropped
    tasks: list[TaskState]


class Usage(Message, frozen=True):
    """The bill so far; ``cost`` is in CNY."""

    tasks: Annotated[int, Meta(ge=0, description="All that were accepted.")]
    dropped: Dropped
    images: Count
    cost: float
    currency: str
    by_model: dict[str, ModelUsage]


class SessionState(Message, frozen=True):
    """One session and how much was done in it."""

    name: str
    tasks: Count
    requests: Count


class SessionList(Message, frozen=True):
    """The sessions, that of the latest used last."""

    sessions: list[SessionState]
    full: Annotated[
        bool,
        Meta(description="Whether there are 1,000: a new one ends the one unused for longest."),
    ]


# --- orders -----------------------------------------------------------------------------------


class ClockOrder(Order, frozen=True):
    """How to move the clock: the speed is changed first, then it jumps."""

    advance: Annotated[float, Meta(ge=0, description="Seconds to jump forward.")] | None = None
    freeze: Annotated[bool, Meta(description="true stops it, false lets it go on.")] | None = None
    speed: Annotated[Speed, Meta(description="Simulated seconds per second.")] | None = None

    def __post_init__(self) -> None:
        if (self.advance, self.freeze, self.speed) == (None, None, None):
            raise ValueError("say how to move the clock: advance, freeze or speed")
        if self.freeze and self.speed:
            raise ValueError("a frozen clock has no speed: send either freeze or speed")


class TaskOrder(Order, frozen=True):
    """What becomes of a task."""

    finish: Annotated[bool, Meta(description="It succeeds now.")] = False
    fail: Annotated[str, Meta(description="It fails now, with this code.")] | None = None
    expire_urls: Annotated[bool, Meta(description="All its links expire now.")] = False

    def __post_init__(self) -> None:
        if not (self.finish or self.expire_urls or self.fail is not None):
            raise ValueError(
                'say what becomes of it: "finish": true, "fail": code or "expire_urls": true'
            )
        if self.finish and self.fail is not None:
            raise ValueError("a task ends once: send either finish or fail")


class SettingsOrder(Order, frozen=True):
    """The settings to change; tasks that exist keep their plan."""

    timing: str | UnsetType = UNSET
    region: Region | UnsetType = UNSET
    validation: Validation | UnsetType = UNSET
    profile: Annotated[str, Meta(description=", ".join(PROFILES))] | UnsetType = UNSET
    rate_limits: bool | UnsetType = UNSET
    account: Account | UnsetType = UNSET
    magic_prompts: bool | UnsetType = UNSET
    public_url: str | UnsetType | None = UNSET
    api_keys: dict[str, Region] | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        if all(value is UNSET for value in msgspec.structs.astuple(self)):
            raise ValueError(f"say what to set: {', '.join(self.__struct_fields__)}")


class RequestFilter(Order, frozen=True):
    """Which requests."""

    operation: Operation | None = None
    task_id: str | None = None
    limit: Limit | None = None


class PictureSize(Order, frozen=True):
    """How large a picture is wanted."""

    within: (
        Annotated[int, Meta(ge=16, le=2048, description="Pixels, both ways; default: as it is.")]
        | None
    ) = None


class TaskFilter(Order, frozen=True):
    """Which tasks."""

    status: Status | None = None
    model: str | None = None
    limit: Limit | None = None
