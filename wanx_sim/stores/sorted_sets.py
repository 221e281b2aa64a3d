"""Sorted sets in SQLite that count and skip without walking.

SQLite knows how to find an entry in an index, but not how many come before it: to count a list of
a million it reads a million. So a list is kept in chunks (table ``chunk``), each with its number
of entries; what is read is their sum and a part of one.
"""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import Any

from .database import Database
from .index import SINCE, UNTIL, counted

FULL = 1024
"""Entries of a chunk: a million are a thousand chunks, so that neither part takes long."""

_LAST = 2**62
_DELETE = "DELETE FROM entry WHERE place = ? AND score = ? AND number = ?"


class SortedSets(Database):
    """Numbers in the order of their scores, equal scores in that of the numbers, by name."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._places: dict[str, int] = {}
        self._sizes: dict[int, int] = {}
        self._version = 0  # of the database, when the sizes were added up

    def _forget(self) -> None:
        self._places.clear()
        self._sizes.clear()

    def _place(self, name: str) -> int:
        place = self._places.get(name)
        if place is None:
            self.run("INSERT OR IGNORE INTO name (name) VALUES (?)", name)
            (place,) = self.one("SELECT place FROM name WHERE name = ?", name)
            self._places[name] = place
        return place

    def _known(self, name: str) -> int:
        """The place of a set, or one where there is nothing; a reader makes no new one."""
        place = self._places.get(name)
        if place is None:
            row = self.one("SELECT place FROM name WHERE name = ?", name)
            if row is None:
                return -1
            place = self._places[name] = row[0]
        return place

    def put(self, name: str, score: float, number: int) -> None:
        """Put a number into a set."""
        place = self._place(name)
        if counted(name):
            self._counted(place, score, number, 1)
        self.run("INSERT INTO entry VALUES (?, ?, ?)", place, score, number)

    def put_all(self, name: str, entries: list[tuple[float, int]]) -> None:
        """Put numbers into a set, in the order of their scores."""
        place = self._place(name)
        if counted(name) and not self._fit_at_the_end(place, entries):
            for entry in entries:
                self.put(name, *entry)
            return
        rows = [(place, *entry) for entry in entries]
        self.run_many("INSERT INTO entry VALUES (?, ?, ?)", rows)

    def _fit_at_the_end(self, place: int, entries: list[tuple[float, int]]) -> bool:
        """Count entries in the last chunk, if that is where they belong and it has room."""
        chunk = self._chunk(place, float("inf"), _LAST)
        if chunk is None or chunk[:2] > entries[0] or chunk[2] + len(entries) > FULL:
            return False
        self._resize(place, chunk, len(entries))
        return True

    def take(self, name: str, score: float, number: int) -> None:
        """Take a number out of a set."""
        place = self._place(name)
        if counted(name):
            self._counted(place, score, number, -1)
        self.run(_DELETE, place, score, number)

    def take_all(self, name: str, entries: list[tuple[float, int]]) -> None:
        """Take numbers out of a set, in the order of their scores."""
        place, done = self._place(name), 0
        while counted(name) and done < len(entries):
            chunk = self._chunk(place, *entries[done])
            end = bisect_left(entries, self._head_after(place, chunk), done)
            self._resize(place, chunk, done - end)
            done = end
        self.run_many(_DELETE, [(place, *entry) for entry in entries])

    def _head_after(self, place: int, chunk: Any) -> tuple[float, int]:
        """Where the chunk behind one begins."""
        query = (
            "SELECT score, number FROM chunk WHERE place = ? AND (score, number) > (?, ?) "
            "ORDER BY score, number LIMIT 1"
        )
        return self.one(query, place, *chunk[:2]) or (float("inf"), _LAST)

    def _chunk(self, place: int, score: float, number: int) -> Any:
        return self.one(
            "SELECT score, number, size FROM chunk WHERE place = ? AND (score, number) <= (?, ?) "
            "ORDER BY score DESC, number DESC LIMIT 1",
            place, score, number,
        )  # fmt: skip

    def _counted(self, place: int, score: float, number: int, more: int) -> None:
        chunk = self._chunk(place, score, number)
        if chunk is None:
            self.run("INSERT INTO chunk VALUES (?, ?, ?, 0)", place, float("-inf"), -1)
            chunk = (float("-inf"), -1, 0)
        if chunk[2] + more > FULL:
            self._split(place, chunk, (score, number))
            self._counted(place, score, number, more)
            return
        self._resize(place, chunk, more)

    def _resize(self, place: int, chunk: Any, more: int) -> None:
        if place in self._sizes:
            self._sizes[place] += more
        where = "WHERE place = ? AND score = ? AND number = ?"
        if chunk[2] + more:
            update = f"UPDATE chunk SET size = size + ? {where}"  # noqa: S608
            self.run(update, more, place, chunk[0], chunk[1])
        else:  # lists move on: what they leave behind must not be added up for ever
            self.run(f"DELETE FROM chunk {where}", place, chunk[0], chunk[1])  # noqa: S608

    def _split(self, place: int, chunk: Any, wanted: tuple[float, int]) -> None:
        last = self.one(
            "SELECT score, number FROM entry WHERE place = ? "
            "ORDER BY score DESC, number DESC LIMIT 1",
            place,
        )
        # What grows at its end, as lists do, leaves full chunks behind; others leave halves.
        head, left = wanted, FULL
        if wanted < last:
            left = FULL // 2
            head = self.one(
                "SELECT score, number FROM entry WHERE place = ? AND (score, number) >= (?, ?) "
                "ORDER BY score, number LIMIT 1 OFFSET ?",
                place, chunk[0], chunk[1], left,
            )  # fmt: skip
        self.run(
            "UPDATE chunk SET size = ? WHERE place = ? AND score = ? AND number = ?",
            left, place, chunk[0], chunk[1],
        )  # fmt: skip
        self.run("INSERT INTO chunk VALUES (?, ?, ?, ?)", place, *head, chunk[2] - left)

    def count(self, name: str, low: float, high: float) -> int:
        """How many scores of a list lie between two, both included."""
        place = self._known(name)
        last = self._chunk(place, high, _LAST)
        if last is None or low > high:
            return 0
        first = self._chunk(place, low, -1) or (float("-inf"), -1, 0)
        # As a rule there is little before a day ago, and nothing after now.
        below = self._sum(place, "<", first) + self._within(place, first, (low, -1))
        above = self._sum(place, ">=", last) - self._within(place, last, (high, _LAST))
        return self._size(place) - below - above

    def _size(self, place: int) -> int:
        """How many entries a set has: added up anew only after another process has changed any."""
        (version,) = self.one("PRAGMA data_version")
        if version != self._version:
            self._sizes.clear()
            self._version = version
        if place not in self._sizes:
            self._sizes[place] = self._sum(place, ">=", (float("-inf"), -1))
        return self._sizes[place]

    def _sum(self, place: int, side: str, head: Any) -> int:
        """How many entries are in the chunks on one side of a place in the order."""
        query = "SELECT sum(size) FROM chunk WHERE place = ? AND (score, number)"
        return self.one(f"{query} {side} (?, ?)", place, *head[:2])[0] or 0

    def _within(self, place: int, chunk: Any, end: tuple[float, int]) -> int:
        """How many entries of a chunk come before a place in the order."""
        after = "SELECT 1 FROM entry WHERE place = ? AND (score, number) >= (?, ?) LIMIT 1"
        if self.one(after, place, *end) is None:  # as of a list up to now: nothing to count
            return int(chunk[2])
        (here,) = self.one(
            "SELECT count(*) FROM entry WHERE place = ? "
            "AND (score, number) >= (?, ?) AND (score, number) < (?, ?)",
            place, *chunk[:2], *end,
        )  # fmt: skip
        return int(here)

    def highest(
        self, name: str, low: float, high: float, skip: int, take: int
    ) -> list[tuple[float, int]]:
        """Scores and numbers between two scores, from the highest down, after skipping some."""
        place, top = self._known(name), (high, _LAST)
        if counted(name):
            top, skip = self._skipped(place, top, skip)
        return self.all(
            "SELECT score, number FROM entry WHERE place = ? AND score >= ? "
            "AND (score, number) < (?, ?) ORDER BY score DESC, number DESC LIMIT ? OFFSET ?",
            place, low, *top, min(take, _LAST), skip,
        )  # fmt: skip

    def _skipped(
        self, place: int, top: tuple[float, int], skip: int
    ) -> tuple[tuple[float, int], int]:
        """Go down whole chunks; where that leads to, and how much is left to skip."""
        if skip < FULL:
            return top, skip
        chunks = self.run(
            "SELECT score, number, size FROM chunk WHERE place = ? AND (score, number) < (?, ?) "
            "ORDER BY score DESC, number DESC",
            place, *top,
        )  # fmt: skip
        below = top
        for chunk in chunks:
            # Of the first only a part may lie below the top.
            size = self._within(place, chunk, top) if below == top else chunk[2]
            if size > skip:
                break
            below, skip = chunk[:2], skip - size
        return below, skip

    def due(self, now: float, most: int) -> list[int]:
        """Some of the tasks whose status has changed, or not yet."""
        rows = self.all(
            "SELECT number FROM (SELECT number FROM entry "
            "WHERE place = ? AND score <= ? ORDER BY score LIMIT ?) "
            "UNION ALL SELECT number FROM (SELECT number FROM entry "
            "WHERE place = ? AND score > ? ORDER BY score DESC LIMIT ?)",
            self._known(UNTIL), now, most, self._known(SINCE), now, most,
        )  # fmt: skip
        return [number for (number,) in rows]
