"""The simulators of a test: how they are made, and what is looked at when it is over."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from ..clock import ManualClock
from ..errors import WanxEtiquetteWarning
from ..simulator import Simulator
from . import marker, options, unused
from .tally import tally_of
from .troubles import failed, troubles_of


@contextmanager
def simulator(item: pytest.Item) -> Iterator[Simulator]:
    """The simulator of a test, which catches what httpx sends to the real hosts."""
    manners = marker.etiquette(item)
    try:
        sim = Simulator(clock=ManualClock(), **marker.settings(item))  # type: ignore[arg-type]
    except ValueError as error:
        marker.refuse(f"@pytest.mark.wanx: {error}")
    with closing(sim):
        try:
            with sim.intercept():
                yield sim
        finally:
            tally_of(item)["simulated"] += sim.ledger.tasks
        look_back(item, sim, manners)


@contextmanager
def session(item: pytest.Item, shared: Simulator, name: str) -> Iterator[Simulator]:
    """A session of a shared simulator for one test, with the settings of its marker."""
    manners = marker.etiquette(item)
    sim = shared.session(name)
    settings = marker.settings(item)
    faults = settings.pop("faults", ())
    try:
        for setting, value in settings.items():
            setattr(sim, setting, value)
        sim.reset()  # the generators begin at the seed
        sim.faults.add(*(faults if isinstance(faults, list | tuple) else (faults,)))
    except ValueError as error:
        marker.refuse(f"@pytest.mark.wanx: {error}")
    try:
        yield sim
        look_back(item, sim, manners)
    finally:
        tally_of(item)["simulated"] += sim.ledger.tasks
        del shared.sessions[name]


def look_back(item: pytest.Item, sim: Simulator, manners: str) -> None:
    """See whether all that was armed was used, and how the application behaved.

    Not for a test that failed: it may not have come so far.
    """
    if failed(item):
        return
    if left := sim.faults.unused:
        unused.note(item, left)
        if options.strict(item.config):
            troubles_of(item).add(unused.message(left))
    findings = sim.check_etiquette() if manners != "off" else []
    for finding in findings if manners == "warn" else []:
        _warn(item, str(finding))
    if findings and manners == "error":
        entries = [entry for finding in findings for entry in finding.entries]
        text = "\n".join(["poll etiquette", *map(str, findings), "", sim.requests.table(entries)])
        troubles_of(item).add(text)


def _warn(item: pytest.Item, text: str) -> None:
    """Warn at the test: a line of ours would help nobody."""
    path, line, _ = item.location
    warnings.warn_explicit(WanxEtiquetteWarning(text), None, path, (line or 0) + 1)
