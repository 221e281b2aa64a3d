"""What a test wants of its cassette: its marker, the options, and whether it may go live."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from ..cassettes.cassette import Cassette
from ..cassettes.modes import Mode, checked_mode
from ..errors import CassetteError
from ..protocol.catalogue import API_HOSTS, Region
from . import marker, options, places, spending
from .servers import KEY, URL

REGION = "WANX_REGION"
ANY_KEY = "sk-wanx-cassette"
"""What an application that insists on a key finds while nothing is live."""

_PLAY = ("pace", "ignore", "repeat", "on_expired")
_RECORD = ("pictures", "redact_prompts")
KNOWN = ("mode", "region", "max_age", *_PLAY, *_RECORD)

_NO_KEY = """wanx_cassette is to record {} (mode {}), and that takes a key of the live service.
Set DASHSCOPE_API_KEY, and say what the run may spend: pytest --wanx-budget=CNY."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a test wants of its cassette."""

    path: Path
    mode: Mode
    """The mode that holds: ``none`` where nothing may go to the live service."""
    not_live: str
    """Why nothing may, although that was asked for."""
    region: Region
    upstream: str
    max_age: timedelta | None
    play: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, item: pytest.Item) -> Self:
        """As the marker says, else the options; it ends the test if that makes no sense."""
        given = _given(item)
        try:
            mode = checked_mode(given.get("mode", options.mode(item.config)))
            region = _region(given)
            max_age = _age(given.get("max_age", options.max_age(item.config)))
        except ValueError as error:
            marker.refuse(f"@pytest.mark.wanx_cassette: {error}")
        path = places.path_of(item)
        try:
            live, not_live = _may_go_live(item.config, mode, path)
        except CassetteError as error:
            marker.refuse(f"wanx_cassette: {error}")
        play = {name: given[name] for name in _PLAY if name in given}
        if play.get("on_expired", "warn") != "warn":  # else the summary tells
            play["max_age"] = max_age
        return cls(
            path=path,
            mode=live or Mode.NONE,
            not_live=not_live,
            region=region,
            upstream=os.environ.get(URL) or f"https://{_host(region)}",
            max_age=max_age,
            play=play,
            record={name: given[name] for name in _RECORD if name in given},
        )


def _given(item: pytest.Item) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for mark in reversed(list(item.iter_markers(places.NAME))):
        unknown = sorted({*mark.kwargs} - {*KNOWN})
        if len(mark.args) > 1 or unknown:
            wrong = ", ".join([*map(repr, mark.args[1:]), *unknown])
            known = ", ".join(KNOWN)
            marker.refuse(
                f"@pytest.mark.wanx_cassette does not take {wrong}; known: a name, {known}"
            )
        given |= mark.kwargs
    return given


def _may_go_live(config: pytest.Config, mode: Mode, path: Path) -> tuple[Mode | None, str]:
    """The mode in which requests may go to the live service, if they may; else why not."""
    if mode is Mode.ONCE and path.exists():
        # What this run has recorded itself is no reason to stop: tests may share a cassette. Nor is
        # what an attempt left that bought nothing.
        new = path.stat().st_mtime > spending.began(config) or not len(Cassette.load(path))
        mode = Mode.NEW_EPISODES if new else Mode.NONE
    if mode is Mode.NONE:
        return None, ""
    has_key = bool(os.environ.get(KEY))
    if mode is Mode.NEW_EPISODES:  # without the means to record, what is recorded still replays
        if not has_key:
            return None, f"Nothing is recorded now: {KEY} is not set."
        if not options.budget(config):
            return None, "Nothing is recorded now: --wanx-budget is 0."
    elif not has_key:
        marker.refuse(_NO_KEY.format(places.shown(path, config.rootpath), mode))
    return mode, ""


def _region(given: Mapping[str, Any]) -> Region:
    named = API_HOSTS.get(urlsplit(os.environ.get(URL, "")).hostname or "")
    chosen = given.get("region") or named or os.environ.get(REGION) or Region.BEIJING
    try:
        return Region(chosen)
    except ValueError:
        raise ValueError(f"no region is called {chosen!r}; known: {', '.join(Region)}") from None


def _host(region: Region) -> str:
    return next(host for host, its in API_HOSTS.items() if its is region)


def _age(age: object) -> timedelta | None:
    if age is None or isinstance(age, timedelta):
        return age
    if not isinstance(age, int | float) or age < 0:
        raise ValueError(f"max_age is a number of days or a timedelta, not {age!r}")
    return timedelta(days=age)
