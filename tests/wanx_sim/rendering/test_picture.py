"""What a rendered picture promises, whatever is asked for."""

import hashlib
import io
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageChops

from wanx_sim.rendering import Picture, png_size, render

FLOWERS = Picture(
    model="wan2.2-t2i-flash",
    prompt="一间有着精致窗户的花店，漂亮的木质门，摆放着花朵 (a flower shop)",
    seed=42,
    width=512,
    height=512,
    index=0,
)
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
SIZES = [
    (1024, 1024),
    (1280, 720),
    (720, 1280),
    (1440, 1440),
    (768, 2700),
    (2700, 768),
    (512, 512),
    (512, 1440),
    (160, 160),
    (64, 64),
    (7, 300),
    (1, 1),
]


def decode(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def pixels(picture):
    return decode(render(picture)).convert("RGB")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_decodes_at_exactly_its_size(width, height):
    data = render(replace(FLOWERS, width=width, height=height, watermark=True))
    assert decode(data).size == png_size(data) == (width, height)


def test_two_processes_write_the_same_bytes():
    code = (
        "import sys; from wanx_sim.rendering import Picture, render;"
        f"sys.stdout.buffer.write(render({FLOWERS!r}))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            env=ENVIRONMENT | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] == render(FLOWERS)


@pytest.mark.parametrize("size", [512, 64])
@pytest.mark.parametrize(
    "other", [{"seed": 43}, {"index": 1}, {"prompt": "一只猫"}, {"model": "wan2.5-t2i-preview"}]
)
def test_another_picture_has_other_pixels(other, size):
    sized = replace(FLOWERS, width=size, height=size)
    assert ImageChops.difference(pixels(sized), pixels(replace(sized, **other))).getbbox()


def test_the_pixels_are_equal_everywhere():
    """Bytes depend on the zlib at hand, pixels on nothing: change this with the drawing only."""
    digest = hashlib.sha256(pixels(FLOWERS).tobytes()).hexdigest()
    assert digest == "cf1fd1bc980b2964c215cd2575d242d2580819a3dbb842901e955c037b383fa7"


def test_text_chunks_say_what_it_was_made_from():
    chunks = decode(render(replace(FLOWERS, width=720, height=1280, index=3))).text
    assert chunks == {
        "Software": "wanx-kit",
        "model": FLOWERS.model,
        "prompt": FLOWERS.prompt,
        "seed": "42",
        "size": "720*1280",
        "index": "3",
    }


def test_a_prompt_no_chunk_can_hold_is_mended():
    chunks = decode(render(replace(FLOWERS, prompt="a\0b\ud800c"))).text
    assert chunks["prompt"] == "a\ufffdb?c"


@pytest.mark.parametrize(("width", "height"), [(1024, 1024), (1280, 720), (768, 2700), (512, 512)])
def test_the_watermark_changes_the_lower_right_only(width, height):
    plain = replace(FLOWERS, width=width, height=height)
    changed = ImageChops.difference(pixels(plain), pixels(replace(plain, watermark=True))).getbbox()
    assert changed is not None
    left, top, right, bottom = changed
    assert left > width * 3 // 4
    assert top > height * 9 // 10
    assert right < width
    assert bottom < height


def test_it_is_a_palette_image_with_many_colours():
    image = decode(render(FLOWERS))
    assert image.mode == "P"
    assert len(image.getcolors()) > 100


@pytest.mark.parametrize(("width", "height"), [(0, 512), (512, -1), (1 << 14, 1 << 13)])
def test_an_impossible_size_is_refused(width, height):
    with pytest.raises(ValueError, match="no picture can be"):
        replace(FLOWERS, width=width, height=height)


def test_a_picture_is_a_value():
    with pytest.raises(FrozenInstanceError):
        FLOWERS.seed = 1
    assert replace(FLOWERS) == FLOWERS


def test_importing_it_loads_no_imaging_library():
    code = "import sys, wanx_sim.rendering; sys.exit('PIL' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=False, env=ENVIRONMENT)
    assert run.returncode == 0


ANY_TEXT = st.text(st.characters(), max_size=80)


@settings(max_examples=60, deadline=None)
@given(prompt=ANY_TEXT, model=ANY_TEXT, seed=st.integers(), side=st.sampled_from([1, 64, 160, 200]))
def test_any_text_renders(prompt, model, seed, side):
    picture = Picture(
        model=model, prompt=prompt, seed=seed, width=side, height=200, index=0, watermark=True
    )
    assert decode(render(picture)).size == (side, 200)
