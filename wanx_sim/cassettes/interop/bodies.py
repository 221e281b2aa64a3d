"""Bodies as they travelled: what they were packed in is undone, within limits."""

from __future__ import annotations

import zlib

from ...errors import CassetteError
from .. import files
from . import reading

_MEGABYTE = 2**20


class Bodies:
    """The bodies of one file: undoes what they were packed in, within a limit for all of them."""

    def __init__(self) -> None:
        self._left = reading.LARGEST

    def unpacked(self, body: bytes, encoding: str, where: str) -> bytes | None:
        """A body without its content encoding; None for one that is not known here."""
        encoding = encoding.strip().lower()
        if encoding in ("", "identity"):
            return bounded(body, where)
        if encoding in ("gzip", "x-gzip"):
            # What does not begin as gzip does was unpacked by the tool that wrote it down.
            return self._inflated(body, 31, where) if body[:2] == b"\x1f\x8b" else body
        if encoding == "deflate":
            return self._inflated(body, 15 if body[:1] == b"\x78" else -15, where)
        return None

    def _inflated(self, body: bytes, window: int, where: str) -> bytes:
        most = min(self._left, files.LARGEST)
        unpacker = zlib.decompressobj(window)
        try:
            found = unpacker.decompress(body, most + 1)
        except zlib.error as error:
            raise CassetteError(f"{where}: its body cannot be unpacked ({error})") from error
        if len(found) > most:
            raise _too_large(where)
        if not unpacker.eof:
            raise CassetteError(f"{where}: its body cannot be unpacked, for it is cut off")
        self._left -= len(found)
        return found


def bounded(body: bytes, where: str) -> bytes:
    """A body, if it is no larger than a picture may be; raises `CassetteError`."""
    if len(body) > files.LARGEST:
        raise _too_large(where)
    return body


def _too_large(where: str) -> CassetteError:
    most = files.LARGEST // _MEGABYTE
    return CassetteError(f"{where}: its body has more than {most} MB, and no picture has")
