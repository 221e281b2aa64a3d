"""What a cassette holds, as data: one JSON document, one interaction after another.

`docs/cassettes.md` describes it for people, ``schema.json`` beside this module for programs.
Version 1::

    {"format": "wanx-cassette", "version": 1, "recorded_with": …, "recorded": …, "host": …,
     "models": […],
     "interactions": [
       {"type": "job", "at": …, "request": …, "created": …,
        "states": [{"offset": …, "body": …}], "images": [{"index": …, "sha256": …, …}],
        "price": …, "complete": true},
       {"type": "exchange", "at": …, "operation": "create", "request": …, "status": 400,
        "body": …}]}
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ..errors import CassetteError
from ..protocol.routes import Operation

VERSION = 1
FORMAT = "wanx-cassette"

Json = dict[str, Any]

Moment = Annotated[datetime, Meta(tz=True)]
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Meta(ge=0)]
HttpStatus = Annotated[int, Meta(ge=200, le=999)]

_PRICE = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,12})?", re.ASCII)

MOST_NESTED = 200
"""Objects and lists within each other; a job has six."""

Keep = Literal["full", "thumbnail", "placeholder"]
"""What is stored of a picture: its bytes, a small copy, or its description alone."""


def moment(seconds: float) -> datetime:
    """Epoch seconds as a cassette writes them, to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)


# JSON has no cycles: these are nothing for the garbage collector to look through.
class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One distinct answer to a poll, and when it was first seen, in seconds after the create.

    An answer whose ``status`` is not 200 is a passing trouble (a 429, a gateway's 502) between two
    states of the task.
    """

    offset: float
    status: HttpStatus = 200
    body: Json

    def __post_init__(self) -> None:
        if self.status != 200:  # noqa: PLR2004 - HTTP's own
            return
        output = self.body.get("output")
        if not isinstance(output, dict):
            raise TypeError("a state without an output")
        results = output.get("results", [])
        if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
            raise TypeError("a state whose results are no list of objects")

    @property
    def lasting(self) -> bool:
        """Whether it is a state of the task, and not a trouble in between."""
        return self.status == 200  # noqa: PLR2004 - HTTP's own

    @property
    def task_status(self) -> str:
        """What it says the task is; nothing for a trouble."""
        return str(self.body["output"].get("task_status", "")) if self.lasting else ""


class Image(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One result picture: which result it is of, and the hash that names its file.

    ``sha256``, ``size``, ``width`` and ``height`` are always those of the picture that the service
    made, whatever was kept of it; ``file`` is the hash of a thumbnail's own bytes.
    """

    index: Count
    sha256: Hash
    media_type: str
    size: Count
    width: Count
    height: Count
    kept: Keep = "full"
    file: Hash | None = None

    @property
    def stored_as(self) -> str | None:
        """The hash that names the file of what was kept; None where nothing was."""
        if self.kept == "placeholder":
            return None
        return self.sha256 if self.kept == "full" else self.file or ""


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="job"):
    """One task, from its create to its end."""

    at: Moment
    """When it was created."""
    request: Json
    created: Json
    states: list[State]
    images: list[Image]
    price: Decimal | None = None
    """CNY for all its images, by the catalogue of the time."""
    complete: bool
    """Whether its end was seen, and all its pictures were fetched."""
    trouble: str | None = None
    """Why it is not complete, if it is known."""

    def __post_init__(self) -> None:
        output = self.created.get("output")
        if not isinstance(output, dict) or not isinstance(output.get("task_id"), str):
            raise TypeError("a job without a task id")
        if self.price is not None and not _PRICE.fullmatch(str(self.price)):
            raise TypeError("a price that is no number of CNY")  # nor 1e999999999, to be spelt out

    @property
    def task_id(self) -> str:
        """The task's id, as the service gave it."""
        task_id: str = self.created["output"]["task_id"]
        return task_id

    @property
    def task_status(self) -> str:
        """What the task was when it was last seen."""
        seen = [state.task_status for state in self.states if state.lasting]
        return seen[-1] if seen else str(self.created["output"].get("task_status", ""))


class Exchange(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="exchange"
):
    """A request that is no job, and its answer: a refused create, a list, a cancel, an error."""

    at: Moment
    operation: Operation
    request: Json
    status: HttpStatus | None
    """The HTTP status; None if the connection broke where the answer should have stood."""
    body: Json = {}
    text: str | None = None
    """The beginning of a body that was no JSON, such as a gateway's page."""


Entry = Job | Exchange


class Document(msgspec.Struct, kw_only=True):
    """The file as a whole; its interactions are decoded when they are looked at."""

    format: object = None
    version: object = None
    recorded_with: str = ""
    recorded: Moment | None = None
    host: str = ""
    models: list[str] = []
    interactions: list[msgspec.Raw] = []


_document = msgspec.json.Decoder(Document)
_entry = msgspec.json.Decoder(Entry)
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[{}\[\]]")
TROUBLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(content: bytes, name: object) -> Document:
    """The document of a file's bytes; ``name`` is what errors call it.

    Raises:
        CassetteError: for what is damaged, or of another format or version.
    """
    try:
        document = _document.decode(content)
    except TROUBLE as error:
        raise damaged(name, error) from error
    version = None if document.version is True else document.version  # to Python, true is 1
    if (document.format, version) != (FORMAT, VERSION):
        raise CassetteError(
            f"{name} is no cassette of version {VERSION} (format {document.format!r}, version "
            f"{document.version!r}): record it anew"
        )
    return document


def decode_entry(raw: bytes | msgspec.Raw, name: object) -> Entry:
    """One interaction of a document; raises `CassetteError`."""
    check_nesting(bytes(raw), name)
    try:
        entry: Entry = _entry.decode(raw)
    except TROUBLE as error:
        raise damaged(name, error) from error
    return entry


def check_nesting(raw: bytes, name: object) -> None:
    """Refuse JSON that is nested deeper than what walks it could follow; raises `CassetteError`."""
    if raw.count(b"{") + raw.count(b"[") <= MOST_NESTED:
        return
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", raw)):
        depth += 1 if bracket in b"{[" else -1
        deepest = max(deepest, depth)
    if deepest > MOST_NESTED:
        raise CassetteError(f"the cassette {name} is damaged (it is nested {deepest} deep)")


def damaged(name: object, error: Exception) -> CassetteError:
    """What is said of a file that cannot be understood."""
    return CassetteError(f"the cassette {name} is damaged ({error})")


def encode(document: Document) -> bytes:
    """A document as it is written: ordered, indented, ending in a line feed."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
