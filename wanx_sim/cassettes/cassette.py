"""A cassette on disk: ``<library>/<name>.json`` and ``<library>/images/<sha256>.png``.

Plain, ordered and fit for review: one JSON document, one job after another; a picture stands
beside it once, whatever number of jobs show it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ..errors import CassetteError
from ..protocol.catalogue import Region
from . import index, pictures, secrets
from .files import locked, write
from .format import (
    FORMAT,
    VERSION,
    Document,
    Entry,
    Image,
    Job,
    Json,
    Keep,
    check_nesting,
    encode,
)


class Cassette:
    """A cassette on disk.

    Use it to look at what was recorded; `Recorder` writes one and `Player` replays it.

    Args:
        path: the JSON file; the suffix may be left out.

    Raises:
        CassetteError: from whatever reads or writes, for a file that cannot be read, is not
            whole, or is of another version. The message names the file.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self.path = path if path.suffix == ".json" else path.with_name(path.name + ".json")
        self.host = ""
        self._pictures = pictures.Pictures(self.images_folder, self.path)
        self._index: index.Index | None = None

    def __repr__(self) -> str:
        return f"<Cassette {self.path}>"

    @classmethod
    def load(cls, path: str | Path) -> Cassette:
        """The cassette in a file."""
        cassette = cls(path)
        cassette.reload()
        return cassette

    def reload(self) -> None:
        """Read what the file holds by now."""
        self._index = index.load(self.path)
        self.host = self._index.document.host or self.host

    @property
    def exists(self) -> bool:
        """Whether there is a file."""
        return self.path.exists()

    @property
    def region(self) -> Region:
        """The region of the service that was recorded, by its host."""
        singapore = "-intl" in self.host or ".ap-southeast-1." in self.host
        return Region.SINGAPORE if singapore else Region.BEIJING

    @property
    def images_folder(self) -> Path:
        """Where the pictures lie."""
        return self.path.parent / "images"

    # --- what it holds -------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._index or ())

    def __getitem__(self, place: int) -> Entry:
        if self._index is None:
            raise IndexError(place)
        return self._index[place]

    @property
    def header(self) -> Document:
        """What stands before the interactions."""
        return self._index.document if self._index else Document()

    @property
    def interactions(self) -> list[Entry]:
        """All that was recorded, in order."""
        return list(self._index or ())

    @property
    def jobs(self) -> list[Job]:
        """The recorded jobs, in order."""
        return [entry for entry in self.interactions if isinstance(entry, Job)]

    def job(self, task_id: str) -> Job | None:
        """The job of a task, if it was recorded."""
        return None if self._index is None else self._index.job(task_id)

    def find(self, form: Json, ignore: Collection[str] = ()) -> list[int]:
        """The places of the interactions that answer a canonical request, in order."""
        return [] if self._index is None else self._index.places(form, frozenset(ignore))

    def image(self, image: Image) -> bytes:
        """The bytes of a picture, checked against their hash."""
        return self._pictures.load(image)

    def stored(self, image: Image) -> bytes | None:
        """What was kept of a picture, as it lies there; None where nothing was."""
        return self._pictures.stored(image)

    def picture_file(self, image: Image) -> Path | None:
        """The file of what was kept of a picture; None where nothing was."""
        return None if image.stored_as is None else self._pictures.path(image.stored_as)

    # --- what is written -----------------------------------------------------------------------

    def keep_image(self, index: int, content: bytes, media_type: str, how: Keep = "full") -> Image:
        """Write a picture beside the cassette, once, and describe it."""
        return self._pictures.keep(pictures.describe(index, content, media_type), content, how)

    def add(self, entry: Entry) -> None:
        """Write one more interaction, behind those that the file holds by now.

        The file is locked, read anew and replaced as a whole: two recorders lose nothing of each
        other's, and one that dies leaves the old file.

        Raises:
            SecretFoundError: for what holds anything shaped like a key, a signature, an account
                id or an e-mail address; nothing is written then.
        """
        with self._adding(entry) as (raws, raw):
            raws.append(raw)

    def put(self, job: Job, replaces: Collection[str] = ()) -> None:
        """Write a job in the place of what the file knows of it so far, or behind all.

        Args:
            job: the job as it is known by now.
            replaces: ids of tasks whose jobs give way to it.

        Raises:
            SecretFoundError: as `add`.
        """
        with self._adding(job) as (raws, raw):
            own = self._place(job.task_id)
            gone = {self._place(task_id) for task_id in replaces} - {own}
            kept = [raw if at == own else old for at, old in enumerate(raws) if at not in gone]
            raws[:] = kept if own is not None else [*kept, raw]

    def _place(self, task_id: str) -> int | None:
        return self._index.place_of(task_id) if self._index else None

    @contextmanager
    def _adding(self, entry: Entry) -> Iterator[tuple[list[msgspec.Raw], msgspec.Raw]]:
        raw = self._encoded(entry)
        with self.editing() as document:
            yield document.interactions, raw
            _describe(document, entry)

    def _encoded(self, entry: Entry) -> msgspec.Raw:
        secrets.check(msgspec.to_builtins(entry), f"nothing was written to {self.path}")
        raw = msgspec.json.encode(entry)
        check_nesting(raw, self.path)  # or it could not be read again
        return msgspec.Raw(raw)

    def extend(self, entries: Iterable[Entry], files: Mapping[str, bytes]) -> None:
        """Write such interactions as the file lacks, with their pictures, as a whole or not at all.

        Args:
            entries: the interactions; `lacking` says which of them are written.
            files: the bytes of their pictures, by the hashes that name them.

        Raises:
            SecretFoundError: as `add`.
        """
        with self._pictures.adding(files), self.editing() as document:
            for entry in self.lacking(entries):
                raw = self._encoded(entry)
                place = self._place(entry.task_id) if isinstance(entry, Job) else None
                if place is None:
                    document.interactions.append(raw)
                else:
                    document.interactions[place] = raw
                _describe(document, entry)

    def lacking(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those of some interactions that the file does not hold; of a job, not as complete."""
        held = {msgspec.json.encode(entry) for entry in self.interactions}
        new: dict[str | bytes, Entry] = {}
        for entry in entries:
            if isinstance(entry, Job):
                have = new.get(entry.task_id) or self.job(entry.task_id)
                if have is None or (entry.complete and isinstance(have, Job) and not have.complete):
                    new[entry.task_id] = entry
            elif (raw := msgspec.json.encode(entry)) not in held:
                new[raw] = entry
        return list(new.values())

    @contextmanager
    def editing(self) -> Iterator[Document]:
        """The document that the file holds by now, to be changed; it is written at the end."""
        with locked(self.path):
            if self.exists:
                self.reload()
            else:
                self._index = None
            document = self._empty()
            if self._index:
                old = self._index.document
                document = msgspec.structs.replace(old, interactions=[*old.interactions])
            yield document
            write(self.path, encode(document))
            self.reload()

    def create(self) -> None:
        """Make sure that there is a file, and that it can be written.

        Use it before something is bought that is to be recorded.
        """
        if not self.exists:
            with self.editing():
                pass

    def _empty(self) -> Document:
        from wanx_client import __version__  # noqa: PLC0415 - both packages are one distribution

        return Document(
            format=FORMAT,
            version=VERSION,
            recorded_with=f"wanx-kit {__version__}",
            host=self.host,
        )


def _describe(document: Document, entry: Entry) -> None:
    """Let the header say what an interaction brings."""
    model = entry.request.get("model")
    named = {model} if isinstance(model, str) else set()
    document.models = sorted({*document.models, *named})
    document.recorded = document.recorded or entry.at


def library(folder: Path) -> Iterator[Cassette]:
    """The cassettes of a folder, by name; other JSON files are an error, and named."""
    if folder.suffix == ".json":
        raise CassetteError(f"{folder} is a folder, where a cassette should be")
    for path in sorted(folder.glob("*.json")):
        yield Cassette.load(path)
