"""Which board goes with which store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..errors import ServeError
from ..stores import Store

if TYPE_CHECKING:
    from .board import Board


def board_of(store: Store, workers: int = 1) -> Board | None:
    """The board of a new server; None if it is one process, on a store of this machine.

    Raises:
        ServeError: if several processes cannot be one server here, or on such a store.
    """
    if workers > 1 and sys.platform == "win32":
        raise ServeError("--workers needs Linux or macOS: on Windows workers share no socket")
    if workers > 1 and not store.shared:
        raise ServeError(
            "several workers need a store that they can share: --store disk:, disk:PATH or "
            "redis://HOST:PORT/DB; what memory:// holds is one process's own"
        )
    connection = getattr(store, "connection", None)
    if connection is not None:
        from .redis import RedisBoard  # noqa: PLC0415 - each loads only where it is needed

        return RedisBoard(connection)
    if workers == 1:
        return None
    from tempfile import mkdtemp  # noqa: PLC0415

    from .folder import Folder  # noqa: PLC0415

    return Folder(mkdtemp(prefix="wanx-sim-"), own=True)


def joined(store: Store, folder: str | None) -> Board:
    """The board of a server that runs, for one of its workers; the folder if it is one."""
    if folder is None:
        found = board_of(store)
        assert found  # noqa: S101 - for the type checker
        return found
    from .folder import Folder  # noqa: PLC0415

    return Folder(folder)
