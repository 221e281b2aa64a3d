"""What ``@pytest.mark.wanx(…)`` takes, and what a test was given by it."""

from __future__ import annotations

from typing import NoReturn

import pytest

from . import options

OF_THE_SIMULATOR = (
    "timing",
    "seed",
    "rate_limits",
    "validation",
    "profile",
    "api_keys",
    "faults",
    "region",
)
_KNOWN = (*OF_THE_SIMULATOR, "etiquette")


def declare(config: pytest.Config) -> None:
    """Register the markers."""
    settings = ", ".join(f"{name}=…" for name in _KNOWN)
    config.addinivalue_line("markers", f"wanx({settings}): settings of wanx_sim")
    config.addinivalue_line(
        "markers",
        "wanx_cassette(name, mode=…, region=…, max_age=…, on_expired=…, pace=…, ignore=…, "
        "repeat=…, pictures=…, redact_prompts=…): use wanx_cassette; which one, and how",
    )


def settings(item: pytest.Item) -> dict[str, object]:
    """The settings of the simulator; of several markers the nearest one wins."""
    given = _given(item)
    return {name: given[name] for name in OF_THE_SIMULATOR if name in given}


def etiquette(item: pytest.Item) -> str:
    """``off``, ``warn`` or ``error``: as the marker says, else as the options do."""
    chosen = _given(item).get("etiquette", options.etiquette(item.config))
    if chosen not in options.ETIQUETTE:
        known = ", ".join(options.ETIQUETTE)
        refuse(f"@pytest.mark.wanx: etiquette cannot be {chosen!r}; known: {known}")
    return str(chosen)


def _given(item: pytest.Item) -> dict[str, object]:
    given: dict[str, object] = {}
    for marker in reversed(list(item.iter_markers("wanx"))):
        if marker.args or not set(marker.kwargs) <= set(_KNOWN):
            wrong = ", ".join([*map(repr, marker.args), *sorted({*marker.kwargs} - {*_KNOWN})])
            refuse(f"@pytest.mark.wanx does not take {wrong}; known: {', '.join(_KNOWN)}")
        given |= marker.kwargs
    return given


def refuse(why: str) -> NoReturn:
    """Let a test end in an error of one line: a traceback through our code would help nobody."""
    raise pytest.fail.Exception(why, pytrace=False) from None
