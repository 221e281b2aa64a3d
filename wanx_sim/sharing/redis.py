"""The board of several machines: in Redis or Valkey, beside the tasks.

All keys begin with the store's prefix and ``~``, which no prefix holds:

* ``controls``, a hash: the record of each scope
* ``counts:SCOPE``, a hash: its other records
* ``journal:SCOPE``, a stream
* ``used``, a sorted set: when each session was used last
* ``servers``, a sorted set: when each process was last heard of
* ``tasks~SCOPE~BORN:``, the prefix of the store of a session
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from secrets import token_hex
from threading import Event, Thread

from ..errors import StoreError
from ..journal import LIMIT
from ..stores import Store
from ..stores.connection import Connection
from ..stores.redis import RedisStore
from .board import CONTROLS

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


class RedisBoard:
    """See `Board`.

    Args:
        connection: that of the store whose board it is.
    """

    def __init__(self, connection: Connection) -> None:
        self._redis = connection
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

    # --- records ---------------------------------------------------------------------------------

    def read(self, scope: str, name: str = CONTROLS, *, task_id: str = "") -> bytes | None:
        """See `Board.read`; a task comes in the same round trip."""
        place = self._place(scope, name)
        if task_id and not scope:
            tasks = self._redis.key("tasks")
            found, task = self._redis.together(("HGET", *place), ("HGET", tasks, task_id))
            self._redis.ahead = tasks, task_id, task
        else:
            (found,) = self._redis.together(("HGET", *place))
            self._redis.ahead = None
        return found  # type: ignore[no-any-return]

    def _place(self, scope: str, name: str) -> tuple[str, str]:
        if name == CONTROLS:
            return self._controls, scope
        return f"{self._base}counts:{scope}", sha256(name.encode()).hexdigest()

    def swap(self, scope: str, name: str, old: bytes | None, new: bytes) -> bool:
        """See `Board.swap`."""
        place = self._place(scope, name)
        if old is None and name == CONTROLS and scope:
            self._redis.run("ZADD", f"{self._base}used", time.time(), scope)
        # Not sent twice: what the first one wrote would count as somebody else's.
        return bool(self._redis.script(_SWAP, *place, old or b"", new, again=False))

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
        self._redis.run("UNLINK", f"{self._base}counts:{scope}", f"{self._base}journal:{scope}")

    def drop(self, scope: str, born: str) -> None:
        """See `Board.drop`."""
        self._redis.pipelined(
            ("HDEL", self._controls, scope),
            ("ZREM", f"{self._base}used", scope),
            ("UNLINK", f"{self._base}counts:{scope}", f"{self._base}journal:{scope}"),
        )
        self._redis.script(_DROP, f"{self._base}tasks~{scope}~{born}:*")

    # --- journals --------------------------------------------------------------------------------

    def note(self, scope: str, entry: bytes) -> None:
        """See `Board.note`; nobody waits for Redis to have done it."""
        stamped = time.time_ns().to_bytes(8) + entry
        commands: list[tuple[object, ...]] = [
            ("XADD", f"{self._base}journal:{scope}", "MAXLEN", LIMIT, "*", b"", stamped)
        ]
        if scope:
            commands.append(("ZADD", f"{self._base}used", "XX", time.time(), scope))
        self._aside.send(*commands)

    def noted(self, scope: str) -> list[bytes]:
        """See `Board.noted`; between machines the order is as good as their clocks."""
        self._wait()
        found = self._redis.run("XRANGE", f"{self._base}journal:{scope}", "-", "+")
        fields = (each.values() if isinstance(each, dict) else each[1:] for _, each in found)
        return [stamped[8:] for (stamped,) in sorted(map(tuple, fields))]

    def count(self, scope: str) -> int:
        """See `Board.count`."""
        self._wait()
        return int(self._redis.run("XLEN", f"{self._base}journal:{scope}"))

    def _wait(self) -> None:
        """Wait for what others sent before: Redis does not keep to an order among connections.

        What has arrived it takes in one round, with this; what is asked next comes after that.
        """
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
        super().__init__(connection)
        self._pictures = pictures

    def picture(self, key: str, render: Callable[[], bytes]) -> bytes:
        """See `Store.picture`."""
        return self._pictures.picture(key, render)

    def close(self) -> None:
        """Nothing: the connections are the server's."""
