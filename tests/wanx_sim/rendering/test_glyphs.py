"""The glyph file, and the text drawn from it."""

import io
from dataclasses import replace

import pytest
from PIL import Image, ImageChops

from wanx_sim.rendering import Picture, card, ink, render
from wanx_sim.rendering.glyphs import EM, GlyphBook, glyph_book
from wanx_sim.rendering.palette import INK, STEPS

GB2312 = [
    char
    for row in range(0xA1, 0xF8)
    for cell in range(0xA1, 0xFF)
    if (char := bytes((row, cell)).decode("gb2312", "ignore"))
]
LATIN = [chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x100)) if code != 0xAD]


def test_every_character_of_gb2312_and_latin_1_is_there():
    assert len(GB2312) == 7445
    assert [char for char in (*GB2312, *LATIN, *"—…“”·×°¥￥€〇") if char not in glyph_book()] == []


def test_every_glyph_but_a_space_has_ink():
    book = glyph_book()
    blank = {char for char in (*GB2312, *LATIN) if not any(book.find(char).rows)}
    assert blank == {" ", "\xa0", "\u3000"}


def test_hanzi_are_an_em_wide_and_lie_within_it():
    for char in "花店一龘囊，。":
        if glyph := glyph_book().find(char):
            assert glyph.advance == 1000
            assert glyph.left >= 0
            assert glyph.left + glyph.width <= EM
            assert len(glyph.rows) == glyph.stride * glyph.height


def test_other_files_are_refused():
    with pytest.raises(ValueError, match="not a glyph file"):
        GlyphBook(b"WXGL\x09" + bytes(40))


def test_a_character_outside_the_set_is_unknown_to_the_book():
    assert glyph_book().find("🌃") is None
    assert glyph_book().advance("🌃") is None
    assert "🌃" not in glyph_book()


def test_a_missing_character_is_drawn_as_a_box_of_its_own():
    night, moon, one = (ink.tile(char, EM).mask for char in ("🌃", "🌙", "\u4dff"))
    assert night.size == (EM - 4, EM - 4)
    edges = [(0, 0, EM - 4, 1), (0, 0, 1, EM - 4), (0, EM - 5, EM - 4, EM - 4)]
    assert all(night.crop(edge).getextrema()[0] > 100 for edge in edges)
    assert ImageChops.difference(night, moon).getbbox()
    assert ImageChops.difference(night, one).getbbox()


@pytest.mark.parametrize("size", [6, 13, 27, 40, 53, 90])
def test_a_glyph_keeps_its_place_at_every_size(size):
    tile, native = ink.tile("花", size), ink.tile("花", EM)
    for scaled, exact in ((tile.mask.width, native.mask.width), (tile.left, native.left)):
        assert abs(scaled - exact * size / EM) <= 2


def drawn_ink(picture):
    """The ink of a picture's card as a mask, from the picture's own palette indexes."""
    image = Image.open(io.BytesIO(render(picture)))
    table = [0 if tone < INK else (tone - INK + 1) * 255 // STEPS for tone in range(256)]
    return Image.frombytes("L", image.size, image.tobytes()).point(table)


@pytest.mark.parametrize("side", [512, 770, 1440])
def test_the_prompt_is_legible_in_the_picture(side):
    """What stands at the card's first line is the glyph asked for, and is unlike another."""
    picture = Picture(model="m", prompt="花", seed=1, width=side, height=side, index=0)
    planned = card.plan(picture)
    left, top = planned.left + planned.padding, planned.top + planned.padding
    box = (left, top, left + planned.size, top + planned.size)
    assert likeness(drawn_ink(picture).crop(box), "花", planned.size) > 0.9
    assert likeness(drawn_ink(picture).crop(box), "草", planned.size) < 0.8


def likeness(seen, char, size):
    wanted = Image.new("L", seen.size)
    ink.write(wanted, (0, 0), char, size)
    wrong = sum(
        level * count for level, count in enumerate(ImageChops.difference(seen, wanted).histogram())
    )
    total = sum(level * count for level, count in enumerate(wanted.histogram()))
    return 1 - wrong / total


def test_a_long_prompt_leaves_most_of_the_picture_to_the_scenery():
    picture = Picture(model="m", prompt="长" * 2000, seed=1, width=1024, height=1024, index=0)
    planned = card.plan(picture)
    assert planned.lines[-1].endswith("…")
    assert planned.height < 1024 * 2 // 3
    assert planned.top + planned.height < 1024


def test_a_short_prompt_is_set_larger():
    short = Picture(model="m", prompt="猫", seed=1, width=1024, height=1024, index=0)
    assert card.plan(short).size > card.plan(replace(short, prompt="猫" * 300)).size


def test_the_caption_names_what_a_reader_looks_for():
    picture = Picture(model="wan2.2-t2i-plus", prompt="猫", seed=9, width=720, height=1280, index=2)
    assert card.plan(picture).captions == ("wan2.2-t2i-plus · 720×1280 · seed 9 · #2",)
