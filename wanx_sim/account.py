"""The account behind a key: how fast it may ask, how much may run, and whether it can pay."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Literal

import msgspec

from .protocol import errors
from .protocol.catalogue import Model
from .protocol.errors import Refusal

OverRunning = Literal["queue", "refuse"]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the accounts of a simulator; everything is in order by default.

    Use it with `Simulator.account` to see an application meet an account that is not.

    Args:
        arrears: creates are refused: the account owes money (400 ``Arrearage``).
        free_tier_only: creates are refused once a model's free images are used up
            (403 ``AllocationQuota.FreeTierOnly``).
        granted: the models that the key may use, all by default; others are refused
            (403 ``Model.AccessDenied``).
        over_running: what happens, under ``rate_limits``, to a create beyond the number of tasks
            that may run at a time: ``queue`` (default) lets it wait, ``refuse`` answers 429. The
            service's pages say both [documented].
    """

    arrears: bool = False
    free_tier_only: bool = False
    granted: frozenset[str] | None = None
    over_running: OverRunning = "queue"

    def check(self, model: Model, images: int, used: int) -> None:
        """Refuse a create of so many images, after so many used, as the account's state asks."""
        if self.arrears:
            raise Refusal(errors.ARREARAGE)
        if self.granted is not None and model.name not in self.granted:
            raise Refusal(errors.MODEL_ACCESS_DENIED)
        if self.free_tier_only and used + images > model.free_images:
            raise Refusal(errors.FREE_TIER_ONLY)


@lru_cache(256)  # a server is asked by a few keys, again and again
def fingerprint(key: str) -> str:
    """What stands for a key wherever one account must be told from another."""
    return sha256(key.encode()).hexdigest()[:16]
