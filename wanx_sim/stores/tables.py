"""The tasks of a disk store, their index and their bill: the tables of one SQLite database."""

from __future__ import annotations

from .index import Total
from .indexed import NEW
from .sorted_sets import SortedSets

_SCHEMA = """
CREATE TABLE IF NOT EXISTS task (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, stage INTEGER, record BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS indexed (one INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS name (place INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS entry (
    place INTEGER, score REAL, number INTEGER, PRIMARY KEY (place, score, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunk (
    place INTEGER, score REAL, number INTEGER, size INTEGER NOT NULL,
    PRIMARY KEY (place, score, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS total (
    place INTEGER PRIMARY KEY, model TEXT NOT NULL UNIQUE,
    tasks INTEGER NOT NULL, images INTEGER NOT NULL, cost INTEGER NOT NULL,
    dropped INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS queue (name TEXT PRIMARY KEY, images INTEGER NOT NULL) WITHOUT ROWID;
"""


class Tables(SortedSets):
    """The database of one folder."""

    def create(self) -> None:
        """Make what is missing: all of it, or what the first stores of this format had not."""
        with self.changing():
            for statement in _SCHEMA.split(";")[:-1]:
                self.run(statement)
            if not self.one("SELECT 1 FROM pragma_table_info('total') WHERE name = 'dropped'"):
                self.run("ALTER TABLE total ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0")

    def clear(self) -> None:
        """Delete all rows, but not the names: other processes remember their places."""
        with self.changing():
            self._forget()
            for table in ("task", "indexed", "entry", "chunk", "total", "queue"):
                self.run(f"DELETE FROM {table}")  # noqa: S608 - none of it was sent to us

    # --- tasks -----------------------------------------------------------------------------------

    def add(self, task_id: str, record: bytes) -> int | None:
        """Keep a new record; its number, or None if the id is taken."""
        query = "INSERT OR IGNORE INTO task (id, record) VALUES (?, ?)"
        done = self.run(query, task_id, record)
        return done.lastrowid if done.rowcount else None

    def records(self, numbers: list[int]) -> list[bytes]:
        """The records with those numbers, in their order."""
        # Ten by one query take 10 µs, by ten queries 60.
        query = "SELECT number, record FROM task WHERE number IN (SELECT value FROM json_each(?))"
        found = dict(self.all(query, str(numbers)))
        return [found[number] for number in numbers]

    def span(self) -> range:
        """The numbers of those there are: one after the other, for only the first are deleted."""
        # Not `min(number), max(number)`: for both at once SQLite reads all.
        first, last = self.one(
            "SELECT (SELECT min(number) FROM task), (SELECT max(number) FROM task)"
        )
        return range(first or 0, (last or -1) + 1)

    def delete(self, numbers: range) -> None:
        """Delete the first tasks."""
        self.run("DELETE FROM task WHERE number < ?", numbers.stop)

    def new(self) -> range:
        """The numbers that are not in the index yet."""
        (indexed,) = self.one("SELECT coalesce(max(last), 0) FROM indexed")
        there = self.span()
        return range(max(indexed + 1, there.start), there.stop)

    def begin(self, numbers: range) -> None:
        """Note that these are in the index, at their first stage."""
        self.run("INSERT OR REPLACE INTO indexed VALUES (1, ?)", numbers[-1])
        query = "UPDATE task SET stage = 0 WHERE number >= ? AND number < ?"
        self.run(query, numbers.start, numbers.stop)

    def stage(self, number: int) -> int:
        """At which stage a task is in the index."""
        (found,) = self.one("SELECT stage FROM task WHERE number = ?", number)
        return NEW if found is None else found

    def set_stage(self, number: int, stage: int) -> None:
        """Note at which stage it is."""
        self.run("UPDATE task SET stage = ? WHERE number = ?", stage, number)

    # --- totals ----------------------------------------------------------------------------------

    def charge(self, model: str, queue: str, more: Total) -> None:
        """Add to the totals."""
        self.run(
            "INSERT INTO total (model, tasks, images, cost, dropped) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (model) DO UPDATE SET tasks = tasks + excluded.tasks, "
            "images = images + excluded.images, cost = cost + excluded.cost, "
            "dropped = dropped + excluded.dropped",
            model, *more,
        )  # fmt: skip
        self.run(
            "INSERT INTO queue VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET images = images + excluded.images",
            queue, more.images,
        )  # fmt: skip

    def totals(self) -> dict[str, Total]:
        """The totals, model by model."""
        rows = self.all("SELECT model, tasks, images, cost, dropped FROM total ORDER BY place")
        return {model: Total(*rest) for model, *rest in rows}

    def images(self, queue: str) -> int:
        """The images of a queue."""
        row = self.one("SELECT images FROM queue WHERE name = ?", queue)
        return row[0] if row else 0
