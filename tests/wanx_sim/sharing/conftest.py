"""Two simulators that are one server, over each kind of board."""

from __future__ import annotations

from uuid import uuid4

import pytest

from wanx_sim import ManualClock
from wanx_sim.sharing.folder import Folder
from wanx_sim.sharing.redis import RedisBoard
from wanx_sim.sharing.simulator import SharedSimulator
from wanx_sim.stores import open_store


@pytest.fixture(params=["folder", "redis"])
def open_board(request, tmp_path):
    """Opens the board of one server once more, as another process would; with its store."""
    opened = []
    url = f"disk:{tmp_path / 'store'}"
    if request.param == "redis":
        url = request.getfixturevalue("redis_server").url(f"board-{uuid4().hex}")

    def opens():
        store = open_store(url)
        if request.param == "redis":
            board = RedisBoard(store.connection)
        else:
            board = Folder(tmp_path / "board")
        opened.append((store, board))
        return store, board

    yield opens
    for store, board in opened:
        board.close()
        store.close()


@pytest.fixture
def board(open_board):
    return open_board()[1]


@pytest.fixture
def join(open_board, start):
    """Makes one more simulator of the server."""
    made = []

    def joined(**settings):
        store, board = open_board()
        settings = {"clock": ManualClock(start), "who": str(len(made))} | settings
        made.append(SharedSimulator(board, store=store, **settings))
        return made[-1]

    return joined


@pytest.fixture
def pair(join):
    return join(), join()


@pytest.fixture
def apis(pair, connect):
    return [connect(sim) for sim in pair]
