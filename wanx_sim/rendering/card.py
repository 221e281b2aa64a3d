"""The card: frosted glass over the scenery, with the prompt and a caption on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from wanx_sim.rendering import ink
from wanx_sim.rendering.layout import break_lines, normalise
from wanx_sim.rendering.palette import glass_table, ink_table
from wanx_sim.rendering.shapes import rounded, shadow

if TYPE_CHECKING:
    from wanx_sim.rendering.palette import Mood
    from wanx_sim.rendering.picture import Picture

SMALLEST = 160  # a side below this has no room for words
_LONGEST = 4000  # characters looked at; no card holds as many

# A text's size in thousandths of the shorter side, and the lines it may have to be set so large.
_SIZES = ((52, 2), (44, 3), (38, 5), (32, 8), (27, 99))
_TALLEST = 58  # hundredths of the picture's height
_CAPTION, _LEAST_CAPTION, _LEAST_TEXT = 20, 12, 13

_GLASS = glass_table()
_INK = ink_table()
_INSIDE = [255 * (value == 255) for value in range(256)]  # noqa: PLR2004 - wholly inside a mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Where the card lies and what is written on it."""

    left: int
    top: int
    width: int
    height: int
    padding: int
    radius: int
    size: int
    lines: tuple[str, ...]
    caption_size: int
    captions: tuple[str, ...]


def margin_of(width: int, height: int) -> int:
    """The room between the card and the picture's sides."""
    return max(min(width, height) * 5 // 100, 4)


def plan(picture: Picture) -> Card | None:
    """Lay out a picture's card; a picture too small for words has none."""
    unit = min(picture.width, picture.height)
    if unit < SMALLEST:
        return None
    margin, padding = margin_of(picture.width, picture.height), unit * 42 // 1000
    width = min(picture.width - 2 * margin, unit * 3 // 2)
    inner = width - 2 * padding
    caption_size = max(unit * _CAPTION // 1000, _LEAST_CAPTION)
    wide = inner * ink.UNITS // caption_size
    captions = tuple(break_lines(caption_of(picture), ink.advance, wide, 3)[0])
    foot = foot_height(caption_size, len(captions))
    room = picture.height * _TALLEST // 100 - 2 * padding - foot
    size, lines = fit(picture.prompt, unit, inner, room)
    height = text_height(size, len(lines)) + foot + 2 * padding
    return Card(
        left=margin,
        top=picture.height - margin - height,
        width=width,
        height=height,
        padding=padding,
        radius=unit * 28 // 1000,
        size=size,
        lines=lines,
        caption_size=caption_size,
        captions=captions,
    )


def caption_of(picture: Picture) -> str:
    """The line at the card's foot."""
    size = f"{picture.width}×{picture.height}"
    return f"{normalise(picture.model)} · {size} · seed {picture.seed} · #{picture.index}"


def fit(prompt: str, unit: int, width: int, room: int) -> tuple[int, tuple[str, ...]]:
    """Choose the largest size at which the prompt fits, and break it into lines."""
    text = normalise(prompt[:_LONGEST])
    length = sum(map(ink.advance, text))
    for share, most in _SIZES:
        size = max(unit * share // 1000, _LEAST_TEXT)
        limit = max(min(most, (room + size // 2) * 2 // (3 * size)), 1)
        wide = width * ink.UNITS // size
        if length <= limit * wide or share == _SIZES[-1][0]:
            lines, whole = break_lines(text, ink.advance, wide, limit)
            if whole:
                break
    return size, tuple(lines)


def text_height(size: int, lines: int) -> int:
    """The height of the prompt and the gap below it."""
    return size * 3 // 2 * (lines - 1) + size if lines else 0


def foot_height(size: int, lines: int) -> int:
    """The height of the rule, the gaps around it, and the caption."""
    return size * 13 // 4 + size * 3 // 2 * (lines - 1) + 1


def paint(canvas: Image.Image, card: Card, mood: Mood) -> None:
    """Put the card on a canvas of tones."""
    box = (card.left, card.top, card.left + card.width, card.top + card.height)
    glass = engrave(frost(canvas, box), text_mask(card))
    cast_shadow(canvas, card)
    ends = [
        (0, 0, card.width, card.radius),
        (0, card.height - card.radius, card.width, card.height),
    ]
    rounded_ends = [(end, round_end(canvas, card, glass, end, mood)) for end in ends]
    canvas.paste(glass, box)
    for (_, top, *_rest), image in rounded_ends:
        canvas.paste(image, (card.left, card.top + top))


def round_end(
    canvas: Image.Image, card: Card, glass: Image.Image, end: tuple[int, int, int, int], mood: Mood
) -> Image.Image:
    """The upper or lower end of the card over what is behind it, with its corners rounded.

    An edge is blended within the ramp, with the tone nearest the card: glass has no such blends.
    """
    left, top, right, bottom = end
    mask = rounded(card.width, card.height, card.radius).crop(end)
    image = canvas.crop((card.left + left, card.top + top, card.left + right, card.top + bottom))
    image.paste(mood.card_tone, (0, 0), mask)
    image.paste(glass.crop(end), (0, 0), mask.point(_INSIDE))
    return image


def frost(canvas: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """What is behind the card, blurred and turned into tones of glass."""
    size = (box[2] - box[0], box[3] - box[1])
    coarse = canvas.reduce(max(min(size) // 12, 1), box).point(_GLASS)
    return coarse.resize(size, Image.Resampling.BILINEAR)


def cast_shadow(canvas: Image.Image, card: Card) -> None:
    """Darken the canvas around and below the card."""
    blur = card.radius
    mask = shadow(card.width, card.height, card.radius, blur, 80)
    canvas.paste(0, (card.left - blur, card.top - blur + blur // 3), mask)


def text_mask(card: Card) -> Image.Image:
    """Everything written on the card, as a mask."""
    mask = Image.new("L", (card.width, card.height))
    x = y = card.padding
    for line in card.lines:
        ink.write(mask, (x, y), line, card.size)
        y += card.size * 3 // 2
    y = card.height - card.padding - foot_height(card.caption_size, len(card.captions))
    y += card.caption_size * 3 // 2
    mask.paste(60, (x, y, card.width - x, y + max(card.caption_size // 14, 1)))
    y = card.height - card.padding - card.caption_size * (3 * len(card.captions) - 1) // 2
    for line in card.captions:
        ink.write(mask, (x, y), line, card.caption_size, 190)
        y += card.caption_size * 3 // 2
    return mask


def engrave(glass: Image.Image, mask: Image.Image) -> Image.Image:
    """Put a mask on glass: every tone of ink lies above every tone of glass."""
    return ImageChops.lighter(glass, mask.point(_INK))
