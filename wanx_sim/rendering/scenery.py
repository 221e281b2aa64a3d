"""The background: a sky with its light, and ridges before it, drawn in tones of the ramp.

The picture is built column by column, lying on its side: a column is then a run of bytes, and a
ridge is one slice put over it. All of it is integer arithmetic, so it is equal everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from PIL import Image

from wanx_sim.rendering.dice import Dice
from wanx_sim.rendering.palette import LIGHTEST
from wanx_sim.rendering.shapes import disc, glow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PART = 16  # a ridge's height is counted in sixteenths of a pixel


@dataclass(frozen=True, slots=True, kw_only=True)
class Tones:
    """The tones of a scene: sky from top to horizon, ridges from the farthest to the nearest."""

    zenith: int
    horizon: int
    farthest: int
    nearest: int
    light: int


DAY = Tones(zenith=88, horizon=132, farthest=102, nearest=22, light=LIGHTEST)
NIGHT = Tones(zenith=12, horizon=96, farthest=78, nearest=3, light=LIGHTEST - 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How ridges look.

    They have so many knots for each short side of the picture: every `span`th is free, those
    between stay near by `roughness`. Mist lies at a level or follows the ridge.
    """

    knots: int
    span: int
    roughness: int
    swing: int
    layers: int
    level_mist: bool
    mist: int


PEAKS = Style(knots=40, span=16, roughness=52, swing=30, layers=5, level_mist=True, mist=34)
HILLS = Style(knots=10, span=4, roughness=34, swing=22, layers=5, level_mist=True, mist=26)
WAVES = Style(knots=2, span=1, roughness=0, swing=22, layers=6, level_mist=False, mist=30)
STYLES = (PEAKS, WAVES, HILLS, PEAKS)


@dataclass(frozen=True, slots=True)
class Ridge:
    """One ridge: its height in each column, and its tones from `start` (or the ridge) down."""

    tops: Sequence[int]
    tones: bytes
    follows: bool


SCENES = len(STYLES)


# The dearest part of a picture, so scenes are few and kept; what makes each picture its own is the
# part of the scene it shows, its side and its colours.
@lru_cache(maxsize=16)
def draw_scene(number: int, width: int, height: int, *, dark: bool) -> Image.Image:
    """Draw one of the scenes in tones of the ramp; the image is shared, so never draw on it."""
    dice, tones = Dice("scene", number, int(dark)), NIGHT if dark else DAY
    line = height * dice.between(46, 54) // 100
    sky = draw_sky(dice, width, height, line, tones, stars=dark)
    ridges = list(make_ridges(dice, width, height, line, tones, STYLES[number]))
    columns = lay(sky.tobytes(), width, height, ridges)
    return Image.frombytes("L", (height, width), columns).transpose(Image.Transpose.TRANSPOSE)


