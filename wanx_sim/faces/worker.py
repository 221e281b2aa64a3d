"""One worker of a server: a process of its own, which serves what its parent listens at.

Its standard input is its lifeline. The first line there says what to serve; at the end of it the
worker ends. A parent that is there says farewell first; one that was killed cannot.
"""

from __future__ import annotations

import os
import socket
import sys
from threading import Event, Thread
from typing import Any

import msgspec

from ..account import Account
from ..errors import WanxSimError
from ..sharing.boards import joined
from ..sharing.folder import remove
from ..sharing.simulator import SharedSimulator
from ..stores import open_store

READY = b"ready\n"
"""What it says on standard output when it is up."""

FAREWELL = b"end\n"
"""What its parent says to end it."""

_PATIENCE = 5
"""Seconds for which the last requests are waited for at the end."""


class Spec(msgspec.Struct, kw_only=True):
    """What a worker is told."""

    settings: dict[str, Any]
    """Of the simulator: those that the command line says."""
    first: bytes
    """The record of the simulator's beginning (`SharedSimulator`)."""
    store: str
    keep: int
    """How many tasks the store keeps."""
    folder: str | None
    """What the workers share, if it is a folder (`sharing.folder`)."""
    who: str
    listeners: list[int]
    """File descriptors of the sockets to serve at."""
    host: str
    admin_token: str | None
    allow_hosts: list[str]
    tls: bool
    proxy: bool


def main() -> None:
    """Be a worker."""
    spec = msgspec.json.decode(sys.stdin.buffer.readline(), type=Spec)
    try:
        _serve(spec)
    except WanxSimError as error:
        sys.exit(f"wanx-sim: {error}")


def _serve(spec: Spec) -> None:
    store = open_store(spec.store, keep=spec.keep)
    simulator = SharedSimulator(
        joined(store, spec.folder),
        who=spec.who,
        begin=spec.first,
        store=store,
        **spec.settings | {"account": msgspec.convert(spec.settings["account"], Account)},
    )
    server = simulator.serve(
        spec.host,
        admin_token=spec.admin_token,
        allow_hosts=spec.allow_hosts,
        tls=spec.tls,
        proxy_port=0 if spec.proxy else None,
    )
    up = Event()

    def announce() -> None:
        os.write(sys.stdout.fileno(), READY)
        up.set()

    def end() -> None:
        last = b""
        while said := os.read(sys.stdin.fileno(), 1024):  # what is buffered holds a lock
            last = said
        if FAREWELL not in last:
            orphaned.set()
        if up.is_set():
            server.stop()
            ended.wait(_PATIENCE)
        os._exit(0)

    orphaned, ended = Event(), Event()
    Thread(target=end, name="wanx-sim lifeline", daemon=True).start()
    try:
        server.run(announce, [socket.socket(fileno=number) for number in spec.listeners])
    finally:
        simulator.close()
        if spec.folder and orphaned.is_set():
            remove(spec.folder)  # as the parent would have done
        ended.set()


if __name__ == "__main__":
    main()
