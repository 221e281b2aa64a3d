"""What recording may cost: ``--wanx-budget``, spent once by all processes of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from ..cassettes.budget import Budget, Purchase
from ..cassettes.files import locked, write
from . import options, spending


class RunBudget(Budget):
    """The budget of a run. The sum lies in a file, locked while a create is priced.

    So two workers of pytest-xdist never spend the same yuan. What a worker set aside stays spent
    when it dies: its create may have gone out.

    Args:
        limit: CNY that may be spent.
        path: the file of the sum; None if there is nothing to spend.
    """

    def __init__(self, limit: Decimal, path: Path | None) -> None:
        super().__init__()
        self.limit = limit
        self._path = path

    def take(self, bought: Purchase) -> None:
        """Set a price aside, for all processes."""
        with self._shared():
            super().take(bought)

    def give_back(self, bought: Purchase) -> None:
        """Take back what was set aside, for all processes."""
        with self._shared():
            super().give_back(bought)

    @contextmanager
    def _shared(self) -> Iterator[None]:
        if self._path is None:
            yield
            return
        with locked(self._path):
            self.spent = spending.read(self._path)
            yield
            write(self._path, str(self.spent).encode("ascii"))


class Allowance(Budget):
    """A test's part in the budget of a run: without a limit of its own, and counted for itself."""

    def __init__(self, run: Budget) -> None:
        super().__init__()
        self._run = run

    def take(self, bought: Purchase) -> None:
        """Set a price aside, if the run can afford it."""
        self._run.take(bought)
        super().take(bought)

    def give_back(self, bought: Purchase) -> None:
        """Take back what was set aside."""
        self._run.give_back(bought)
        super().give_back(bought)


def allowance(config: pytest.Config) -> Budget:
    """What one test may spend."""
    return Allowance(RunBudget(options.budget(config), spending.place(config)))
