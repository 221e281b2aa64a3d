"""A mapping that keeps what was put in of late."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Latest(OrderedDict[K, V]):
    """A mapping with a limit: what was put in first goes first.

    To read is as cheap as in a dict, and no use keeps an entry longer: what is gone is made again.

    Args:
        limit: how many entries are kept.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def keep(self, key: K, value: V) -> None:
        """Put an entry in; from any thread."""
        self[key] = value
        if len(self) > self._limit:
            self.popitem(last=False)
