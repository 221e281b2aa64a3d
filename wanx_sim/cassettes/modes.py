"""Record modes, with VCR's names: what is replayed, and what goes to the live service."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..clock import Clock
from ..service import Service
from ..wire import Request, Response
from .cache import Cache
from .cached import CachedService
from .cassette import Cassette
from .fallback import Fallback
from .player import Player
from .recorder import Recorder


class Mode(StrEnum):
    """Which requests may go to the live service."""

    NONE = "none"
    """None: what is not recorded is a miss."""
    ONCE = "once"
    """All, while there is no cassette; once there is one, none."""
    NEW_EPISODES = "new_episodes"
    """Those that are not recorded."""
    ALL = "all"
    """All; what is recorded takes the place of what the cassette held for the same request."""


def checked_mode(mode: str) -> Mode:
    """A mode, or ValueError with those there are."""
    try:
        return Mode(mode)
    except ValueError:
        raise ValueError(f"no record mode is called {mode!r}; known: {', '.join(Mode)}") from None


class CassetteService(Service):
    """A cassette in one of VCR's record modes: a player, a recorder, or one behind the other.

    Use it where the same program is to record on one day and to replay on all others.

    Args:
        cassette: a `Cassette`, or the path of one, which need not be there yet.
        mode: ``none`` (default) replays alone; ``once`` records all while there is no cassette and
            replays alone afterwards; ``new_episodes`` records what is not recorded; ``all``
            records everything anew.
        upstream: the live service, a URL or a `Service`; needed by every mode but ``none``.
        clock: the time of both; default the real one.
        play: more arguments of the `Player`.
        record: more arguments of the `Recorder`: ``budget``, ``pictures``, ``redact_prompts`` …
        cache: a development cache, or its folder: what it holds is not bought (`CachedService`).

    Raises:
        ValueError: for a mode that does not exist, one that records without an upstream, or
            ``all`` with a cache.
        CassetteMissError: from a request that is not recorded, and may not be.
    """

    def __init__(
        self,
        cassette: Cassette | str | Path,
        mode: str = Mode.NONE,
        *,
        upstream: str | Service | None = None,
        clock: Clock | None = None,
        play: Mapping[str, Any] | None = None,
        record: Mapping[str, Any] | None = None,
        cache: Cache | str | Path | None = None,
    ) -> None:
        self.cassette = cassette if isinstance(cassette, Cassette) else Cassette(cassette)
        self.mode = checked_mode(mode)
        if cache is not None and self.mode is Mode.ALL:
            raise ValueError("the record mode all buys everything anew, and a cache would not")
        exists = self.cassette.exists
        if exists:
            self.cassette.reload()
        self.player: Player | None = None
        self.recorder: Recorder | None = None
        last: Recorder | CachedService | None = None
        if self.mode in (Mode.NONE, Mode.NEW_EPISODES) or (self.mode is Mode.ONCE and exists):
            alone = self.mode is not Mode.NEW_EPISODES
            # It plays what was there before: what is recorded now was answered already.
            before = Cassette.load(self.cassette.path) if exists else self.cassette
            self.player = Player(before, clock=clock, unfinished=alone, **play or {})
        if self.player is None or self.mode is Mode.NEW_EPISODES:
            if upstream is None:
                raise ValueError(f"the record mode {self.mode} needs an upstream: the live service")
            how = {"clock": clock, **(record or {})}
            if cache is None:
                last = Recorder(upstream, self.cassette, anew=self.mode is Mode.ALL, **how)
                self.recorder = last
            else:
                age = (play or {}).get("max_age")
                last = CachedService(upstream, self.cassette, cache=cache, max_age=age, **how)
                self.recorder = last.recorder
        parts: list[Service] = [part for part in (self.player, last) if part]
        self._service = parts[0] if len(parts) == 1 else Fallback(*parts)
        self.blocking = self._service.blocking

    def __repr__(self) -> str:
        return f"<CassetteService {self.cassette.path} mode={self.mode}>"

    def handle(self, request: Request) -> Response:
        """The recorded answer, or the live service's, as the mode says."""
        return self._service.handle(request)

    def close(self) -> None:
        """Write down what has not ended, and hang up."""
        self._service.close()
