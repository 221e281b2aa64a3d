"""A sorted set in memory that counts and skips without walking."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate
from math import inf

FULL = 2048
"""Entries of a block: to put one in the middle takes 1 µs, and a million are 500 blocks."""

_LAST = 2**32


class Ranked:
    """Numbers in the order of their scores, equal scores in that of the numbers.

    Arrays in blocks take 12 bytes an entry, where objects (sortedcontainers) take 64 and more:
    that is the reason to have it.
    """

    __slots__ = ("_before", "_blocks", "_heads")

    def __init__(self) -> None:
        self._blocks = [(array("d"), array("I"))]
        self._heads = [(-inf, -1)]  # no entry of a block comes before its head
        self._before: list[int] = []

    @property
    def least(self) -> float:
        """The lowest score."""
        scores = self._blocks[0][0]
        return scores[0] if scores else inf

    @property
    def most(self) -> float:
        """The highest score."""
        scores = self._blocks[-1][0]
        return scores[-1] if scores else -inf

    def add(self, score: float, number: int) -> None:
        """Put a number in that is not there yet."""
        scores, numbers = self._blocks[-1]
        if scores and len(scores) < FULL and score > scores[-1]:  # as a rule: lists grow at the end
            scores.append(score)
            numbers.append(number)
            return
        block = self._block(score, number)
        scores, numbers = self._blocks[block]
        if len(scores) >= FULL:
            self._split(block, (score, number))
            self.add(score, number)
            return
        place = _place(scores, numbers, score, number)
        scores.insert(place, score)
        numbers.insert(place, number)
        self._changes(block)

    def extend(self, entries: list[tuple[float, int]]) -> None:
        """Put many in, in their order, of which none is there yet."""
        scores, numbers = self._blocks[-1]
        fits = len(scores) + len(entries) <= FULL
        if fits and entries[0] > (scores[-1] if scores else -inf, numbers[-1] if numbers else -1):
            new_scores, new_numbers = zip(*entries, strict=True)
            scores.extend(new_scores)
            numbers.extend(new_numbers)
            return
        for entry in entries:
            self.add(*entry)

    def _block(self, score: float, number: int) -> int:
        return bisect_right(self._heads, (score, number)) - 1

    def _starts(self) -> list[int]:
        """How many entries come before each block: added up anew only if that has changed.

        What grows at its end changes it once a block. Added up for each page of a list, it was a
        third of what the page cost at a million.
        """
        if not self._before:
            sizes = (len(numbers) for _, numbers in self._blocks[:-1])
            self._before = list(accumulate(sizes, initial=0))
        return self._before

    def _changes(self, block: int) -> None:
        if block < len(self._blocks) - 1:
            self._before = []

    def _split(self, block: int, new: tuple[float, int]) -> None:
        scores, numbers = self._blocks[block]
        # What grows at its end leaves full blocks behind; others leave halves.
        half, head = FULL, new
        if block < len(self._blocks) - 1 or new < (scores[-1], numbers[-1]):
            half = FULL // 2
            head = scores[half], numbers[half]
        self._blocks.insert(block + 1, (scores[half:], numbers[half:]))
        self._heads.insert(block + 1, head)
        del scores[half:], numbers[half:]
        self._before = []

    def remove(self, score: float, number: int) -> None:
        """Take a number out that is there."""
        block = self._block(score, number)
        scores, numbers = self._blocks[block]
        place = _place(scores, numbers, score, number)
        del scores[place], numbers[place]
        self._changes(block)
        if not scores and len(self._blocks) > 1:
            del self._blocks[block], self._heads[block]
            self._heads[0] = (-inf, -1)
            self._before = []

    def count(self, low: float, high: float) -> int:
        """How many scores lie between two, both included."""
        return max(0, self._rank(high, _LAST) - self._rank(low, -1))

    def highest(self, low: float, high: float, skip: int, take: int) -> list[tuple[float, int]]:
        """Scores and numbers between two scores, from the highest down, after skipping some."""
        top = self._rank(high, _LAST) - skip
        bottom = max(self._rank(low, -1), top - take)
        return list(self._between(bottom, top))[::-1]

    def lowest(self, high: float, take: int) -> list[int]:
        """The numbers of the lowest scores, up to one."""
        return [number for _, number in self._between(0, min(self._rank(high, _LAST), take))]

    def _rank(self, score: float, number: int) -> int:
        """How many entries come before a place in the order."""
        block = max(0, self._block(score, number))
        return self._starts()[block] + _place(*self._blocks[block], score, number)

    def _between(self, bottom: int, top: int) -> Iterator[tuple[float, int]]:
        starts = self._starts()
        for block in range(bisect_right(starts, bottom) - 1, len(starts)):
            if starts[block] >= top:
                return
            here = slice(max(bottom - starts[block], 0), top - starts[block])
            scores, numbers = self._blocks[block]
            yield from zip(scores[here], numbers[here], strict=True)


def _place(scores: array[float], numbers: array[int], score: float, number: int) -> int:
    low = bisect_left(scores, score)
    return bisect_left(numbers, number, low, bisect_right(scores, score, low))
