"""Line breaking, with every character one unit wide unless a test says otherwise."""

import pytest
from hypothesis import given, strategies as st

from wanx_sim.rendering.layout import NO_END, NO_START, break_lines, normalise


def one(_char):
    return 1


def lines(text, width, limit=99):
    return break_lines(text, one, width, limit)[0]


def test_latin_breaks_between_words():
    assert lines("a quiet harbour at dawn", 10) == ["a quiet", "harbour at", "dawn"]


def test_chinese_breaks_between_characters():
    assert lines("一间有着精致窗户的花店", 4) == ["一间有着", "精致窗户", "的花店"]


def test_latin_within_chinese_stays_whole():
    assert lines("远处是the Bund夜景", 7) == ["远处是the", "Bund夜景"]
    assert lines("风格cyberpunk风格", 9) == ["风格", "cyberpunk", "风格"]


def test_no_line_starts_with_closing_punctuation():
    assert lines("漂亮的门，花朵。", 4) == ["漂亮的", "门，花", "朵。"]
    assert lines("wait for it, now", 11) == ["wait for", "it, now"]


def test_no_line_ends_with_an_opening_bracket():
    assert lines("漂亮的（木门）", 3) == ["漂亮的", "（木", "门）"]
    assert lines("远处“明珠”在", 3) == ["远处", "“明", "珠”在"]


def test_a_word_breaks_after_its_hyphen():
    assert lines("a well-known house", 9) == ["a well-", "known", "house"]
    assert lines("f/2.8 -5 lens", 5) == ["f/2.8", "-5", "lens"]


def test_only_a_word_wider_than_a_line_is_split():
    assert lines("so extraordinarily big", 6) == ["so", "extrao", "rdinar", "ily", "big"]


def test_punctuation_that_fills_lines_is_split_too():
    assert lines("。" * 7, 3) == ["。。。", "。。。", "。"]


def test_a_text_too_long_ends_in_an_ellipsis():
    assert break_lines("一间有着精致窗户的花店", one, 4, 2) == (["一间有着", "精致窗…"], False)
    assert break_lines("漂亮的，门和花朵", one, 5, 1) == (["漂亮的…"], False)
    assert break_lines("一间有着", one, 4, 1) == (["一间有着"], True)


def test_widths_are_those_measured():
    wide = {"一": 10, "i": 3, " ": 2}
    assert break_lines("一一iii一", wide.__getitem__, 29, 9)[0] == ["一一iii", "一"]
    assert break_lines("iii iii", wide.__getitem__, 20, 9)[0] == ["iii iii"]
    assert break_lines("iii iii", wide.__getitem__, 19, 9)[0] == ["iii", "iii"]


def test_a_paragraph_begins_a_line_and_nothing_makes_none():
    assert lines("one\n二", 9) == ["one", "二"]
    assert lines("", 9) == []


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  a \t b\u3000c ", "a b c"),
        ("one\r\ntwo\u2028three\n\n\nfour", "one\ntwo\nthree\nfour"),
        ("cafe\u0301", "café"),
        ("x\u0338\u20dd", "x"),
        ("👩\u200d🚀", "👩🚀"),
        ("❤\ufe0f👍\U0001f3fd", "❤👍"),
        ("a\x00b\x1b\x7f", "a b"),
        ("\ufeff\u200b", ""),
    ],
)
def test_normalising_leaves_what_can_be_set(text, normal):
    assert normalise(text) == normal


TEXT = st.text("aé 一店，。（）“”-.…\n", max_size=60)


@given(text=TEXT, width=st.integers(2, 12))
def test_every_line_fits_and_nothing_is_lost(text, width):
    normal = normalise(text)
    broken = lines(normal, width)
    assert all(len(line) <= width for line in broken)
    assert "".join(broken).replace(" ", "") == normal.replace(" ", "").replace("\n", "")


@given(text=st.text("一店花a ，。（）", max_size=60))
def test_wide_lines_keep_the_punctuation_rules(text):
    """A line long enough for every run of punctuation never has to break one."""
    starts = {paragraph[:1] for paragraph in normalise(text).split("\n")}
    broken = lines(normalise(text), 60)
    assert all(line[0] not in NO_START or line[0] in starts for line in broken)
    assert all(line[-1] not in NO_END for line in broken[:-1])
