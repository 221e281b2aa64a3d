"""The ledger: what the accepted tasks would have cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from .protocol.task import Task


class Ledger:
    """The bill so far; it follows from the tasks, so it cannot disagree with them.

    A task counts as soon as it is accepted, for the images that its plan delivers: that way an
    orphan, accepted while its answer was lost, is on the bill although nobody ever polls it.
    Images that fail, and tasks that fail or are cancelled, cost nothing [documented: failed
    calls and failed images are never billed].
    """

    def __init__(self, tasks: Callable[[], Iterator[Task]]) -> None:
        self._tasks = tasks

    def __repr__(self) -> str:
        return f"<Ledger {self.images} images, ¥{self.cost:.2f}>"

    @property
    def images(self) -> int:
        """How many images are on the bill."""
        return sum(task.good_images for task in self._tasks())

    @property
    def cost(self) -> float:
        """The bill in CNY, added as decimals and rounded to a millionth, so ``== 0.42`` holds."""
        total = sum((task.price * task.good_images for task in self._tasks()), Decimal(0))
        return float(round(total, 6))

    @property
    def tasks(self) -> int:
        """How many tasks were accepted, whatever became of them."""
        return sum(1 for _ in self._tasks())
