"""The value object of a result picture, and the one function that draws it."""

from __future__ import annotations

from dataclasses import dataclass

# Far above any size the service takes, and below what a slip of a digit would allocate.
_MOST_PIXELS = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything a result picture is made from.

    Equal pictures render to equal pixels everywhere, and to equal bytes with one build of zlib.
    Raises `ValueError` for a side below 1 or more than 2**26 pixels.
    """

    model: str
    prompt: str
    seed: int
    width: int
    height: int
    index: int
    watermark: bool = False

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1 or self.width * self.height > _MOST_PIXELS:
            raise ValueError(f"no picture can be {self.width}*{self.height}")


def render(picture: Picture) -> bytes:
    """Draw a picture as a PNG of exactly its size.

    The scenery follows from model, prompt, seed and index; the prompt stands on a card as far as
    it fits. Text chunks name the software, model, prompt, seed, size and index.
    """
    from wanx_sim.rendering.composition import compose  # noqa: PLC0415 - keeps Pillow out of imports

    return compose(picture)
