"""Random numbers that are the same on every machine and every Python."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Dice:
    """A stream of integers that follows from a key alone.

    `random.Random` promises only its floats across versions; SHA-256 of the key and a counter
    promises everything.
    """

    def __init__(self, *key: str | int) -> None:
        self._key = hashlib.sha256(repr(key).encode("utf-8", "backslashreplace")).digest()
        self._turn = 0
        self._pool = b""

    def between(self, low: int, high: int) -> int:
        """A number from low to high, both included."""
        if not self._pool:
            turn = self._turn.to_bytes(4, "big")
            self._pool = hashlib.shake_256(self._key + turn).digest(1024)
            self._turn += 1
        number, self._pool = int.from_bytes(self._pool[:4], "big"), self._pool[4:]
        return low + number % (high - low + 1)

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return choices[self.between(0, len(choices) - 1)]
