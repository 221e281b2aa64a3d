"""Small copies of pictures, to look at many of them at once."""

from __future__ import annotations

from io import BytesIO


def thumbnail(content: bytes, side: int) -> bytes:
    """A PNG of the same picture that fits into a square; as it is, if it does already."""
    from PIL import Image  # noqa: PLC0415 - keeps Pillow out of imports

    with Image.open(BytesIO(content)) as picture:
        if max(picture.size) <= side:
            return content
        # Shrunk by a whole factor before colours are mixed: a third of the time.
        small = picture.convert("RGB").reduce(max(1, max(picture.size) // (2 * side)))
    small.thumbnail((side, side))
    file = BytesIO()
    small.save(file, "PNG")
    return file.getvalue()
