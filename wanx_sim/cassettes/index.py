"""The interactions of a cassette, found without looking at those that are not asked for.

A file is read once a process: one pass notes each interaction's prompt and task id. What is decoded
beyond that are the interactions with the prompt that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import msgspec

from .files import read, stays_within
from .format import TROUBLE, Document, Entry, Job, Json, damaged, decode, decode_entry
from .matching import fingerprint, ignored, without_prompts
from .redaction import is_hashed

_KEPT = 64
"""Files that a process keeps in mind."""


# JSON has no cycles, and thousands of these would set the garbage collector off.
class _Input(msgspec.Struct, frozen=True, gc=False):
    prompt: object = None


class _Request(msgspec.Struct, frozen=True, gc=False):
    input: _Input = _Input()


class _Output(msgspec.Struct, frozen=True, gc=False):
    task_id: str = ""


class _Created(msgspec.Struct, frozen=True, gc=False):
    output: _Output = _Output()


class _Head(msgspec.Struct, frozen=True, gc=False):
    request: _Request = _Request()
    created: _Created = _Created()


class _Heads(msgspec.Struct, frozen=True, gc=False):
    interactions: list[_Head] = []


_heads = msgspec.json.Decoder(_Heads)
_encode = msgspec.json.encode
_Key = tuple[str, frozenset[str]]


class Index:
    """A cassette's file as it was read: found by request and by task id, decoded when asked for."""

    def __init__(self, content: bytes, name: object) -> None:
        self.document: Document = decode(content, name)
        self._name, self._content = name, content
        self._decoded: dict[int, Entry] = {}
        self._prompts: dict[str, list[int]] | None = None
        self._hashed = False
        """Whether a prompt was recorded as its hash."""
        self._tasks: dict[str, int] = {}
        self._keyed: dict[_Key, dict[bytes, list[int]]] = {}

    def __len__(self) -> int:
        return len(self.document.interactions)

    def __getitem__(self, place: int) -> Entry:
        if place not in self._decoded:
            raw = self.document.interactions[place]
            self._decoded[place] = decode_entry(raw, self._name)
        return self._decoded[place]

    def __iter__(self) -> Iterator[Entry]:
        return (self[place] for place in range(len(self)))

    def job(self, task_id: str) -> Job | None:
        """The job of a task."""
        self._look()
        place = self._tasks.get(task_id)
        entry = None if place is None else self[place]
        return entry if isinstance(entry, Job) else None

    def place_of(self, task_id: str) -> int | None:
        """Where the job of a task stands."""
        self._look()
        return self._tasks.get(task_id)

    def places(self, form: Json, ignore: frozenset[str]) -> list[int]:
        """Where the interactions stand that answer a request, in order."""
        found = self._only(form, ignore)
        if found is not None:
            return found
        hidden = without_prompts(form)
        found = self._places(form, ignore)
        return found if hidden == form else sorted({*found, *self._places(hidden, ignore)})

    def _only(self, form: Json, ignore: frozenset[str]) -> list[int] | None:
        """The places at once, if no more than one interaction has the prompt, and it is the same.

        That is what nearly every request comes to, and what is the same to the letter needs no
        fingerprint. None is: look closer.
        """
        found = self._look().get(_prompt_of(form), [])
        if self._hashed or len(found) > 1 or (ignore and ignored("input.prompt", ignore)):
            return None
        return found if not found or _encode(self[found[0]].request) == _encode(form) else None

    def _places(self, form: Json, ignore: frozenset[str]) -> list[int]:
        prompt = _prompt_of(form)
        bucket: Iterable[int] = self._look().get(prompt, ())
        if ignored("input.prompt", ignore):
            prompt, bucket = "", range(len(self))
        keyed = self._keyed.get((prompt, ignore))
        if keyed is None:
            keyed = self._keyed[prompt, ignore] = {}
            for place in bucket:
                keyed.setdefault(fingerprint(self[place].request, ignore), []).append(place)
        return keyed.get(fingerprint(form, ignore), [])

    def _look(self) -> dict[str, list[int]]:
        if self._prompts is None:
            try:
                heads = _heads.decode(self._content).interactions
            except TROUBLE as error:
                raise damaged(self._name, error) from error
            self._prompts = {}
            for place, head in enumerate(heads):
                self._prompts.setdefault(_prompt(head.request.input.prompt), []).append(place)
                if task_id := head.created.output.task_id:
                    self._tasks[task_id] = place
            self._hashed = any(map(is_hashed, self._prompts))
        return self._prompts


def _prompt_of(form: Json) -> str:
    return _prompt((form.get("input") or {}).get("prompt"))


def _prompt(value: object) -> str:
    return value if isinstance(value, str) else ""


def load(path: Path) -> Index:
    """The index of a file, read anew when the file has changed; raises `CassetteError`."""
    if path.is_symlink():
        stays_within(path, path.parent)
    try:
        found = path.stat()
    except OSError:
        return Index(read(path), path)  # which says why
    return _load(path, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(_KEPT)
def _load(path: Path, _state: tuple[int, int, int]) -> Index:
    return Index(read(path), path)
