"""The board of several machines: in Redis or Valkey, beside the tasks.

All keys begin with the store's prefix and ``~``, which no prefix holds:

* ``controls``, a hash: the record of each scope
* ``counts:SCOPE``, a hash: its other records
* ``journal:SCOPE``, a list
* ``used``, a sorted set: when each session was used last
* ``servers``, a sorted set: when each process was last heard of
* ``tasks~SCOPE~BORN:``, the prefix of the store of a session
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import chain, starmap
from secrets import token_hex
from threading import Event, Lock, Thread, local
from time import monotonic

from ..errors import StoreError
from ..journal import LIMIT
from ..stores import Store
from ..stores.ahead import Place
from ..stores.connection import Connection
from ..stores.redis import RedisStore
from ..wire import Request
from .board import CONTROLS, Board

HEARD = 5.0
"""Seconds after which a process says again that it runs."""

GONE = 15.0
"""Seconds after which a process that was not heard of counts as ended."""

_JOIN = """
local base, id, gone = ARGV[2], ARGV[3], tonumber(ARGV[4])
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', base .. 'servers', '-inf', now - gone)
local first = redis.call('EXISTS', base .. 'servers') == 0
if first then
  for _, key in ipairs(redis.call('KEYS', base .. '*')) do redis.call('UNLINK', key) end
end
redis.call('ZADD', base .. 'servers', now, id)
return first and 1 or 0
"""
"""Join the processes that are one server; the first finds nothing of an earlier server's."""

_HEARD = "return redis.call('ZADD', ARGV[2] .. 'servers', redis.call('TIME')[1], ARGV[3])"

_SWAP = """
local _, key, name, old, new = unpack(ARGV)
if (redis.call('HGET', key, name) or '') ~= old then return 0 end
return 1 + 0 * redis.call('HSET', key, name, new)
"""

_DROP = """
for _, key in ipairs(redis.call('KEYS', ARGV[2])) do redis.call('UNLINK', key) end
return 1
"""


FRESH = 0.1
"""Seconds for which what was read for requests to come is taken for what it was: they come at once.
"""


class _Turn(local):
    """The requests that a thread is about to handle, and the record that was read for them."""

    def __init__(self) -> None:
        self.waiting: dict[int, tuple[Request, str]] = {}
        self.controls: bytes | None = None
        self.known, self.until = object(), 0.0


