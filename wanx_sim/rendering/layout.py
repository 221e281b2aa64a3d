"""Line breaking for Chinese and Latin text. Pure: it knows widths only through `measure`.

Latin breaks at spaces and after hyphens, Chinese between any two characters, except where a line
would then start with closing punctuation or end with an opening bracket.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Measure = Callable[[str], int]

ELLIPSIS = "…"
NO_START = frozenset("，。、；：？！）】》〉」』〕〗”’…—―～·‰℃°ー々,.;:!?)]}%>»")
NO_END = frozenset("（【《〈「『〔〖“‘([{<«￥$#@")

_BREAKS = re.compile("\r\n|[\r\n\v\f\x85\u2028\u2029]")
_BLANKS = re.compile(r"\s+")
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FIRST_WIDE = 0x2E80  # CJK radicals; everything above is set like hanzi


def normalise(text: str) -> str:
    """Reduce a text to what can be set: composed characters, single spaces, newlines as such.

    Marks that still stand alone, joiners, variation selectors and skin tones are dropped.
    """
    paragraphs = _BREAKS.split(unicodedata.normalize("NFC", text))
    cleaned = (
        _BLANKS.sub(" ", "".join(map(_settable, paragraph))).strip() for paragraph in paragraphs
    )
    return "\n".join(paragraph for paragraph in cleaned if paragraph)


def break_lines(text: str, measure: Measure, width: int, limit: int) -> tuple[list[str], bool]:
    """Break a normalised text into at most `limit` lines no wider than `width`; tell if all fits.

    A text that goes on after the last line ends in an ellipsis; a word wider than a line is split.
    A character wider than the line still gets a line of its own.
    """
    lines = list(islice(_lines(text, measure, width), limit + 1))
    if len(lines) <= limit:
        return lines, True
    return [*lines[: limit - 1], cut(lines[limit - 1], measure, width)], False


def cut(line: str, measure: Measure, width: int) -> str:
    """Shorten a line until an ellipsis fits behind it."""
    room = width - measure(ELLIPSIS)
    while line and sum(map(measure, line)) > room:
        line = line[:-1]
    return line.rstrip(" ，、；：。,;:.") + ELLIPSIS


def pieces(paragraph: str) -> Iterator[str]:
    """Split a paragraph into what no line break may part; spaces stay at a piece's end."""
    start = 0
    for at in range(1, len(paragraph)):
        if may_break(paragraph[at - 1], paragraph[at]):
            yield paragraph[start:at]
            start = at
    yield paragraph[start:]


def may_break(before: str, after: str) -> bool:
    """Whether a line may end after one character and the next begin with the other."""
    if after == " " or after in NO_START or before in NO_END:
        return False
    if before in " -/":
        return before == " " or after.isalpha()
    return is_wide(before) or is_wide(after)


def is_wide(char: str) -> bool:
    """Whether a character is set like a hanzi: as wide as high, with a break on either side."""
    return ord(char) >= _FIRST_WIDE


def _lines(text: str, measure: Measure, width: int) -> Iterator[str]:
    for paragraph in text.split("\n"):
        line, used = "", 0
        for piece in pieces(paragraph):
            wanted = sum(map(measure, piece.rstrip(" ")))
            if line and used + wanted > width:
                yield line.rstrip(" ")
                line, used = "", 0
            if wanted > width:
                *full, piece = _split(piece, measure, width)  # noqa: PLW2901 - its rest goes on
                yield from full
            line += piece
            used += sum(map(measure, piece))
        if line.strip(" "):
            yield line.rstrip(" ")


def _split(piece: str, measure: Measure, width: int) -> Iterator[str]:
    start = used = 0
    for at, char in enumerate(piece):
        advance = measure(char)
        if at > start and char != " " and used + advance > width:
            yield piece[start:at].rstrip(" ")
            start, used = at, 0
        used += advance
    yield piece[start:]


@lru_cache(maxsize=4096)
def _settable(char: str) -> str:
    if char < "\x7f":
        return max(char, " ")
    category = unicodedata.category(char)
    if category in {"Mn", "Me", "Cf"} or ord(char) in _SKIN_TONES:
        return ""
    return " " if category in {"Cc", "Zs"} else char
