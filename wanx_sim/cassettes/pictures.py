"""Pictures beside a cassette: kept whole, as a thumbnail, or as a description alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ..errors import CassetteError
from ..rendering import Picture, png_size, render
from .files import read, write
from .format import Image, Keep

LARGEST = 64 * 2**20
"""Bytes of a picture that are read; the service's own have a few million."""

_LONGEST_SIDE = 8192
_THUMBNAIL = 192
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


def describe(index: int, content: bytes, media_type: str) -> Image:
    """What is written down of a picture."""
    try:
        width, height = png_size(content)
    except ValueError:
        width = height = 0
    return Image(
        index=index,
        sha256=sha256(content).hexdigest(),
        media_type=media_type,
        size=len(content),
        width=width,
        height=height,
    )


class Pictures:
    """The folder of a cassette's pictures, each under the hash of its bytes.

    Args:
        folder: where they lie.
        cassette: what errors call the cassette that names them.
    """

    def __init__(self, folder: Path, cassette: Path) -> None:
        self.folder, self._cassette = folder, cassette

    def path(self, digest: str) -> Path:
        """The file of a hash; raises `CassetteError` for what is none."""
        if not _HASH.fullmatch(digest):
            raise CassetteError(
                f"{self._cassette} names a picture {digest!r}, which is no SHA-256 hash"
            )
        return self.folder / f"{digest}.png"

    def keep(self, image: Image, content: bytes, how: Keep) -> Image:
        """Write a picture, once; what is no PNG is always kept whole."""
        if how == "full" or not image.width:
            self._write(image.sha256, content)
            return image
        if how == "placeholder":
            return replace(image, kept=how)
        try:
            small = _thumbnail(content)
        except (OSError, SyntaxError, ValueError):  # a damaged PNG was paid for as well
            return self.keep(image, content, "full")
        digest = sha256(small).hexdigest()
        self._write(digest, small)
        return replace(image, kept=how, file=digest)

    def _write(self, digest: str, content: bytes) -> None:
        path = self.path(digest)
        if not path.exists():
            write(path, content)

    @contextmanager
    def adding(self, files: Mapping[str, bytes]) -> Iterator[None]:
        """Write pictures by their hashes; if the block fails, those that were new are gone."""
        new = [digest for digest in files if not self.path(digest).exists()]
        try:
            for digest in new:
                self._write(digest, files[digest])
            yield
        except BaseException:
            for digest in new:
                with suppress(OSError):
                    self.path(digest).unlink(missing_ok=True)
            raise

    def load(self, image: Image) -> bytes:
        """The bytes of a picture, checked against its hash and of its recorded size in pixels."""
        if image.kept == "full":
            return self._read(image.sha256, image.size)
        side = max(image.width, image.height)
        if not 0 < min(image.width, image.height) <= side <= _LONGEST_SIDE:
            raise CassetteError(
                f"{self._cassette} says that a picture is {image.width}×{image.height}, and sides "
                f"are 1 to {_LONGEST_SIDE} pixels"
            )
        if image.kept == "placeholder":
            return _placeholder(image)
        return _enlarged(self._read(image.file or ""), image)

    def kept(self, image: Image) -> bytes:
        """The bytes that were kept of a picture; none of one that is only described."""
        if image.kept == "placeholder":
            return b""
        thumbnail = image.kept == "thumbnail"
        return self._read(image.file or "") if thumbnail else self._read(image.sha256, image.size)

    def _read(self, digest: str, size: int | None = None) -> bytes:
        path = self.path(digest)
        try:
            found = path.stat().st_size
        except OSError as error:
            raise CassetteError(f"{self._cassette} needs {path}: {error.strerror}") from error
        if found > LARGEST or size not in (None, found):
            raise CassetteError(
                f"{path} has {found} bytes, and {self._cassette} recorded "
                f"{size if size is not None else 'a thumbnail'}"
            )
        content = read(path)
        if sha256(content).hexdigest() != digest:
            raise CassetteError(
                f"{path} is not the picture that {self._cassette} recorded: its hash differs"
            )
        return content


def _thumbnail(content: bytes) -> bytes:
    from PIL import Image as Imaging  # noqa: PLC0415 - few cassettes ask for Pillow

    with Imaging.open(BytesIO(content), formats=["PNG"]) as picture:
        picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
        return _png(picture)


def _enlarged(content: bytes, image: Image) -> bytes:
    from PIL import Image as Imaging  # noqa: PLC0415

    try:
        width, height = png_size(content)
        if max(width, height) > _THUMBNAIL:  # before a bomb is unpacked
            raise CassetteError(
                f"a thumbnail of {width}×{height} is none: sides are at most {_THUMBNAIL} pixels"
            )
        with Imaging.open(BytesIO(content), formats=["PNG"]) as picture:
            return _png(picture.resize((image.width, image.height)))
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's words for a damaged PNG
        raise CassetteError(f"a thumbnail is damaged: {error}") from error


def _png(picture: Any) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _placeholder(image: Image) -> bytes:
    """A picture of the same size that says what it stands for."""
    return render(
        Picture(
            model="cassette",
            prompt=f"placeholder of {image.sha256[:12]}",
            seed=int(image.sha256[:8], 16) % 2**31,
            width=image.width,
            height=image.height,
            index=image.index,
        )
    )
