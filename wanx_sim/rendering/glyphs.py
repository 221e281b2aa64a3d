"""The glyph bitmaps: reading `glyphs.bin`.

The file holds Noto Sans SC Regular (SIL OFL 1.1, see LICENSE-OFL.txt) drawn at 40 pixels an em
with two bits a pixel: printable ASCII and Latin-1, all of GB2312 and a few more.
`scripts/make_glyphs.py` draws it. Numbers are big-endian:

    header   4s magic "WXGL" · B version 1 · B em 40 · B ascent 35 · B bits 2 ·
             H count · H glyphs a block · I length of the index
    index    zlib; one column after another, each with one entry a glyph, ordered by code point:
             H code point · H advance in thousandths of an em · b left · b top · B width · B height,
             then for each block I where it ends, counted from the first block's start
    blocks   zlib; the rows of its glyphs one after another, each row padded to a byte

`left` and `top` place the bitmap in the em box, whose baseline lies `ascent` rows below its top.
Only the blocks of the characters asked for are unpacked.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

MAGIC, VERSION, EM, ASCENT, BITS = b"WXGL", 1, 40, 35, 2
_HEADER = struct.Struct(">4sBBBBHHI")


class Glyph(NamedTuple):
    """One character's bitmap, its place in the em box and its advance."""

    advance: int
    left: int
    top: int
    width: int
    height: int
    rows: bytes

    @property
    def stride(self) -> int:
        """Bytes a row."""
        return (self.width * BITS + 7) // 8


class GlyphBook:
    """The glyphs of one file; a character outside the set is `None` to `find` and `advance`."""

    def __init__(self, data: bytes) -> None:
        magic, version, em, ascent, bits, count, self._per_block, length = _HEADER.unpack_from(data)
        if (magic, version, em, ascent, bits) != (MAGIC, VERSION, EM, ASCENT, BITS):
            raise ValueError("not a glyph file of this version")
        index = memoryview(zlib.decompress(data[_HEADER.size : _HEADER.size + length]))
        self._blocks = memoryview(data)[_HEADER.size + length :]
        self._codes = struct.unpack_from(f">{count}H", index)
        self._places = dict(zip(map(chr, self._codes), range(count), strict=True))
        self._advances = struct.unpack_from(f">{count}H", index, 2 * count)
        self._lefts, self._tops = (
            struct.unpack_from(f">{count}b", index, start * count) for start in (4, 5)
        )
        self._widths, self._heights = (
            bytes(index[6 * count : 7 * count]),
            bytes(index[7 * count : 8 * count]),
        )
        self._ends = struct.unpack(f">{-(-count // self._per_block)}I", index[8 * count :])

    def __len__(self) -> int:
        return len(self._codes)

    def __contains__(self, char: object) -> bool:
        return char in self._places

    def advance(self, char: str) -> int | None:
        """How far a character moves the pen, in thousandths of an em."""
        place = self._places.get(char)
        return None if place is None else self._advances[place]

    def find(self, char: str) -> Glyph | None:
        """The glyph of a character."""
        place = self._places.get(char)
        if place is None:
            return None
        block, first = place // self._per_block, place - place % self._per_block
        start = sum(self._size(other) for other in range(first, place))
        rows = self._unpack(block)[start : start + self._size(place)]
        return Glyph(
            self._advances[place],
            self._lefts[place],
            self._tops[place],
            self._widths[place],
            self._heights[place],
            rows,
        )

    def _size(self, place: int) -> int:
        return (self._widths[place] * BITS + 7) // 8 * self._heights[place]

    def _unpack(self, block: int) -> bytes:
        start = self._ends[block - 1] if block else 0
        return zlib.decompress(self._blocks[start : self._ends[block]])


@lru_cache(maxsize=1)
def glyph_book() -> GlyphBook:
    """The book that ships with the package, read at the first call."""
    # Not importlib.resources: its import alone costs more than everything else here.
    return GlyphBook(Path(__file__).with_name("glyphs.bin").read_bytes())
