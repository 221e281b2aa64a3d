"""What can be read from a PNG without an imaging library."""

from __future__ import annotations

import struct

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">8sI4sII")


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
