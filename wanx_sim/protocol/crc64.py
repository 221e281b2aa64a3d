"""CRC-64 as OSS computes it for `x-oss-hash-crc64ecma`: ECMA-182's polynomial, bits reflected.

A checksum is the remainder of a division of polynomials over GF(2). Byte by byte, a picture would
take Python longer than drawing it did. So the content is one large integer here, and is folded:
as its first half H stands for H·x^n, it may be multiplied by x^n mod P, which is short, and added
to the second half. Each fold is a few shifts of whole integers, and what is left is tiny.

The first bit of the content, its highest power, is the lowest bit of the integer.
"""

from __future__ import annotations

from functools import cache

_P = 0xC96C5795D7870F42
_ONES = (1 << 64) - 1
_X = 1 << 62
_SMALL = 512


def crc64(content: bytes) -> int:
    """The checksum of some bytes."""
    # The checksum starts from ones, and the content is followed by 64 zeros.
    number, bits = int.from_bytes(content, "little") ^ _ONES, 8 * len(content) + 64
    while bits > _SMALL:
        power = (bits - 65).bit_length() - 1
        rest = (1 << power) + 64
        first, number = number & ((1 << bits - rest) - 1), number >> (bits - rest)
        number ^= _product(first, _place(power)) << (rest - (bits - rest) - 63)
        bits = rest
    return _remainder(number, bits - 64) ^ _ONES


def _product(long: int, short: int) -> int:
    """Two polynomials multiplied, without reducing."""
    found = 0
    for place in range(64):
        if short >> place & 1:
            found ^= long << place
    return found


@cache
def _place(power: int) -> int:
    """What the first half of a fold is multiplied by: x^(2**power + 64), modulo P."""
    return _times(_power(power), _power(6))


@cache
def _power(exponent: int) -> int:
    """The power 2**exponent of x, modulo P."""
    return _times(_power(exponent - 1), _power(exponent - 1)) if exponent else _X


def _times(left: int, right: int) -> int:
    """Two remainders multiplied, modulo P."""
    found = 0
    for place in range(63, -1, -1):
        if left >> place & 1:
            found ^= right
        right = _step(right)
    return found


def _remainder(number: int, steps: int) -> int:
    for _ in range(steps):
        number = _step(number)
    return number


def _step(number: int) -> int:
    """A remainder times x; or a number with one bit, its first, divided away."""
    return number >> 1 ^ (_P if number & 1 else 0)
