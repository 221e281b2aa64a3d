"""Reading a PNG's size from its first bytes."""

import struct

import pytest

from wanx_sim.rendering import png_size

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
