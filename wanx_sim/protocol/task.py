"""A task as it is kept: what was ordered, by whom, and its plan."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from . import links
from .catalogue import SEED_RANGE, Region
from .lifecycle import Plan, Status, status
from .requests import Order


class Task(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One task; everything the service says about it follows from this and the present.

    Like all that it holds it is written as an array: a store keeps a million of them.
    """

    task_id: str
    request_id: str
    region: Region
    order: Order
    seed: int
    plan: Plan
    price: Decimal
    """CNY an image, as it was when the task was created."""
    account: str = ""
    """Whose limits it counts against: a fingerprint of the key."""
    links_cut: bool = False
    """Whether the links were made to expire before their time."""

    def status(self, now: float) -> Status:
        """What `task_status` says at a moment."""
        return status(self.plan, now)

    def seed_of(self, index: int) -> int:
        """The seed of one image: seed, seed+1, … [documented: seed §5.3]; past the end, from 0."""
        return (self.seed + index) % (SEED_RANGE[1] + 1)

    @property
    def good_images(self) -> int:
        """How many images its plan delivers: none if it fails or was cancelled."""
        if self.plan.failure or self.plan.canceled is not None or self.plan.stuck:
            return 0
        return self.order.n - len(self.plan.failed_images)

    def index_of(self, key: str) -> int | None:
        """Which image lies under an object key, if any does."""
        ended = self.plan.ended
        if ended is None:
            return None
        good = (i for i in range(self.order.n) if i not in self.plan.failed_images)
        return next((i for i in good if key == links.object_key(self.task_id, i, ended)), None)
