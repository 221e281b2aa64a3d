from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.harness.bench import Bench
from benchmarks.harness.peers import Peers


@pytest.fixture
def bench(tmp_path) -> Callable[..., Bench]:
    """Makes a quick run of rows, without any peer."""
    folder = tmp_path / "bench"
    folder.mkdir()

    def make(*rows: str) -> Bench:
        return Bench(wanted=rows, folder=folder, peers=Peers(tmp_path / "none"), quick=True)

    return make
