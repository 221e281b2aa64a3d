"""A contact sheet: the pictures of jobs side by side, each with the words it came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

from PIL import Image as Imaging

from ..errors import CassetteError
from ..rendering import ink
from ..rendering.layout import break_lines, normalise
from .cassette import Cassette
from .format import Image, Job
from .pictures import unpacked
from .summary import prompt

COLUMNS = 4
MOST = 200
"""Pictures of a sheet; a viewer has no use for more."""

_SIDE, _GAP, _TEXT, _LINE = 256, 24, 14, 20
_WORDS = 2  # lines of the prompt
_CELL = _SIDE + _GAP
_HIGH = _SIDE + _GAP + (_WORDS + 1) * _LINE + _GAP // 2
_PAPER, _FRAME, _LIGHT = 250, 225, 150


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture of a sheet."""

    picture: Imaging.Image | None
    words: str
    caption: str


def sheet(cassette: Cassette, jobs: Iterable[Job]) -> bytes:
    """The contact sheet of jobs, as a PNG; a job without a picture has an empty frame.

    Raises:
        CassetteError: for nothing to show, or more than `MOST` pictures.
    """
    cells = list(_cells(cassette, jobs))
    if not cells:
        raise CassetteError(f"{cassette.path} has no job to put on a contact sheet")
    if len(cells) > MOST:
        raise CassetteError(f"a contact sheet holds {MOST} pictures, not {len(cells)}; name a job")
    columns = min(COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    paper = Imaging.new("RGB", (columns * _CELL + _GAP, rows * _HIGH + _GAP), (_PAPER,) * 3)
    for place, cell in enumerate(cells):
        row, column = divmod(place, columns)
        _put(paper, cell, _GAP + column * _CELL, _GAP + row * _HIGH)
    file = BytesIO()
    paper.save(file, "PNG")
    return file.getvalue()


def _cells(cassette: Cassette, jobs: Iterable[Job]) -> Iterator[Cell]:
    for job in jobs:
        words = prompt(job.request)
        if not job.images:
            yield Cell(None, words, job.task_status)
        for image in job.images[: MOST + 1]:
            caption = f"{job.request.get('model')} · {image.width}×{image.height} · #{image.index}"
            yield Cell(_small(cassette, image), words, caption)


def _small(cassette: Cassette, image: Image) -> Imaging.Image | None:
    """A picture as it is shown; None where its file is missing, damaged, or was never kept."""
    try:
        content = cassette.stored(image)
        picture = None if content is None else unpacked(content).convert("RGB")
    except (CassetteError, OSError, SyntaxError, ValueError):
        return None
    if picture:
        picture.thumbnail((_SIDE, _SIDE))
    return picture


def _put(paper: Imaging.Image, cell: Cell, left: int, top: int) -> None:
    frame = (left, top, left + _SIDE, top + _SIDE)
    paper.paste((_FRAME,) * 3, frame)
    if cell.picture:
        width, height = cell.picture.size
        paper.paste(cell.picture, (left + (_SIDE - width) // 2, top + (_SIDE - height) // 2))
    wide = _SIDE * ink.UNITS // _TEXT
    words, _ = break_lines(normalise(cell.words[:500]), ink.advance, wide, _WORDS)
    caption, _ = break_lines(normalise(cell.caption), ink.advance, wide, 1)
    top += _SIDE + _GAP // 3
    for place, line in enumerate(words):
        _write(paper, (left, top + place * _LINE), line, 0)
    for line in caption:
        _write(paper, (left, top + len(words) * _LINE), line, _LIGHT)


def _write(paper: Imaging.Image, at: tuple[int, int], line: str, tone: int) -> None:
    mask = Imaging.new("L", (_SIDE + _TEXT, _LINE))
    ink.write(mask, (0, 2), line, _TEXT)
    paper.paste((tone,) * 3, at, mask)
