"""Foreign recordings become jobs: they are played to a `Recorder`, as if they happened now.

So redaction, the distinct states and their offsets, pictures by their hashes and the marks of what
is incomplete are the recorder's own work, here as in front of the live service.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..cassette import Cassette
from ..format import Entry, Exchange, Job, Keep
from . import har, plain_yaml, reading, vcr
from .draft import Draft
from .interactions import Format, Interaction
from .playing import played


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of another tool: its name, its format, what it holds."""

    path: Path
    format: Format
    interactions: list[Interaction]
    modified: float
    """When the file was written, in epoch seconds: the time of what has no other."""


@dataclass(slots=True)
class Imported:
    """What became of one file."""

    path: Path
    format: Format
    draft: Draft
    skipped: Counter[str]
    """How many of its interactions were left aside, and why."""
    known: int = 0
    """How many of its jobs and exchanges the cassette had."""

    @property
    def entries(self) -> list[Entry]:
        """What is kept of it, in order."""
        return self.draft.interactions

    @property
    def jobs(self) -> list[Job]:
        """The jobs of the file, in order."""
        return self.draft.jobs

    @property
    def exchanges(self) -> list[Exchange]:
        """What else of it is kept: errors, lists, cancels."""
        return [entry for entry in self.entries if isinstance(entry, Exchange)]


def read(path: Path, format: Format | None = None) -> Recording:  # noqa: A002 - the option's name
    """The recording in a file.

    Args:
        path: the file.
        format: ``har`` or ``vcr``; by default what its content looks like.

    Raises:
        CassetteError: for what cannot be read, is too large, or is none, naming file and entry.
    """
    content = reading.content(path)
    is_json = content.lstrip()[:1] == b"{"
    if format is None:
        format = "har" if is_json and not _is_vcr_json(content) else "vcr"  # noqa: A001
    if format == "har":
        found = har.read(content, path)
    else:
        found = vcr.read((reading.json if is_json else plain_yaml.load)(content, path), path)
    return Recording(path, format, found, path.stat().st_mtime)


class _Head(msgspec.Struct, frozen=True):
    interactions: msgspec.Raw = msgspec.Raw()


def _is_vcr_json(content: bytes) -> bool:
    try:
        return bool(bytes(msgspec.json.decode(content, type=_Head).interactions))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def import_files(
    paths: Iterable[Path],
    cassette: Cassette,
    *,
    format: Format | None = None,  # noqa: A002
    pictures: Keep = "full",
    redact_prompts: bool = False,
    dry_run: bool = False,
) -> list[Imported]:
    """Add what HAR and VCR files hold to a cassette, all of them or none.

    A job whose task the cassette holds is not added again, unless only the file's is complete.

    Args:
        paths: the files.
        cassette: where it goes; it need not be there yet.
        format: of all the files; by default what the content of each looks like.
        pictures: what is stored of each picture: ``full``, ``thumbnail`` or ``placeholder``.
        redact_prompts: whether prompts are written as hashes.
        dry_run: whether nothing is written.

    Raises:
        CassetteError: for a file that cannot be read, or a cassette that cannot be written. The
            cassette is as it was before.
    """
    made = []
    for path in paths:
        recording = read(path, format)
        draft, skipped = played(
            recording.interactions,
            cassette.path,
            modified=recording.modified,
            pictures=pictures,
            redact_prompts=redact_prompts,
        )
        made.append(Imported(path, recording.format, draft, skipped))
    entries = [entry for imported in made for entry in imported.entries]
    if cassette.exists:
        cassette.reload()
    new = {id(entry) for entry in cassette.lacking(entries)}
    for imported in made:
        imported.known = sum(id(entry) not in new for entry in imported.entries)
    if new and not dry_run:
        drafts = [imported.draft for imported in made]
        cassette.host = cassette.host or next((draft.host for draft in drafts if draft.host), "")
        files = {name: content for draft in drafts for name, content in draft.files.items()}
        cassette.extend(entries, files)
    return made
