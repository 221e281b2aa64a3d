"""No way out: while a guard is in force, this process connects to this machine alone.

It listens to the interpreter's audit events, which every Python socket raises before it does
anything: those of requests, httpx, aiohttp, asyncio and urllib, wherever a reference to a function
of `socket` was kept. Not seen are sockets that are opened below Python: uvloop's, grpc's, those of
database drivers in C, and those of other processes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from socket import gaierror, getaddrinfo
from threading import local
from typing import Any

from ..errors import NetworkBlockedError

_CONNECTS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_LOOKS_UP = {"socket.getaddrinfo", "socket.gethostbyname"}
_HERE = {"", "localhost", "0.0.0.0", "::", "ip6-localhost"}  # noqa: S104 - asked for, not bound

_INSTEAD = """This is the live service. wanx_sim answers what httpx sends there; wanx_server answers
any client that takes its address from DASHSCOPE_HTTP_BASE_URL, as the official SDK does."""

_PAST = """the application asked {} past the cassette, and nothing was sent. wanx_cassette catches
what httpx sends; any other library finds the cassette by DASHSCOPE_HTTP_BASE_URL: let the test use
wanx_server as well."""

OnBlocked = Callable[[NetworkBlockedError], None]


class Guard:
    """Which hosts may be reached, and what is said to who tries another."""

    def __init__(self, allowed: Collection[str], on_blocked: OnBlocked) -> None:
        self._allowed = {_bare(host) for host in allowed}
        self._on_blocked = on_blocked
        self._addresses: set[str] | None = None

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at an audit event.

        Raises:
            NetworkBlockedError: if it leads elsewhere.
        """
        __tracebackhide__ = True
        host, port = _target(event, arguments)
        if host is None or self._allows(host):
            return
        error = NetworkBlockedError(self._message(host, port))
        self._on_blocked(error)
        raise error

    def _allows(self, host: str) -> bool:
        host = _bare(host)
        if host in _HERE or host in self._allowed or host.endswith(".localhost"):
            return True
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or host in self._resolved()

    def _message(self, host: str, port: object) -> str:
        from ..protocol.catalogue import API_HOSTS  # noqa: PLC0415 - only who is refused needs them
        from ..protocol.routes import IMAGE_HOST  # noqa: PLC0415

        place = f"{host}:{port}" if port else host
        live = host.lower() in API_HOSTS or IMAGE_HOST.fullmatch(host.lower())
        lines = [
            f"a connection to {place} was refused: --wanx-block-network is on.",
            f"To allow it: --wanx-allow-host={host}, or {host} in the ini option wanx_allow_hosts.",
        ]
        if live:
            lines.insert(1, _INSTEAD)
        return "\n".join(lines)

    def _resolved(self) -> set[str]:
        """The addresses of the allowed hosts: who connects has looked the name up before."""
        if self._addresses is None:
            self._addresses = set()
            for name in self._allowed:
                try:
                    found = getaddrinfo(name, None)
                except gaierror:
                    continue
                self._addresses |= {_bare(str(place[4][0])) for place in found}
        return self._addresses


class PastTheCassette(Guard):
    """Who may reach anything but the live service, since a cassette stands in front of that."""

    def __init__(self, on_blocked: OnBlocked) -> None:
        from ..protocol.catalogue import API_HOSTS  # noqa: PLC0415 - few tests need them

        super().__init__((), on_blocked)
        self._live = API_HOSTS

    def _allows(self, host: str) -> bool:
        return _bare(host) not in self._live

    def _message(self, host: str, port: object) -> str:  # noqa: ARG002 - as any guard's
        return _PAST.format(host)


def _target(event: str, arguments: tuple[Any, ...]) -> tuple[str | None, object]:
    """The host and port that an event leads to; None for no host, or one that is no name."""
    if event in _LOOKS_UP:
        host, port = arguments[0], arguments[1] if len(arguments) > 1 else None
    else:
        address = arguments[1]
        if not isinstance(address, tuple) or len(address) < 2:  # noqa: PLR2004 - a Unix socket
            return None, None
        host, port = address[0], address[1]
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    return (host if isinstance(host, str) else None), port


def _bare(host: str) -> str:
    """A host as it is compared: no case, no scope, no brackets, no dot at its end."""
    return host.strip("[]").partition("%")[0].rstrip(".").lower()


_WATCHED = _CONNECTS | _LOOKS_UP
_guards: list[Guard] = []
"""Those in force. An audit hook cannot be taken off, so there is one, and it asks here."""

_thread = local()


@contextmanager
def let_through() -> Iterator[None]:
    """Let this thread out, inside the block: a recorder that was told to ask the live service."""
    before = getattr(_thread, "free", False)
    _thread.free = True
    try:
        yield
    finally:
        _thread.free = before


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    __tracebackhide__ = True
    if _guards and event in _WATCHED and not getattr(_thread, "free", False):
        for guard in reversed(_guards):
            guard.see(event, arguments)


_installed = False


@contextmanager
def blocked(allowed: Collection[str], on_blocked: OnBlocked) -> Iterator[None]:
    """Refuse connections to other machines, inside the block."""
    with in_force(Guard(allowed, on_blocked)):
        yield


@contextmanager
def in_force(guard: Guard) -> Iterator[None]:
    """Let a guard see whatever this process connects to, inside the block."""
    global _installed  # noqa: PLW0603 - the interpreter's own list of hooks is as global
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    _guards.append(guard)
    try:
        yield
    finally:
        _guards.remove(guard)