class RedisBoard(Board):
    """See `Board`.

    Args:
        connection: that of the store whose board it is.
    """

    gathers = True

    def __init__(self, connection: Connection) -> None:
        self._redis = connection
        self._turn, self._known = _Turn(), object()
        self._notes: deque[tuple[str, bytes]] = deque()
        self._mutex = Lock()
        self._base = self._redis.prefix[:-1] + "~"
        self._controls = self._base + CONTROLS
        self._aside = self._redis.aside()
        self._me, self._ended = token_hex(8), Event()
        first = self._redis.script(_JOIN, self._base, self._me, GONE)
        self.who = "" if first else self._me
        Thread(target=self._stay, name="wanx-sim board", daemon=True).start()

    def __repr__(self) -> str:
        return f"<RedisBoard {self._redis.place} {self._base}>"

    def _stay(self) -> None:
        while not self._ended.wait(HEARD):
            with suppress(StoreError):  # gone for a while
                self._redis.script(_HEARD, self._base, self._me)
                self._send_notes()  # those behind which a request was expected that never came

    # --- records ---------------------------------------------------------------------------------

    def read(self, scope: str, name: str = CONTROLS, *, task_id: str = "") -> bytes | None:
        """See `Board.read`; a task comes in the same round trip."""
        if task_id and not scope:
            tasks = self._redis.key("tasks"), task_id
            found, task = self._redis.together(
                ("HGET", *self._place(scope, name)), ("HGET", *tasks)
            )
            self._renewed({tasks: task})
            self._redis.ahead.open(tasks)
            return found  # type: ignore[no-any-return]
        (found,) = self._redis.together(("HGET", *self._place(scope, name)))
        if name == CONTROLS and not scope:
            self._renewed({})
        return found  # type: ignore[no-any-return]

    def _renewed(self, records: Mapping[Place, bytes | None]) -> None:
        """This process knows the server's record anew, and these: what it was is of no more use.

        Otherwise one thread might go back to it after another has gone on.
        """
        self._turn.waiting.clear()
        self._redis.ahead.keep(records)
        self._known = object()

    def expect(self, requests: Sequence[tuple[Request, str]]) -> None:
        """See `Board.expect`; all in one round trip."""
        turn, tasks = self._turn, self._redis.key("tasks")
        turn.waiting.clear()
        self._redis.ahead.keep({})
        self._send_notes()
        if len(requests) <= 1:  # which reads as well for itself
            return
        turn.known, turn.until = self._known, monotonic() + FRESH
        ids = list(dict.fromkeys(task_id for _, task_id in requests if task_id))
        wanted = [("HMGET", tasks, *ids)] if ids else []
        turn.controls, *rows = self._redis.together(("HGET", self._controls, ""), *wanted)
        records = dict(zip(ids, *rows, strict=True))
        self._redis.ahead.keep({(tasks, each): record for each, record in records.items()})
        turn.waiting.update((id(request), (request, task_id)) for request, task_id in requests)

    def expected(self, request: Request) -> bytes | None:
        """See `Board.expected`."""
        turn = self._turn
        one, task_id = turn.waiting.pop(id(request), (None, ""))
        if one is not request or turn.known is not self._known or turn.until < monotonic():
            turn.waiting.clear()  # whoever else comes between ends it
            return None
        self._redis.ahead.open((self._redis.key("tasks"), task_id))
        return turn.controls

    def answered(self) -> None:
        """See `Board.answered`."""
        self._redis.ahead.shut()

    def _place(self, scope: str, name: str) -> tuple[str, str]:
        if name == CONTROLS:
            return self._controls, scope
        return f"{self._base}counts:{scope}", sha256(name.encode()).hexdigest()

    def swap(self, scope: str, name: str, old: bytes | None, new: bytes) -> bool:
        """See `Board.swap`."""
        place = self._place(scope, name)
        if old is None and name == CONTROLS and scope:
            self._redis.run("ZADD", f"{self._base}used", time.time(), scope)
        try:
            # Not sent twice: what the first one wrote would count as somebody else's.
            return bool(self._redis.script(_SWAP, *place, old or b"", new, again=False))
        finally:
            if name == CONTROLS and not scope:
                self._renewed({})

    def scopes(self) -> list[str]:
        """See `Board.scopes`."""
        self._wait()
        names, used = self._redis.pipelined(
            ("HKEYS", self._controls), ("ZRANGE", f"{self._base}used", 0, -1)
        )
        order = {name: place for place, name in enumerate(used)}
        return [name.decode() for name in sorted(names, key=lambda n: order.get(n, -1)) if name]

    def forget(self, scope: str) -> None:
        """See `Board.forget`."""
        self._wait()
        self._redis.run("UNLINK", f"{self._base}counts:{scope}", f"{self._base}journal:{scope}")

    def drop(self, scope: str, born: str) -> None:
        """See `Board.drop`."""
        self._wait()
        self._redis.pipelined(
            ("HDEL", self._controls, scope),
            ("ZREM", f"{self._base}used", scope),
            ("UNLINK", f"{self._base}counts:{scope}", f"{self._base}journal:{scope}"),
        )
        self._redis.script(_DROP, f"{self._base}tasks~{scope}~{born}:*")

    # --- journals --------------------------------------------------------------------------------

    def note(self, scope: str, entry: bytes) -> None:
        """See `Board.note`; nobody waits for Redis to have done it.

        Those of requests that came together are sent together, and what cannot be sent waits.
        """
        with self._mutex:
            self._notes.append((scope, time.time_ns().to_bytes(8) + entry))
        if not self._turn.waiting:
            with suppress(StoreError):
                self._send_notes()

    def _send_notes(self) -> None:
        with self._mutex:
            while len(self._notes) > LIMIT:
                self._notes.popleft()
            by_scope = defaultdict[str, list[bytes]](list)
            for scope, stamped in self._notes:
                by_scope[scope].append(stamped)
            if by_scope:
                self._aside.send(*chain.from_iterable(starmap(self._noting, by_scope.items())))
            self._notes.clear()

    def _noting(self, scope: str, stamped: list[bytes]) -> Iterator[tuple[object, ...]]:
        journal = f"{self._base}journal:{scope}"
        yield ("RPUSH", journal, *stamped)
        yield ("LTRIM", journal, -LIMIT, -1)
        if scope:
            yield ("ZADD", f"{self._base}used", "XX", time.time(), scope)

    def noted(self, scope: str) -> list[bytes]:
        """See `Board.noted`; between machines the order is as good as their clocks."""
        self._wait()
        found = self._redis.run("LRANGE", f"{self._base}journal:{scope}", 0, -1)
        return [stamped[8:] for stamped in sorted(found)]

    def count(self, scope: str) -> int:
        """See `Board.count`."""
        self._wait()
        return int(self._redis.run("LLEN", f"{self._base}journal:{scope}"))

    def _wait(self) -> None:
        """Wait for what was sent before: Redis does not keep to an order among connections.

        What has arrived it takes in one round, with this; what is asked next comes after that.
        """
        self._send_notes()
        self._redis.run("PING")

    # --- tasks of sessions, and the end ----------------------------------------------------------

    def store(self, scope: str, born: str, pictures: Store) -> Store:
        """See `Board.store`."""
        return _SessionStore(self._redis.under(f"{self._base}tasks~{scope}~{born}:"), pictures)

    def close(self) -> None:
        """See `Board.close`."""
        self._ended.set()
        self._aside.close()
        with suppress(StoreError):
            self._redis.run("ZREM", f"{self._base}servers", self._me)


class _SessionStore(RedisStore):
    """Tasks of a session's own, over the same connections; pictures are the same for all."""

    def __init__(self, connection: Connection, pictures: Store) -> None:
        super().__init__(connection, keep=pictures.keep)
        self._pictures = pictures

    def picture(self, key: str, render: Callable[[], bytes]) -> bytes:
        """See `Store.picture`."""
        return self._pictures.picture(key, render)

    def close(self) -> None:
        """Nothing: the connections are the server's."""
