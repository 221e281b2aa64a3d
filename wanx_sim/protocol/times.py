"""How the service and its image host write moments. All take epoch seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import formatdate
from functools import lru_cache

from .behaviour import Behaviour

_DAY, _AHEAD = 24 * 3600, 8 * 3600
BEIJING = timezone(timedelta(seconds=_AHEAD))

BEHAVIOURS = (
    Behaviour(
        "times.zone",
        "times are YYYY-MM-DD HH:mm:ss.SSS in UTC+8, and do not say so",
        "observed",
        "a wanx2.1 answer of 2025-04-15, whose links' Expires fits no other zone",
    ),
)


def wire_time(moment: float) -> str:
    """``YYYY-MM-DD HH:mm:ss.SSS`` in UTC+8, with nothing to say so [observed]."""
    return datetime.fromtimestamp(moment, BEIJING).isoformat(" ", "milliseconds")[:23]


def beijing_date(moment: float) -> str:
    """``YYYYMMDD`` in UTC+8, as object keys carry it."""
    return _beijing_date(int((moment + _AHEAD) // _DAY))


@lru_cache(64)  # each picture's key carries one, and most are of today
def _beijing_date(day: int) -> str:
    return datetime.fromtimestamp(day * _DAY, UTC).strftime("%Y%m%d")


def iso_time(moment: float) -> str:
    """``YYYY-MM-DDTHH:mm:ss.SSSZ``, as OSS writes it."""
    return datetime.fromtimestamp(moment, UTC).isoformat("T", "milliseconds")[:23] + "Z"


def http_date(moment: float) -> str:
    """An HTTP ``Date``."""
    return _http_date(int(moment // 1))


@lru_cache(64)  # a second has as many answers as a server is fast
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)
