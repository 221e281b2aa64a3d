"""The store of several machines: Redis 6 or Valkey, as a single server.

A poll is one round trip and so is a create. Whatever must be atomic is a script (`scripts`), for
nobody locks what a poll changes: it is written if it is still what was read, and else tried again.
The index is kept a little late, as in the other stores: see there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import lru_cache
from secrets import token_bytes
from threading import local
from typing import Any

import msgspec

from ..errors import StoreError, StoreUnavailableError
from ..protocol.catalogue import Region
from ..protocol.lifecycle import RETENTION
from ..protocol.listing import Filter
from ..protocol.queue import NEVER, Line
from ..protocol.task import Task
from . import KEPT, RECENT, Change, Page, forgotten_kept, index, indexed, scripts
from .connection import LOCK_SECONDS, Connection
from .index import Total

FORMAT = 2
"""The version of what is written; a database with another one is refused, not guessed at."""

PICTURE_SECONDS = 24 * 3600
"""How long a rendered picture is kept; it is rendered again after that."""

_SOME = 500
_SETTLED = 250  # tasks moved in one go, some milliseconds
_LARGEST = 2**53  # whole numbers up to here are whole in Lua, too

_encode = msgspec.msgpack.encode
_decode = lru_cache(RECENT)(msgspec.msgpack.Decoder(Task).decode)


class _Mine(local):
    seen: tuple[str, bytes] | None = None
    """The record that this thread has read last."""


class RedisStore:
    """Tasks and pictures in a Redis or Valkey database.

    Args:
        url: ``redis://[USER:PASSWORD@]HOST:PORT/DB``, ``rediss://`` for TLS, ``unix://PATH?db=DB``;
            ``prefix=NAME`` in its query stands before all keys (default ``wanx-sim``). Or a
            connection that there is already.
        keep: how many tasks are kept, the newest; default 1,000,000, some 2 GB.

    Raises:
        StoreError: if the URL is wrong, the server cannot be reached, or the database holds a
            store of another format.
    """

    shared = True

    def __init__(self, url: str | Connection, *, keep: int = KEPT) -> None:
        self.keep, self._keep_forgotten = keep, forgotten_kept(keep)
        self._redis = Connection(url) if isinstance(url, str) else url
        self._mine = _Mine()
        self._check_format()

    def __repr__(self) -> str:
        return f"<RedisStore {self._redis.place} {self._redis.prefix}>"

    @property
    def connection(self) -> Connection:
        """The way to Redis, for what lies beside the tasks."""
        return self._redis

    def _check_format(self) -> None:
        self._redis.run("SET", self._redis.key("format"), FORMAT, "NX")
        found = self._redis.run("GET", self._redis.key("format"))
        if found != str(FORMAT).encode():
            self.close()
            raise StoreError(
                f"the store in Redis at {self._redis.place} has format {found!r} under "
                f"{self._redis.prefix!r}, this wanx-sim reads and writes {FORMAT}: choose another "
                "prefix (?prefix=NAME) or another database"
            )

    # --- tasks -----------------------------------------------------------------------------------

    def add(self, task: Task) -> bool:
        """See `Store.add`."""
        now = task.plan.submitted
        self._redis.ahead.drop((self._redis.key("tasks"), task.task_id))
        done = self._redis.script(
            scripts.ADD, *self._redis.held, task.task_id, _encode(task),
            token_bytes(scripts.MARK) + _encode(index.standing(task)),
            _charge(task, index.bill(task)), indexed.LATE,
            _encode((repr(now), self.keep, self._keep_forgotten, now - RETENTION)),
        )  # fmt: skip
        self._check_lock(done)
        return bool(done)

    def get(self, task_id: str) -> Task | None:
        """See `Store.get`."""
        ahead = self._redis.ahead.take((self._redis.key("tasks"), task_id))
        record = self._read(task_id) if ahead is None else self._saw(task_id, *ahead)
        return None if record is None else self._decoded(record)

    def _read(self, task_id: str) -> bytes | None:
        return self._saw(task_id, self._redis.run("HGET", self._redis.key("tasks"), task_id))

    def _saw(self, task_id: str, record: bytes | None) -> bytes | None:
        self._mine.seen = None if record is None else (task_id, record)
        return record

    def _decoded(self, record: bytes) -> Task:
        try:
            return _decode(record)
        except msgspec.DecodeError as error:
            raise StoreError(
                f"the store in Redis at {self._redis.place} holds a damaged task ({error}): choose "
                "another prefix (?prefix=NAME)"
            ) from error

    def update(self, task_id: str, change: Change, now: float) -> Task | None:
        """See `Store.update`."""
        self._redis.ahead.drop((self._redis.key("tasks"), task_id))
        # What was read last is tried first: if it has changed since, Redis says so.
        seen, self._mine.seen = self._mine.seen, None
        record = seen[1] if seen and seen[0] == task_id else self._read(task_id)
        while record:
            old = self._decoded(record)
            try:
                new = change(old)
            except Exception:
                # Of what it is now, or only of what was read before?
                if (present := self._read(task_id)) == record:
                    raise
                record = present
                continue
            # Not sent twice: what the first one wrote would count as somebody else's.
            found = self._redis.script(
                scripts.UPDATE, *self._redis.held, task_id, record, _encode(new),
                _encode(index.standing(new)), _charge(new, index.bill(new).minus(index.bill(old))),
                repr(now), again=False,
            )  # fmt: skip
            self._check_lock(found)
            if found == 1:
                return new
            record = found
        return None

    def _check_lock(self, answer: Any) -> None:
        if answer == b"LOCK":
            raise StoreUnavailableError(
                f"the store in Redis at {self._redis.place} took longer than {LOCK_SECONDS:g} s; "
                "nothing was changed"
            )

    def exclusively(self, name: str) -> AbstractContextManager[object]:
        """See `Store.exclusively`; a name cannot be asked for again inside its own block."""
        return self._redis.lock(name)

    def tasks(self, *, newest_first: bool = False) -> Iterator[Task]:
        """See `Store.tasks`."""
        first, end, *_ = self._redis.script(scripts.TASKS, 0, 0)
        for start in range(first, end, _SOME):
            span = start, min(start + _SOME, end)
            if newest_first:
                span = first + end - span[1], first + end - span[0]
            _, _, *records = self._redis.script(scripts.TASKS, *span)
            for record in reversed(records) if newest_first else records:
                if record is not None:  # all may have been cleared meanwhile
                    yield self._decoded(record)

    def count(self) -> int:
        """See `Store.count`."""
        return int(self._redis.run("HLEN", self._redis.key("tasks")))

    def dropped(self) -> int:
        """See `Store.dropped`."""
        added, there = self._redis.pipelined(
            ("GET", self._redis.key("added")), ("HLEN", self._redis.key("tasks"))
        )
        return int(added or 0) - int(there)

    # --- the index -------------------------------------------------------------------------------

    def page(self, region: Region, wanted: Filter, now: float) -> Page:
        """See `Store.page`."""
        low, high = wanted.span(now)
        asked = (
            index.list_of(region, wanted), repr(low), repr(high),
            min(wanted.skip, _LARGEST), min(wanted.size, _LARGEST), repr(now), _SETTLED,
        )  # fmt: skip
        total, records = -1, []
        while total == -1:
            total, *records = self._redis.script(scripts.PAGE, *asked)
        return Page(total, [self._decoded(record) for record in records])

    def line(self, queue: str, places: int) -> Line:
        """See `Store.line`."""
        found = self._redis.script(scripts.LINE, queue, places)
        return Line(*(NEVER if score is None else float(score) for score in found))

    def holders(self, queue: str, now: float) -> list[Task]:
        """See `Store.holders`."""
        records = self._redis.script(scripts.HOLDERS, queue, repr(now))
        return [self._decoded(record) for record in records]

    def totals(self) -> dict[str, Total]:
        """See `Store.totals`."""
        models, flat = self._redis.script(scripts.TOTALS)
        found = dict(zip(flat[::2], flat[1::2], strict=True))
        return {
            model.decode(): Total(
                *(int(found.get(kind.encode() + b"/" + model, 0)) for kind in Total._fields)
            )
            for model in models
        }

    def images(self, queue: str) -> int:
        """See `Store.images`."""
        return int(self._redis.script(scripts.IMAGES, queue) or 0)

    # --- pictures, and the end -------------------------------------------------------------------

    def picture(self, key: str, render: Callable[[], bytes]) -> bytes:
        """See `Store.picture`."""
        name = self._redis.key(f"picture:{key}")
        content: bytes | None = self._redis.run("GET", name)
        if content is None:
            content = render()
            self._redis.run("SET", name, content, "EX", PICTURE_SECONDS)
        return content

    def clear(self) -> None:
        """See `Store.clear`."""
        self._redis.ahead.keep({})
        self._mine.seen = None
        pattern = re.sub(r"([*?\[\]\\])", r"\\\1", self._redis.prefix) + "*"
        self._redis.script(scripts.CLEAR, pattern, FORMAT)

    def close(self) -> None:
        """See `Store.close`."""
        self._redis.close()


def _charge(task: Task, more: Total) -> bytes:
    model = task.order.model
    return _encode((model, index.queue_of(task.account, model), *more))
