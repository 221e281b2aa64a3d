"""Sorted sets, in memory and in SQLite: whatever is put in and taken out, they count as a list does."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from wanx_sim.stores import ranked, sorted_sets
from wanx_sim.stores.ranked import Ranked
from wanx_sim.stores.tables import Tables

NAME = "beijing//"  # a list, which is counted

SCORES = st.integers(0, 9).map(float)
BATCHES = st.lists(st.lists(SCORES, min_size=1, max_size=9), min_size=1, max_size=6)
GONE = st.lists(st.integers(0, 40), max_size=30)


class InMemory:
    """`Ranked`, asked as `SortedSets` is."""

    def __init__(self, _):
        self.set = Ranked()

    def put_all(self, _, entries):
        self.set.extend(entries)

    def take_all(self, _, entries):
        for entry in entries:
            self.set.remove(*entry)

    def count(self, _, low, high):
        return self.set.count(low, high)

    def highest(self, _, *asked):
        return self.set.highest(*asked)

    def close(self):
        """Nothing is open."""


class OnDisk(Tables):
    """`SortedSets` in a database."""

    def __init__(self, folder):
        super().__init__(folder / "tasks.sqlite3")
        with self.changing():
            self.create()
            self.clear()


@pytest.mark.parametrize("kind", [InMemory, OnDisk])
@given(batches=BATCHES, gone=GONE, low=SCORES, high=SCORES, skip=st.integers(0, 20))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_many_put_in_and_many_take_out(
    kind, tmp_path, monkeypatch, batches, gone, low, high, skip
):
    monkeypatch.setattr(ranked, "FULL", 4)
    monkeypatch.setattr(sorted_sets, "FULL", 4)
    kept, found = [], kind(tmp_path)
    for batch in batches:
        number = len(kept)
        entries = sorted((score, number + place) for place, score in enumerate(batch))
        found.put_all(NAME, entries)
        kept += entries
        assert found.count(NAME, 0.0, 9.0) == len(kept)
    kept.sort()
    out = sorted({kept[place % len(kept)] for place in gone})
    found.take_all(NAME, out)
    kept = [entry for entry in kept if entry not in out]

    between = [entry for entry in kept if low <= entry[0] <= high]
    assert found.count(NAME, low, high) == len(between)
    assert list(found.highest(NAME, low, high, skip, 5)) == between[::-1][skip : skip + 5]
    for score in range(10):
        assert found.count(NAME, score, 9.0) == sum(entry[0] >= score for entry in kept)
    found.close()
