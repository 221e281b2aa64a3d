"""Masks of simple shapes with smoothed edges, drawn by integer arithmetic."""

from __future__ import annotations

from functools import lru_cache
from math import isqrt

from PIL import Image

_FINE = 4  # a smoothed edge is drawn so many times as large
_COARSE = 64  # a glow is drawn so large, then stretched


@lru_cache(maxsize=16)
def disc(size: int) -> Image.Image:
    """A filled circle that touches the sides of a square."""
    return rounded(size, size, size // 2)


@lru_cache(maxsize=8)
def rounded(width: int, height: int, radius: int) -> Image.Image:
    """A filled rectangle with rounded corners."""
    radius = max(min(radius, width // 2, height // 2), 0)
    mask = Image.new("L", (width, height), 255)
    if radius:
        corner = _corner(radius)
        flips = Image.Transpose
        mask.paste(corner, (0, 0))
        mask.paste(corner.transpose(flips.FLIP_LEFT_RIGHT), (width - radius, 0))
        mask.paste(corner.transpose(flips.FLIP_TOP_BOTTOM), (0, height - radius))
        mask.paste(corner.transpose(flips.ROTATE_180), (width - radius, height - radius))
    return mask


@lru_cache(maxsize=16)
def glow(size: int, strength: int) -> Image.Image:
    """A round glow of `strength` in its middle that fades to nothing at its rim."""
    side = _COARSE
    whole = side * side
    near = [max(whole - (2 * at + 1 - side) ** 2, 0) for at in range(side)]
    fades = [max(a + b - whole, 0) for a in near for b in near]
    mask = bytes(fade * fade * strength // (whole * whole) for fade in fades)
    return Image.frombytes("L", (side, side), mask).resize((size, size), Image.Resampling.BICUBIC)


@lru_cache(maxsize=8)
def shadow(width: int, height: int, radius: int, blur: int, strength: int) -> Image.Image:
    """A rounded rectangle of `strength` that fades over `blur` pixels outside its sides."""
    coarse = max(blur // 3, 1)
    inner = rounded(width // coarse, height // coarse, radius // coarse)
    pad = -(-blur // coarse)
    mask = Image.new("L", (inner.width + 2 * pad, inner.height + 2 * pad))
    mask.paste(strength, (pad, pad), inner)
    size = (width + 2 * blur, height + 2 * blur)
    return _soften(_soften(mask)).resize(size, Image.Resampling.BICUBIC)


def _soften(mask: Image.Image) -> Image.Image:
    small = mask.resize((-(-mask.width // 2), -(-mask.height // 2)), Image.Resampling.BILINEAR)
    return small.resize(mask.size, Image.Resampling.BICUBIC)


def _corner(radius: int) -> Image.Image:
    """The upper left quarter of a disc: each fine row is so much outside, the rest inside."""
    side = radius * _FINE
    rows = bytearray()
    for y in range(side):
        reach = isqrt(4 * side * side - (2 * (side - y) - 1) ** 2) // 2
        rows += bytes(side - reach) + b"\xff" * reach
    return Image.frombytes("L", (side, side), bytes(rows)).reduce(_FINE)
