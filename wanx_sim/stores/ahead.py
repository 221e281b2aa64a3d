"""What was read before it was asked for, so that one round trip does for many requests."""

from __future__ import annotations

from collections.abc import Mapping
from threading import local

Place = tuple[str, str]
"""A key and a field of the hash there."""


class Ahead(local):
    """The records that a thread has read ahead.

    None is had but the one that is `open`, for the request that it was read for, and that once.
    Who writes a record drops what was read of it before.
    """

    def __init__(self) -> None:
        self._records: dict[Place, bytes | None] = {}
        self._open: Place | None = None

    def keep(self, records: Mapping[Place, bytes | None]) -> None:
        """Keep these, and none of those from before."""
        self._records, self._open = dict(records), None

    def open(self, place: Place) -> None:
        """Let one be taken, and no other."""
        self._open = place

    def shut(self) -> None:
        """Let none be taken."""
        self._open = None

    def take(self, place: Place) -> tuple[bytes | None] | None:
        """The record that is open; None if that place is not, or was written to meanwhile."""
        if self._open != place or place not in self._records:
            return None
        self._open = None
        return (self._records[place],)

    def drop(self, place: Place) -> None:
        """Forget a record that somebody is about to write."""
        self._records.pop(place, None)
