"""A picture put together: scenery, card, watermark, palette, PNG."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image

from wanx_sim.rendering import card, ink
from wanx_sim.rendering.dice import Dice
from wanx_sim.rendering.palette import LIGHTEST, MOODS, entries
from wanx_sim.rendering.png import write_png
from wanx_sim.rendering.scenery import SCENES, draw_scene

if TYPE_CHECKING:
    from wanx_sim.rendering.picture import Picture

WATERMARK = "AI生成"

colours = lru_cache(maxsize=64)(entries)


def compose(picture: Picture) -> bytes:
    """Draw a picture and pack it as a PNG."""
    dice = Dice("picture", picture.model, picture.prompt, picture.seed, picture.index)
    mood, warmth = dice.pick(MOODS), dice.between(-2, 2) * 2
    canvas = view(dice, picture.width, picture.height, dark=mood.dark)
    planned = card.plan(picture)
    if planned:
        card.paint(canvas, planned, mood)
    if picture.watermark:
        stamp(canvas)
    return write_png(canvas, colours(mood, warmth), texts(picture))


def view(dice: Dice, width: int, height: int, *, dark: bool) -> Image.Image:
    """Show a part of a scene that is a quarter wider than the picture, from either side."""
    spare = width // 4
    scene = draw_scene(dice.between(0, SCENES - 1), width + spare, height, dark=dark)
    left = dice.between(0, spare)
    canvas = scene.crop((left, 0, left + width, height))
    if dice.between(0, 1):
        return canvas.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return canvas


def stamp(canvas: Image.Image) -> None:
    """Write the watermark in the lower right corner, light over a soft dark edge."""
    margin = card.margin_of(*canvas.size)
    size = max(margin * 6 // 10, 6)
    width = ink.length(WATERMARK, size)
    mask = Image.new("L", (width + 4, size * 3 // 2))
    ink.write(mask, (1, size // 8), WATERMARK, size)
    x, y = canvas.width - width - margin // 2, canvas.height - (margin + size) // 2 - size // 8
    off = max(size // 16, 1)
    canvas.paste(0, (x + off, y + off), mask.point([value // 2 for value in range(256)]))
    canvas.paste(LIGHTEST, (x, y), mask)


def texts(picture: Picture) -> dict[str, str]:
    """What the text chunks say: what the picture was made from, and by whom."""
    return {
        "Software": "wanx-kit",
        "model": clean(picture.model),
        "prompt": clean(picture.prompt),
        "seed": str(picture.seed),
        "size": f"{picture.width}*{picture.height}",
        "index": str(picture.index),
    }


def clean(text: str) -> str:
    """A text as a chunk can hold it: no NUL, which ends one, and no lone surrogate."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
