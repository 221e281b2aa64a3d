"""The colours of a picture: 170 entries in three sections.

A picture is drawn like a greyscale one, in tones, and its palette maps tones to colours:

    0 … 140      the ramp, from the darkest colour to the lightest: scenery, blended freely
    141 … 164    the card's glass: the ramp in 24 steps, seen through the card's colour
    165 … 169    text on the card: from the glass's middle to the ink in 5 steps

Blending two tones of the ramp gives the tones between, so edges are smoothed by plain arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

RAMP, GLASS, STEPS = 141, 24, 5
INK = RAMP + GLASS
LIGHTEST = RAMP - 1

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mood:
    """One harmony of colours: the ramp's stops from dark to light, and the card upon it."""

    name: str
    stops: tuple[int, ...]
    dark: bool
    card: int
    ink: int

    @property
    def card_tone(self) -> int:
        """The ramp's tone nearest to the card, for the card's smoothed edge."""
        return 10 if self.dark else LIGHTEST


def _mix(one: Colour, other: Colour, part: int, whole: int) -> Colour:
    r, g, b = ((a * (whole - part) + z * part) // whole for a, z in zip(one, other, strict=True))
    return r, g, b


def _rgb(value: int) -> Colour:
    return value >> 16, value >> 8 & 255, value & 255


def _light(name: str, *stops: int) -> Mood:
    return Mood(name=name, stops=stops, dark=False, card=0xFFFDF8, ink=stops[0])


def _dark(name: str, *stops: int) -> Mood:
    # A card of the darkest colour alone would vanish before the nearest ridge.
    red, green, blue = _mix(_rgb(stops[0]), _rgb(stops[1]), 30, 100)
    card = red << 16 | green << 8 | blue
    return Mood(name=name, stops=stops, dark=True, card=card, ink=0xFFFAF0)


MOODS = (
    _light("morning mist", 0x16303F, 0x2C6273, 0x7CB0AA, 0xF2C6A0, 0xFEF0E0),
    _light("blue-green hills", 0x0C3334, 0x1C665C, 0x58A587, 0xBBD7A8, 0xF9F4DA),
    _light("peach blossom", 0x3F1B3A, 0x8A3C69, 0xD8798F, 0xF8B8B4, 0xFFF2E8),
    _light("clear sky", 0x102E4E, 0x2768A8, 0x6DB1DF, 0xC3E5F2, 0xFFFBEF),
    _light("autumn", 0x351A26, 0x87382C, 0xD8793D, 0xF3C276, 0xFEF3D6),
    _light("lavender", 0x282047, 0x574894, 0x9A8CCE, 0xDCC7E7, 0xFFF4F2),
    _light("ink wash", 0x191C21, 0x454D56, 0x88919A, 0xC8CCCA, 0xF7F4EB),
    _dark("violet dusk", 0x110D2B, 0x3A1C5C, 0x8A2F6B, 0xE0645C, 0xFDC57F),
    _dark("aurora", 0x06141C, 0x0D3942, 0x14706C, 0x4DC199, 0xDCF6CB),
    _dark("blue night", 0x060C24, 0x142658, 0x2F5C9E, 0x80AAD8, 0xF6EED2),
    _dark("embers", 0x150A14, 0x4A162F, 0xA2333A, 0xEE7B40, 0xFFDC90),
    _dark("neon", 0x0C0A28, 0x2C1F78, 0x6939C0, 0xD55FBF, 0xFFCBD9),
)


def entries(mood: Mood, warmth: int) -> bytes:
    """The 510 bytes of the palette; warmth from -8 to 8 shifts red against blue, in 128ths."""
    ramp = [_warm(colour, warmth) for colour in _ramp(mood.stops)]
    card, ink = _rgb(mood.card), _rgb(mood.ink)
    seen = [ramp[(2 * step + 1) * RAMP // (2 * GLASS)] for step in range(GLASS)]
    glass = [_mix(card, colour, 22, 100) for colour in seen]
    inks = [_mix(glass[GLASS // 2], ink, step, STEPS) for step in range(1, STEPS + 1)]
    return bytes(channel for colour in (*ramp, *glass, *inks) for channel in colour)


def glass_table() -> list[int]:
    """From a tone of the ramp to the glass before it."""
    return [RAMP + min(tone * GLASS // RAMP, GLASS - 1) for tone in range(256)]


def ink_table() -> list[int]:
    """From a text mask's value to its step of ink, or to nothing."""
    steps = [(value * STEPS + 127) // 255 for value in range(256)]
    return [step and INK - 1 + step for step in steps]


def _ramp(stops: tuple[int, ...]) -> list[Colour]:
    spans, last = len(stops) - 1, RAMP - 1
    colours = []
    for tone in range(RAMP):
        span = min(tone * spans // last, spans - 1)
        part = tone * spans - span * last
        colours.append(_mix(_rgb(stops[span]), _rgb(stops[span + 1]), part, last))
    return colours


def _warm(colour: Colour, warmth: int) -> Colour:
    red, green, blue = colour
    return min(red * (128 + warmth) // 128, 255), green, min(blue * (128 - warmth) // 128, 255)
