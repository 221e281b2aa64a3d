"""Reading a PNG's size from its first bytes; writing one that decodes to what was drawn."""

import io
import random
import struct

import pytest
from PIL import Image

from wanx_sim.rendering import png_size
from wanx_sim.rendering.png import write_png

HEAD = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 1280, 720)


def test_the_size_stands_in_the_first_chunk():
    assert png_size(HEAD) == (1280, 720)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD[:-1],
        b"\xff\xd8\xff\xe0" + HEAD,
        HEAD.replace(b"IHDR", b"IDAT"),
        HEAD[:16] + bytes(8),
    ],
    ids=["empty", "cut", "jpeg", "no header", "no pixels"],
)
def test_anything_else_is_refused(data):
    with pytest.raises(ValueError, match="not a PNG"):
        png_size(data)


@pytest.mark.parametrize("height", [1, 127, 128, 129, 300])
def test_what_is_written_decodes_to_the_same_tones(height):
    """Rows are filtered in bands of 128: the first of a band refers to the last of another."""
    tones = Image.frombytes("L", (5, height), random.Random(height).randbytes(5 * height))
    decoded = Image.open(io.BytesIO(write_png(tones, bytes(range(256)) * 3, {})))
    assert decoded.mode == "P"
    assert decoded.tobytes() == tones.tobytes()
