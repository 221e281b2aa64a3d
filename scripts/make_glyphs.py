"""Draws wanx_sim/rendering/glyphs.bin from Noto Sans SC Regular.

    python scripts/make_glyphs.py            # write the file
    python scripts/make_glyphs.py --check    # fail if the file is not what this script draws

The font comes from the package `pylopdf-fonts-zh-cn` (dependency group `glyphs`); its SHA-256 is
checked. The format is described in `wanx_sim/rendering/glyphs.py`. Two runs give the same file;
another zlib or FreeType build may not, so `--check` compares the glyphs and not the bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import struct
import sys
import zlib
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TARGET = Path(__file__).parent.parent / "wanx_sim" / "rendering" / "glyphs.bin"
FONT_SHA256 = "faa6c9df652116dde789d351359f3d7e5d2285a2b2a1f04a2d7244df706d5ea9"

VERSION, EM, ASCENT, BITS, PER_BLOCK = 1, 40, 35, 2, 32
UNITS = 1000  # the font's own units per em

# The codec has U+2015 where people write U+2014; the rest is not in GB2312 but frequent: signs,
# and the hanzi of many given names.
EXTRAS = "—–€™•≤≥✓♥♪〇々囧喆堃怼祎玥珺瑄翀旸犇骉"


class Glyph(NamedTuple):
    """One character, drawn: its place in the em box, its advance and its packed rows."""

    code: int
    advance: int
    left: int
    top: int
    width: int
    height: int
    rows: bytes


def wanted() -> list[str]:
    """The characters of the set, in code point order."""
    latin = map(chr, chain(range(0x20, 0x7F), range(0xA0, 0x100)))
    return sorted({*latin, *gb2312(), *EXTRAS} - {"\xad"})


def gb2312() -> Iterable[str]:
    """Every character of GB2312: 6763 hanzi and 682 signs."""
    for row in range(0xA1, 0xF8):
        for cell in range(0xA1, 0xFF):
            yield from bytes((row, cell)).decode("gb2312", "ignore")


def font_path() -> Path:
    """The font file, refused if it is not the one the committed glyphs were drawn from."""
    import pylopdf_fonts_zh_cn  # noqa: PLC0415 - only the `glyphs` group has it

    path: Path = pylopdf_fonts_zh_cn.sans_path()
    if hashlib.sha256(path.read_bytes()).hexdigest() != FONT_SHA256:
        sys.exit(f"{path} is not the Noto Sans SC this script was written for")
    return path


def draw_all() -> list[Glyph]:
    """Draw every wanted character the font has."""
    path = str(font_path())
    basic = ImageFont.Layout.BASIC
    screen = ImageFont.truetype(path, EM, layout_engine=basic)
    exact = ImageFont.truetype(path, UNITS, layout_engine=basic)
    absent = draw("\uffff", screen, exact).rows
    glyphs = [draw(char, screen, exact) for char in wanted()]
    return [glyph for glyph in glyphs if glyph.rows != absent]


def draw(char: str, screen: ImageFont.FreeTypeFont, exact: ImageFont.FreeTypeFont) -> Glyph:
    """Draw one character; the advance is taken at a size where hinting does not round it."""
    cell = Image.new("L", (3 * EM, 3 * EM))
    mask, (dx, dy) = screen.getmask2(char, mode="L", anchor="ls")
    cell.im.paste(
        mask, (EM + dx, EM + ASCENT + dy, EM + dx + mask.size[0], EM + ASCENT + dy + mask.size[1])
    )
    quantised = cell.point([(value * 3 + 127) // 255 for value in range(256)])
    left, top, right, bottom = quantised.getbbox() or (EM, EM, EM, EM)
    rows = pack(quantised.crop((left, top, right, bottom)))
    advance = round(exact.getlength(char))
    return Glyph(ord(char), advance, left - EM, top - EM, right - left, bottom - top, rows)


def pack(image: Image.Image) -> bytes:
    """Two bits a pixel, the first pixel highest, each row padded to a byte."""
    width, data = image.width, image.tobytes()
    packed = bytearray()
    for start in range(0, len(data), width or 1):
        row = data[start : start + width] + bytes(-width % 4)
        for a, b, c, d in zip(row[::4], row[1::4], row[2::4], row[3::4], strict=True):
            packed.append(a << 6 | b << 4 | c << 2 | d)
    return bytes(packed)


def build(glyphs: Sequence[Glyph]) -> bytes:
    """The whole file."""
    blocks = [
        zlib.compress(b"".join(glyph.rows for glyph in glyphs[start : start + PER_BLOCK]), 9)
        for start in range(0, len(glyphs), PER_BLOCK)
    ]
    index = zlib.compress(build_index(glyphs, blocks), 9)
    head = struct.pack(
        ">4sBBBBHHI", b"WXGL", VERSION, EM, ASCENT, BITS, len(glyphs), PER_BLOCK, len(index)
    )
    return b"".join((head, index, *blocks))


def build_index(glyphs: Sequence[Glyph], blocks: Sequence[bytes]) -> bytes:
    """The index: one column after another, then where each block ends."""
    count, ends, end = len(glyphs), [], 0
    for block in blocks:
        end += len(block)
        ends.append(end)
    codes, advances, lefts, tops, widths, heights, _ = zip(*glyphs, strict=True)
    return b"".join(
        (
            struct.pack(f">{count}H", *codes),
            struct.pack(f">{count}H", *advances),
            struct.pack(f">{count}b", *lefts),
            struct.pack(f">{count}b", *tops),
            struct.pack(f">{count}B", *widths),
            struct.pack(f">{count}B", *heights),
            struct.pack(f">{len(ends)}I", *ends),
        )
    )


def differences(glyphs: Sequence[Glyph]) -> list[str]:
    """The characters whose committed glyph is not the one just drawn."""
    sys.path.insert(0, str(TARGET.parent.parent.parent))
    from wanx_sim.rendering.glyphs import GlyphBook  # noqa: PLC0415 - the reader of the same tree

    book = GlyphBook(TARGET.read_bytes())
    if len(book) != len(glyphs):
        return [f"{len(book)} glyphs in the file, {len(glyphs)} drawn"]
    return [chr(drawn.code) for drawn in glyphs if tuple(drawn[1:]) != book.find(chr(drawn.code))]


def main() -> None:
    """Write the file, or check it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the committed file")
    check = parser.parse_args().check
    glyphs = draw_all()
    if check:
        wrong = differences(glyphs)
        sys.exit(f"out of date, run the script again: {wrong[:20]}" if wrong else 0)
    data = build(glyphs)
    TARGET.write_bytes(data)
    print(f"{len(glyphs)} glyphs, {len(data)} bytes")


if __name__ == "__main__":
    main()
