"""The ledger: what the accepted tasks would have cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

import msgspec

from .protocol.task import Task


class ModelUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What was ordered from one model: tasks accepted, images on the bill, their cost in CNY."""

    tasks: int
    images: int
    cost: float


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
        return _cost(self._tasks())

    @property
    def by_model(self) -> dict[str, ModelUsage]:
        """The bill model by model, in the order in which they were first asked for."""
        found: dict[str, list[Task]] = defaultdict(list)
        for task in self._tasks():
            found[task.order.model].append(task)
        return {
            model: ModelUsage(
                tasks=len(tasks),
                images=sum(task.good_images for task in tasks),
                cost=_cost(tasks),
            )
            for model, tasks in found.items()
        }

    @property
    def tasks(self) -> int:
        """How many tasks were accepted, whatever became of them."""
        return sum(1 for _ in self._tasks())


def _cost(tasks: Iterable[Task]) -> float:
    total = sum((task.price * task.good_images for task in tasks), Decimal(0))
    return float(round(total, 6))
