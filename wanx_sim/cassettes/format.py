"""The files of a cassette: ``<library>/<name>.json`` and ``<library>/images/<sha256>.png``.

Plain, ordered and fit for review: one JSON document, one job after another; a picture stands
beside it once, whatever number of jobs show it. Version 1::

    {"format": "wanx-cassette", "version": 1, "recorded_with": …, "host": …, "models": […],
     "interactions": [
       {"type": "job", "request": …, "created": …, "submitted": …,
        "states": [{"offset": …, "body": …}], "images": [{"index": …, "sha256": …, …}],
        "price": …, "complete": true},
       {"type": "refusal", "request": …, "status": 400, "body": …}]}
"""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager, suppress
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
from filelock import FileLock

from ..errors import CassetteError
from ..rendering.png import png_size

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = 1
_FORMAT = "wanx-cassette"
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)

Json = dict[str, Any]


class State(msgspec.Struct, frozen=True):
    """One distinct answer to a poll, and when it was first seen, in seconds after the create."""

    offset: float
    body: Json

    def __post_init__(self) -> None:
        if not isinstance(self.body.get("output"), dict):
            raise TypeError("a state without an output")


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One result picture: which result it is of, and the hash that names its file."""

    index: int
    sha256: str
    media_type: str
    size: int
    width: int
    height: int


class Job(msgspec.Struct, frozen=True, kw_only=True, tag="job"):
    """One task, from its create to its end."""

    request: Json
    created: Json
    submitted: float
    states: list[State]
    images: list[Image]
    price: Decimal | None = None
    complete: bool = False

    def __post_init__(self) -> None:
        output = self.created.get("output")
        if not isinstance(output, dict) or not isinstance(output.get("task_id"), str):
            raise TypeError("a job without a task id")

    @property
    def task_id(self) -> str:
        """The task's id, as the service gave it."""
        task_id: str = self.created["output"]["task_id"]
        return task_id


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refusal"):
    """A create that the service refused."""

    request: Json
    status: int
    body: Json


class _Document(msgspec.Struct, kw_only=True):
    format: str
    version: int
    recorded_with: str
    host: str
    models: list[str] = []
    interactions: list[Job | Refused] = []


class Cassette:
    """A cassette on disk.

    Use it to look at what was recorded; `Recorder` writes one and `Player` replays it.

    Args:
        path: the JSON file; the suffix may be left out.

    Raises:
        CassetteError: from `load` and `save`, for a file that cannot be read, is not whole, or
            is of another version. The message names the file.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self.path = path if path.suffix == ".json" else path.with_name(path.name + ".json")
        self.host = ""
        self.interactions: list[Job | Refused] = []

    def __repr__(self) -> str:
        return f"<Cassette {self.path} with {len(self.jobs)} jobs>"

    @classmethod
    def load(cls, path: str | Path) -> Cassette:
        """The cassette in a file."""
        cassette = cls(path)
        document = cassette._read()
        cassette.host, cassette.interactions = document.host, document.interactions
        return cassette

    @property
    def jobs(self) -> list[Job]:
        """The recorded jobs, in order."""
        return [entry for entry in self.interactions if isinstance(entry, Job)]

    @property
    def images_folder(self) -> Path:
        """Where the pictures lie."""
        return self.path.parent / "images"

    def image(self, image: Image) -> bytes:
        """The bytes of a picture, checked against their hash."""
        path = self._image_path(image.sha256)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CassetteError(f"{self.path} needs {path}: {error.strerror}") from error
        if sha256(content).hexdigest() != image.sha256:
            raise CassetteError(
                f"{path} is not the picture that {self.path} recorded: its hash differs"
            )
        return content

    def keep_image(self, index: int, content: bytes, media_type: str) -> Image:
        """Write a picture beside the cassette, once, and describe it."""
        digest = sha256(content).hexdigest()
        try:
            width, height = png_size(content)
        except ValueError:
            width = height = 0
        path = self._image_path(digest)
        if not path.exists():
            _write(path, content)
        return Image(
            index=index,
            sha256=digest,
            media_type=media_type,
            size=len(content),
            width=width,
            height=height,
        )

    def _image_path(self, digest: str) -> Path:
        if not _HASH.fullmatch(digest):
            raise CassetteError(f"{self.path} names a picture {digest!r}, which is no SHA-256 hash")
        return self.images_folder / f"{digest}.png"

    def add(self, entry: Job | Refused) -> None:
        """Write one more interaction, behind those that the file holds by now.

        The file is locked, read anew and replaced as a whole: two recorders lose nothing of each
        other's, and one that dies leaves the old file.
        """
        with self._locked():
            document = self._read() if self.path.exists() else self._empty()
            document.interactions.append(entry)
            model = entry.request.get("model")
            document.models = sorted({*document.models, *([model] if model else [])})
            content = msgspec.json.format(msgspec.json.encode(document), indent=2)
            _write(self.path, content + b"\n")
            self.interactions = document.interactions

    def _empty(self) -> _Document:
        from wanx_client import __version__  # noqa: PLC0415 - both packages are one distribution

        return _Document(
            format=_FORMAT, version=VERSION, recorded_with=f"wanx-kit {__version__}", host=self.host
        )

    def _read(self) -> _Document:
        try:
            head = msgspec.json.decode(self.path.read_bytes(), type=Json)
            if (head.get("format"), head.get("version")) != (_FORMAT, VERSION):
                raise CassetteError(
                    f"{self.path} is no cassette of version {VERSION} (format "
                    f"{head.get('format')!r}, version {head.get('version')!r}): record it anew"
                )
            return msgspec.convert(head, _Document)
        except OSError as error:
            raise CassetteError(
                f"cannot read the cassette {self.path}: {error.strerror}"
            ) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise CassetteError(f"the cassette {self.path} is damaged ({error})") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Locks lie in the temporary folder, so that none is ever committed with a cassette; in one
        # folder a user, since another's cannot be written to.
        user = getattr(os, "getuid", str)()
        folder = Path(tempfile.gettempdir()) / f"wanx-kit-locks-{user}"
        name = sha256(str(self.path.absolute()).encode()).hexdigest()[:32]
        lock = FileLock(folder / f"{name}.lock")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except OSError as error:
            raise CassetteError(f"cannot lock {self.path}: {error}") from error
        try:
            yield
        finally:
            lock.release()


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, or leave it as it was."""
    # Not by tempfile: its files are for their owner alone, and a cassette is for the whole team.
    temporary = path.with_name(f".wanx-{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise CassetteError(f"cannot write {path}: {error.strerror}") from error
