"""Stores of every kind, empty, and a Redis of the tests' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from wanx_sim.stores import Store, open_store

ENGINES = ("memory", "disk", "redis")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture(params=ENGINES)
def url(request, folder) -> str:
    """Where an empty store is, of each kind."""
    if request.param == "redis":
        return request.getfixturevalue("redis_url")
    return {"memory": "memory://", "disk": f"disk:{folder}"}[request.param]


@pytest.fixture
def open_url() -> Iterator[Callable[..., Store]]:
    """Opens a store, and closes it after the test."""
    opened = []

    def opens(url, **options):
        opened.append(open_store(url, **options))
        return opened[-1]

    yield opens
    for store in opened:
        store.close()


@pytest.fixture
def store(url, open_url) -> Store:
    return open_url(url)
