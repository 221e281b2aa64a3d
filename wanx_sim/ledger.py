"""The ledger: what the accepted tasks would have cost."""

from __future__ import annotations

import msgspec

from .stores import Store
from .stores.index import MILLION, Total


class ModelUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What was ordered from one model: tasks accepted, images on the bill, their cost in CNY."""

    tasks: int
    images: int
    cost: float


class Ledger:
    """The bill so far; the store adds it up with the tasks, so it cannot disagree with them.

    A task counts as soon as it is accepted, for the images that its plan delivers: that way an
    orphan, accepted while its answer was lost, is on the bill although nobody ever polls it.
    Images that fail, and tasks that fail or are cancelled, cost nothing [documented: failed
    calls and failed images are never billed].
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        total = self._total()
        images, tasks = _counted(total.images, "image"), _counted(total.tasks, "task")
        return f"<Ledger {images} in {tasks}, ¥{total.cost / MILLION:.2f}>"

    def _total(self) -> Total:
        total = Total()
        for each in self._store.totals().values():
            total = total.plus(each)
        return total

    @property
    def images(self) -> int:
        """How many images are on the bill."""
        return self._total().images

    @property
    def cost(self) -> float:
        """The bill in CNY, added up in millionths, so ``== 0.42`` holds."""
        return self._total().cost / MILLION

    @property
    def by_model(self) -> dict[str, ModelUsage]:
        """The bill model by model, in the order in which they were first asked for."""
        return {
            model: ModelUsage(tasks=each.tasks, images=each.images, cost=each.cost / MILLION)
            for model, each in self._store.totals().items()
        }

    @property
    def tasks(self) -> int:
        """How many tasks were accepted, whatever became of them and whether they are still kept."""
        return self._total().tasks


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
