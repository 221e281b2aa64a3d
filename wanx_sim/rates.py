"""Rate windows: how many requests a second an account may send, on the simulator's clock."""

from __future__ import annotations

from collections import deque
from threading import Lock

from .protocol import errors
from .protocol.errors import Refusal

TASK_QUERIES = 20
"""Queries, lists and cancels a second, together [documented: task-management page]."""


class RateWindows:
    """One sliding second for each thing that is limited."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[float]] = {}
        self._lock = Lock()

    def enter(self, name: str, limit: int, now: float) -> None:
        """Count one request; raises `Refusal` (429) if the last second already holds ``limit``."""
        with self._lock:
            seen = self._seen.setdefault(name, deque())
            while seen and seen[0] <= now - 1.0:
                seen.popleft()
            if len(seen) >= limit:
                raise Refusal(errors.RATE_QUOTA)
            seen.append(now)

    def clear(self) -> None:
        """Forget what was counted."""
        with self._lock:
            self._seen.clear()
