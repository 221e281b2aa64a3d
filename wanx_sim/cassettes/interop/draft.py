"""A cassette that is put together in memory, so that it is written as a whole or not at all."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ..cassette import Cassette
from ..format import Entry, Job, Json
from ..pictures import Pictures


class _Pictures(Pictures):
    """Pictures that are not on disk yet, by the hash that will name their file."""

    def __init__(self, folder: Path, cassette: Path) -> None:
        super().__init__(folder, cassette)
        self.files: dict[str, bytes] = {}

    def _write(self, digest: str, content: bytes) -> None:
        self.files[digest] = content


class Draft(Cassette):
    """What a `Recorder` takes for a cassette; nothing of it is on disk.

    Args:
        path: the cassette that it is meant for.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._pictures: _Pictures = _Pictures(self.images_folder, self.path)
        self._entries: list[Entry] = []
        self._places: dict[str, int] = {}

    @property
    def exists(self) -> bool:
        """It never does."""
        return False

    @property
    def files(self) -> dict[str, bytes]:
        """The pictures to be written, by their hashes."""
        return self._pictures.files

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, place: int) -> Entry:
        return self._entries[place]

    @property
    def interactions(self) -> list[Entry]:
        """All of it, in order."""
        return list(self._entries)

    def job(self, task_id: str) -> Job | None:
        """The job of a task."""
        entry = self._entries[self._places[task_id]] if task_id in self._places else None
        return entry if isinstance(entry, Job) else None

    def find(self, form: Json, ignore: Collection[str] = ()) -> list[int]:  # noqa: ARG002
        """The places of the interactions of a request."""
        return [place for place, entry in enumerate(self._entries) if entry.request == form]

    def create(self) -> None:
        """Nothing is bought here, so nothing need be writable."""

    def add(self, entry: Entry) -> None:
        """Note one more interaction."""
        self._entries.append(entry)

    def put(self, job: Job, replaces: Collection[str] = ()) -> None:  # noqa: ARG002
        """Note a job in the place of what is known of it so far, or behind all."""
        place = self._places.setdefault(job.task_id, len(self._entries))
        self._entries[place : place + 1] = [job]
