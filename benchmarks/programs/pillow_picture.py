"""A picture as one draws it with Pillow: an RGB gradient, a latin and a Chinese line of text."""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from .offering import offer
from .wire import prompt

_SIZE = (1024, 1024)


def _font() -> ImageFont.FreeTypeFont:
    (home,) = find_spec("pylopdf_fonts_zh_cn").submodule_search_locations  # type: ignore[union-attr, misc]
    return ImageFont.truetype(str(next(Path(home).rglob("NotoSansSC-Regular.otf"))), 32)


def draw(number: int, font: ImageFont.FreeTypeFont) -> int:
    """Draw one and encode it at zlib's level 6, which is Pillow's own; its bytes."""
    ramp = Image.linear_gradient("L").resize(_SIZE)
    picture = Image.merge("RGB", (ramp, ramp.rotate(90), ramp.rotate(180)))
    drawing = ImageDraw.Draw(picture)
    drawing.text((64, 64), "wan2.5-t2i-preview", font=font, fill="white")
    drawing.text((64, 128), prompt(number), font=font, fill="white")
    out = BytesIO()
    picture.save(out, "PNG", compress_level=6)
    return out.tell()


if __name__ == "__main__":
    face = _font()
    offer(draw=lambda count: max(draw(number, face) for number in range(count)))
