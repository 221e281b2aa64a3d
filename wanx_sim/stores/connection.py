"""The way to Redis: a connection a thread, its troubles in our words, locks.

A thread keeps its connection: a pool's bookkeeping costs as much as a loopback round trip.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from copy import copy
from hashlib import sha1
from threading import Lock as Mutex, local
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.exceptions import NoScriptError
    from redis.lock import Lock
    from redis.retry import Retry
except ImportError:  # pragma: no cover - depends on what is installed
    if not TYPE_CHECKING:
        redis = None

from ..errors import StoreError, StoreUnavailableError
from .ahead import Ahead

PATIENCE = 5.0
"""Seconds that an answer may take before Redis counts as gone."""

LOCK_SECONDS = 10.0
"""For how long a lock may be held; whoever holds it longer may no longer write."""

_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


class _Silence:
    """That Redis did not answer in time: nobody asks it for a while, so that not all wait."""

    until = 0.0
    said = ""


class _Mine(local):
    """What a thread has."""

    def __init__(self) -> None:
        self.client: redis.Redis | None = None
        self.locks: list[Lock] = []


class Aside:
    """A connection whose commands are sent and not waited for: a tenth of a round trip.

    What is sent while Redis goes away may be lost; what is sent after that raises.
    """

    def __init__(self, url: str, trouble: Callable[[], AbstractContextManager[None]]) -> None:
        self._url, self._trouble = url, trouble
        self._link: Any = None
        self._mutex = Mutex()

    def send(self, *commands: tuple[Any, ...]) -> None:
        """Send commands."""
        with self._mutex, self._trouble():
            try:
                link = self._up()
                link.send_packed_command(link.pack_commands(commands), check_health=False)
            except BaseException:
                self.close()
                raise

    def _up(self) -> Any:
        """The connection, if need be a new one."""
        if self._link is not None:
            with suppress(redis.ConnectionError):
                self._link.can_read(0)  # there is nothing to read, but whether it was closed
                return self._link
            self.close()
        pool = redis.ConnectionPool.from_url(self._url, **_settings())
        self._link = pool.make_connection()
        self._link.connect()
        self._link.send_command("CLIENT", "REPLY", "OFF", check_health=False)
        return self._link

    def close(self) -> None:
        """Close it; `send` opens it again."""
        if self._link is not None:
            self._link.disconnect()
            self._link = None


class Connection:
    """A Redis or Valkey database, and the prefix of all keys there.

    Raises:
        StoreError: if the URL is wrong or the package is missing.
    """

    def __init__(self, url: str) -> None:
        if redis is None:
            raise StoreError("a store in Redis needs more: pip install 'wanx-kit[redis]'")
        self._url, prefix = _split(url)
        self.place, self.prefix = _place(self._url), prefix + ":"
        self._mine = _Mine()
        self._clients: list[redis.Redis] = []
        self._digests: dict[str, str] = {}
        self._silence = _Silence()
        self.ahead = Ahead()

    def key(self, name: str) -> str:
        """A key under the prefix."""
        return self.prefix + name

    def _client(self) -> redis.Redis:
        client = self._mine.client
        if client is None:
            client = redis.Redis.from_url(self._url, single_connection_client=True, **_settings())
            self._mine.client = client
            self._clients.append(client)
        return client

    def close(self) -> None:
        """Close the connections of all threads."""
        for client in self._clients:
            client.close()

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        if self._silence.until > monotonic():
            raise self._unavailable(self._silence.said)
        try:
            yield
        except (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError) as error:
            if isinstance(error, redis.TimeoutError):
                self._silence.until, self._silence.said = monotonic() + PATIENCE, _said(error)
            raise self._unavailable(_said(error)) from error
        except (redis.RedisError, ValueError) as error:
            raise StoreError(
                f"the store in Redis at {self.place} cannot be used ({_said(error)})"
            ) from error

    def _unavailable(self, said: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"the store in Redis at {self.place} cannot be reached ({said}): start it, or wait "
            "until it is back"
        )

    def run(self, *command: Any) -> Any:
        """One command, which may be sent twice."""
        return self.together(command)[0]

    def script(self, script: str, *arguments: Any, again: bool = True) -> Any:
        """A Lua script, with the prefix for its first argument; ``again``: it may be sent twice."""
        digest = self._digests.get(script)
        if digest is None:
            digest = sha1(script.encode()).hexdigest()  # noqa: S324 - Redis names scripts so
            self._digests[script] = digest
        with self._trouble():
            try:
                command = ("EVALSHA", digest, 0, self.prefix, *arguments)
                return self._exchange(command, again=again)[0]
            except NoScriptError:  # it is the first time, or Redis is a new one
                command = ("EVAL", script, 0, self.prefix, *arguments)
                return self._exchange(command, again=again)[0]

    def pipelined(self, *commands: tuple[Any, ...]) -> list[Any]:
        """Several commands in one round trip, which nobody else's come between."""
        with self._trouble(), self._client().pipeline(transaction=True) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
            return pipeline.execute()

    def together(self, *commands: tuple[Any, ...]) -> list[Any]:
        """Several commands in one round trip, which may be sent twice; others' may come between."""
        with self._trouble():
            return self._exchange(*commands)

    def _exchange(self, *commands: tuple[Any, ...], again: bool = True) -> list[Any]:
        try:
            return self._exchanged(commands)
        except redis.ConnectionError:  # as a restart of Redis leaves every connection
            if not again:
                raise
        return self._exchanged(commands)

    def _exchanged(self, commands: tuple[tuple[Any, ...], ...]) -> list[Any]:
        """Commands and their answers, at half the cost of redis-py's own way.

        An error is an answer, too: all are read, for the rest would be taken for those to what
        comes next.
        """
        link: Any = self._client().connection
        if link is None:
            raise redis.ConnectionError("the store was closed")
        try:
            link.send_packed_command(link.pack_commands(commands))
            answers = [_answer(link) for _ in commands]
        except BaseException:
            link.disconnect()
            raise
        for answer in answers:
            if isinstance(answer, redis.ResponseError):
                raise answer
        return answers

    def under(self, prefix: str) -> Connection:
        """The same connections, for keys with another prefix."""
        other = copy(self)
        other.prefix = prefix
        return other

    def aside(self) -> Aside:
        """A connection for what needs no answer."""
        return Aside(self._url, self._trouble)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Wait for a lock, and hold it for a block.

        Raises:
            StoreUnavailableError: if others hold it for too long.
        """
        with self._trouble():
            lock = Lock(
                self._client(), self.key(f"lock:{name}"), timeout=LOCK_SECONDS, sleep=0.002,
                blocking_timeout=LOCK_SECONDS, thread_local=False,
            )  # fmt: skip
            got = lock.acquire()
        if not got:
            raise StoreUnavailableError(f"the store in Redis at {self.place} is too busy")
        self._mine.locks.append(lock)
        try:
            yield
        finally:
            self._mine.locks.remove(lock)
            self._release(lock)

    def _release(self, lock: Lock) -> None:
        try:
            lock.release()
        except redis.RedisError:
            # It ends by itself, and nothing was written after it was lost.
            lock.local.token = None

    @property
    def held(self) -> tuple[Any, Any]:
        """The key and the token of the lock that this thread holds; both empty without one."""
        if not self._mine.locks:
            return "", ""
        lock = self._mine.locks[-1]
        return lock.name, lock.local.token


def _answer(link: Any) -> Any:
    try:
        return link.read_response()
    except redis.ResponseError as error:
        return error


def _settings() -> dict[str, Any]:
    # What is safe to repeat is known here, not there.
    once = Retry(NoBackoff(), 0)
    return {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, "retry": once}


def _split(url: str) -> tuple[str, str]:
    """A URL without its prefix, and the prefix."""
    base, _, query = url.partition("?")
    wanted = parse_qs(query)
    prefix = wanted.pop("prefix", ["wanx-sim"])[-1]
    if not _PREFIX.fullmatch(prefix):
        raise StoreError("a prefix is 1 to 64 of the characters A-Z a-z 0-9 . _ : -")
    return f"{base}?{urlencode(wanted, doseq=True)}" if wanted else base, prefix


def _place(url: str) -> str:
    """A URL without what is secret in it."""
    scheme, _, rest = url.partition("?")[0].partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _said(error: Exception) -> str:
    return str(error).partition(" script: ")[0].rstrip(".")  # which one is ours to know
