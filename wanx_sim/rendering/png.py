"""PNG files: the size of any, read without an imaging library; pictures of tones, written.

A picture of tones is written with the filter Up, each row as what it differs from the one above,
and run lengths (Z_RLE): gradients and flat shapes become long runs. Pillow writes pictures with a
palette unfiltered, which took half as long again and twice the bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">8sI4sII")
_BITS, _PALETTE, _UP = 8, 3, 2
_BAND = 128  # rows filtered at once: whole pictures would cost fresh pages of memory, 1 ms or more
_MEMORY = 6  # small blocks of codes follow a picture's changes: 3 % fewer bytes than with 9


def png_size(data: bytes) -> tuple[int, int]:
    """Read a PNG's width and height from its first 24 bytes.

    Raises `ValueError` on anything that does not begin as a PNG; what follows is not looked at.
    """
    if len(data) < _HEADER.size:
        raise ValueError("not a PNG: too short")
    signature, length, kind, width, height = _HEADER.unpack_from(data)
    if (signature, length, kind) != (_SIGNATURE, 13, b"IHDR"):
        raise ValueError("not a PNG: it does not begin with a signature and an IHDR chunk")
    if not width or not height:
        raise ValueError("not a PNG: a side of 0 pixels")
    return width, height


def write_png(tones: Image.Image, palette: bytes, texts: Mapping[str, str]) -> bytes:
    """A PNG of a greyscale image whose tones are places in a palette, with text chunks."""
    header = struct.pack(">IIBBBBB", *tones.size, _BITS, _PALETTE, 0, 0, 0)
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, _MEMORY, zlib.Z_RLE)
    rows = b"".join([*map(packer.compress, _filtered(tones)), packer.flush()])
    chunks = [
        _chunk(b"IHDR", header),
        _chunk(b"PLTE", palette),
        *_texts(texts),
        _chunk(b"IDAT", rows),
        _chunk(b"IEND", b""),
    ]
    return _SIGNATURE + b"".join(chunks)


def _filtered(tones: Image.Image) -> Iterator[bytes]:
    """Each row as what it differs from the one above, after the number of that filter; in bands."""
    from PIL import ImageChops  # noqa: PLC0415 - not needed to read a size

    width, height = tones.size
    for top in range(0, height, _BAND):
        end = min(top + _BAND, height)  # what a crop takes from outside of an image is 0
        rows, above = tones.crop((-1, top, width, end)), tones.crop((-1, top - 1, width, end - 1))
        filtered = ImageChops.subtract_modulo(rows, above)
        filtered.paste(_UP, (0, 0, 1, end - top))
        yield filtered.tobytes()


def _texts(texts: Mapping[str, str]) -> Iterator[bytes]:
    for name, text in texts.items():
        if text.isascii():
            yield _chunk(b"tEXt", f"{name}\0{text}".encode())
        else:  # neither compressed nor with a language
            yield _chunk(b"iTXt", f"{name}\0\0\0\0\0{text}".encode())


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
