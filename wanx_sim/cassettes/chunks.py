"""The texts inside a PNG: what an editor, a camera or a model wrote there, for the scanner."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

_HEADER = struct.Struct(">I4s")
_FIRST = 8  # behind the signature
_CHECKSUM = 4
_MOST_TEXT = 4 * 2**20
"""Bytes of text that are unpacked of one picture; a simulator's has a few hundred."""


def texts(content: bytes) -> Iterator[tuple[str, str]]:
    """Each text of a PNG with its name: its keyword, or what else it is.

    Raises:
        ValueError: for more text than a picture has any reason to hold.
    """
    room = _MOST_TEXT
    for kind, data in _chunks(content):
        name, text = _text(kind, data, room)
        room -= len(text)
        if room <= 0:
            raise ValueError(f"it holds more than {_MOST_TEXT} bytes of text")
        if text:
            yield name, text.decode("utf-8", "replace")


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = _FIRST
    kind = b""
    while kind != b"IEND" and at + _HEADER.size <= len(content):
        length, kind = _HEADER.unpack_from(content, at)
        at += _HEADER.size
        if kind != b"IDAT":
            yield kind, content[at : at + length]
        at += length + _CHECKSUM
    yield b"", content[at:]


def _text(kind: bytes, data: bytes, room: int) -> tuple[str, bytes]:
    """What a chunk says, and under which name; nothing for one of pixels or colours."""
    if kind in (b"", b"eXIf"):
        return "what follows the picture" if not kind else "eXIf", data
    keyword, _, rest = data.partition(b"\0")
    name = keyword.decode("latin-1")
    if kind == b"tEXt":
        return name, rest
    if kind == b"zTXt":
        return name, _inflated(rest[1:], room)
    if kind == b"iTXt":
        text = rest[2:].split(b"\0", 2)[-1]  # behind its language and the translated keyword
        return name, _inflated(text, room) if rest[:1] == b"\1" else text
    return name, b""


def _inflated(data: bytes, room: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, room)
    except zlib.error:
        return b""