def draw_sky(
    dice: Dice, width: int, height: int, line: int, tones: Tones, *, stars: bool
) -> Image.Image:
    """Draw the sky on its side: a gradient down to the line, stars, and the light with its glow."""
    column = ramp(tones.zenith, tones.horizon, max(line, 1), height)
    sky = Image.frombytes("L", (height, 1), column).resize(
        (height, width), Image.Resampling.NEAREST
    )
    unit = min(width, height)
    x, y = width * dice.between(34, 66) // 100, line * dice.between(34, 62) // 100
    radius = max(unit * dice.between(7, 13) // 100, 1)
    if stars:
        scatter_stars(dice, sky, line, max(unit // 640, 1))
    for reach, strength in ((radius * 5, 80), (radius * 2, 56)):
        sky.paste(tones.light, (y - reach, x - reach), glow(2 * reach, strength))
    sky.paste(tones.light, (y - radius, x - radius), disc(2 * radius))
    return sky


def scatter_stars(dice: Dice, sky: Image.Image, line: int, size: int) -> None:
    """Put stars over the upper part of a sky lying on its side."""
    height, width = sky.size
    for _ in range(70):
        x, y = dice.between(0, width - 1), dice.between(0, max(line * 3 // 4, 1))
        tone, grown = dice.between(68, 135), size + (dice.between(0, 5) == 0)
        sky.paste(tone, (min(y, height - 1), x, min(y + grown, height), min(x + grown, width)))


def make_ridges(
    dice: Dice, width: int, height: int, line: int, tones: Tones, style: Style
) -> Iterator[Ridge]:
    """Make the ridges from the farthest to the nearest, each lower and darker than the last."""
    unit, last = min(width, height), style.layers - 1
    for layer in range(style.layers):
        base = line + (height - line) * layer * 4 // (5 * last)
        swing = unit * style.swing * (2 * last - layer) // (200 * last)
        tops = [base * _PART + swing * value // 64 for value in curve(dice, width, unit, style)]
        tone = tones.farthest + (tones.nearest - tones.farthest) * layer // last
        mist = min(tone + style.mist * (last - layer + 1) // style.layers, tones.horizon - 12)
        start = 0 if not style.level_mist else max(base - swing, 0)
        reach = max((height - line) * 2 // style.layers, 1)
        shades = bytes([tone]) * start + ramp(tone, mist, reach, max(height - start, 1))
        yield Ridge(tops, shades, not style.level_mist)


def curve(dice: Dice, width: int, unit: int, style: Style) -> list[int]:
    """One height a column, about -1024 to 1024: a smooth curve through random knots."""
    step = max(unit // style.knots, 1)
    knots = make_knots(dice, width // step + 4, style)
    offset = dice.between(0, step - 1)
    shares = weights(step)
    heights = []
    for x in range(offset, offset + width):
        at, (a, b, c) = x // step, shares[x % step]
        heights.append((knots[at] * a + knots[at + 1] * b + knots[at + 2] * c) >> 15)
    return heights


def make_knots(dice: Dice, count: int, style: Style) -> list[int]:
    """Random heights by midpoint displacement; roughness is what a halving keeps, in hundredths."""
    span, swing = style.span, 1024 * style.roughness // 100
    knots = [dice.between(-1024, 1024) for _ in range(count // span + 2)]
    while span > 1:
        pairs = pairwise(knots)
        middles = [(a + b) // 2 + dice.between(-swing, swing) for a, b in pairs]
        knots = [value for pair in zip(knots, [*middles, 0], strict=True) for value in pair][:-1]
        span, swing = span // 2, swing * style.roughness // 100
    return knots


def lay(sky: bytes, width: int, height: int, ridges: Sequence[Ridge]) -> bytes:
    """Put the ridges before the sky, column by column."""
    nearest_first = ridges[::-1]
    layers = [(ridge.tones, ridge.follows) for ridge in nearest_first]
    rows = zip(*(ridge.tops for ridge in nearest_first), strict=True)
    starts = range(0, width * height, height)
    return b"".join(
        lay_column(sky[start : start + height], layers, tops)
        for start, tops in zip(starts, rows, strict=True)
    )


def lay_column(sky: bytes, layers: list[tuple[bytes, bool]], tops: Sequence[int]) -> bytearray:
    """Join what is seen of each ridge, then smooth each edge with the tone just above it."""
    seen, edges, bottom = [], [], len(sky)
    for at, (tones, follows) in zip(tops, layers, strict=True):
        top, part = at // _PART, at % _PART
        if top < 1:
            top, part = 1, 0
        if top < bottom:
            seen.append(tones[: bottom - top] if follows else tones[top:bottom])
            edges.append((top, part))
            bottom = top
    seen.append(sky[:bottom])
    column = bytearray().join(reversed(seen))
    for top, part in edges:
        column[top] += (column[top - 1] - column[top]) * part // _PART
    return column


def ramp(first: int, last: int, reach: int, length: int) -> bytes:
    """Tones from first to last over `reach` steps, and last from there on, `length` in all."""
    rising = [first + (last - first) * at // reach for at in range(min(reach, length))]
    return bytes(rising) + bytes([last]) * (length - len(rising))


@lru_cache(maxsize=16)
def weights(step: int) -> list[tuple[int, int, int]]:
    """The uniform quadratic B-spline at each `step`th of a piece, in 2**15ths."""
    one = 1 << 12
    parts = [(part << 12) // step for part in range(step)]
    ends = [((one - part) ** 2 >> 10, part * part >> 10) for part in parts]
    return [(first, (1 << 15) - first - last, last) for first, last in ends]
