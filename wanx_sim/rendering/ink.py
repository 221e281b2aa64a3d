"""Text as a mask: glyph bitmaps scaled to a size and put one after another."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from PIL import Image

from wanx_sim.rendering.glyphs import EM, glyph_book

UNITS = 1000  # widths are counted in thousandths of an em
_PAD, _CELL = 8, 64  # room around the em box: glyphs reach 4 above it, 6 below and 2 to its left
_CANVAS = _CELL + EM  # a whole number of pixels at a small size reaches this far


class Tile(NamedTuple):
    """A glyph's mask at one size, and where it lies from the upper left of its em box."""

    mask: Image.Image
    left: int
    top: int


@lru_cache(maxsize=8192)
def advance(char: str) -> int:
    """How far a character moves the pen, in thousandths of an em; a missing one is a full box."""
    known = glyph_book().advance(char)
    return UNITS if known is None else known


def length(text: str, size: int) -> int:
    """The width of a text in pixels."""
    return -(-sum(map(advance, text)) * size // UNITS)


def write(
    mask: Image.Image, at: tuple[int, int], text: str, size: int, strength: int = 255
) -> None:
    """Put one line of text on a mask, `at` being the upper left of its first em box."""
    x, y = at
    pen = 0
    for char in text:
        if char != " ":
            glyph, left, top = tile(char, size)
            mask.paste(strength, (x + left + (pen * size + UNITS // 2) // UNITS, y + top), glyph)
        pen += advance(char)


@lru_cache(maxsize=2048)
def tile(char: str, size: int) -> Tile:
    """The mask of a character at a size, trimmed."""
    cell = _cell(char)
    if size != EM:
        side = _CELL * size // EM + 1
        reach = side * EM / size
        smooth = Image.Resampling.HAMMING if size < EM else Image.Resampling.BICUBIC
        cell = cell.resize((side, side), smooth, box=(0, 0, reach, reach))
    if size > EM:
        cell = cell.point(_steeper(size))
    left, top, right, bottom = cell.getbbox() or (0, 0, 1, 1)
    pad = _PAD * size // EM
    return Tile(cell.crop((left, top, right, bottom)), left - pad, top - pad)


def _steeper(size: int) -> list[int]:
    """A table that keeps an enlarged edge as narrow as it was."""
    slope = [(value - 128) * size // EM + 128 for value in range(256)]
    return [min(max(value, 0), 255) for value in slope]


def _cell(char: str) -> Image.Image:
    canvas = Image.new("L", (_CANVAS, _CANVAS))
    bitmap, left, top = _bitmap(char) or (_missing(char), 0, 0)
    canvas.paste(bitmap, (_PAD + left, _PAD + top))
    return canvas


def _bitmap(char: str) -> Tile | None:
    glyph = glyph_book().find(char)
    if glyph is None:
        return None
    if not glyph.rows:
        return Tile(Image.new("L", (1, 1)), 0, 0)
    size = (glyph.width, glyph.height)
    return Tile(Image.frombytes("L", size, glyph.rows, "raw", "L;2"), glyph.left, glyph.top)


def _missing(char: str) -> Image.Image:
    """A box with the character's code point in it, in two rows of hexadecimal digits."""
    box = Image.new("L", (EM, EM))
    for inset, tone in ((2, 190), (4, 0)):
        box.paste(tone, (inset, inset, EM - inset, EM - inset))
    digits = f"{ord(char):04X}"
    half = -(-len(digits) // 2)
    for row, part in enumerate((digits[:half], digits[half:])):
        left = (EM - 10 * len(part)) // 2
        for column, digit in enumerate(part):
            box.paste(_digit(digit), (left + 10 * column, 6 + 15 * row))
    return box


@lru_cache(maxsize=16)
def _digit(digit: str) -> Image.Image:
    tall = Image.new("L", (22, EM))
    drawn = _bitmap(digit)
    if drawn:
        tall.paste(drawn.mask, (max((22 - drawn.mask.width) // 2, 0), EM - 6 - drawn.mask.height))
    return tall.crop((0, 2, 22, EM - 2)).resize((10, 14), Image.Resampling.HAMMING)
