"""The checksum of OSS, against its published check value and against a bit-by-bit division."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from wanx_sim.protocol.crc64 import crc64

ONES = (1 << 64) - 1


def by_the_book(content):
    crc = ONES
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xC96C5795D7870F42 if crc & 1 else 0)
    return crc ^ ONES


def test_the_check_value_of_crc_64_ecma_is_met():
    assert crc64(b"123456789") == 0x995DC9BBDF1939FA


def test_nothing_has_the_checksum_zero():
    assert crc64(b"") == 0


@settings(deadline=None)
@given(content=st.binary(max_size=600))
def test_any_bytes_are_divided_as_by_the_book(content):
    assert crc64(content) == by_the_book(content)


@pytest.mark.parametrize("size", [1, 7, 8, 9, 55, 56, 57, 1024, 4095, 4096, 5000])
def test_every_length_folds(size):
    content = bytes(place * 37 % 251 for place in range(size))
    assert crc64(content) == by_the_book(content)


def test_a_single_bit_makes_another_checksum():
    content = bytes(1000)
    assert crc64(content) != crc64(content[:500] + b"\1" + content[501:])
