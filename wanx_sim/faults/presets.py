"""Situations by name: what users of the real service met, ready to be switched on."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec

from ..protocol.behaviour import Tag
from .fault import Fault


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """One situation."""

    name: str
    what: str
    """What happens, in a sentence."""
    tag: Tag
    """How we know that the service does so."""
    evidence: str
    faults: tuple[Fault, ...]


@cache
def presets() -> Mapping[str, Preset]:
    """All presets by name, in the order of ``wanx-sim faults``."""
    from .tables import read  # noqa: PLC0415 - a table may name a preset

    text = Path(__file__).with_name("presets.toml").read_text("utf-8")
    found = {}
    for entry in tomllib.loads(text)["preset"]:
        faults = tuple(fault for table in entry.pop("faults") for fault in read(table))
        found[entry["name"]] = Preset(**entry, faults=faults)
    return MappingProxyType(found)


def find(name: str) -> Preset:
    """The preset of a name; raises ValueError with the nearest names if there is none."""
    known = presets()
    if name not in known:
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise ValueError(f"no fault is called {name!r}; {hint}`wanx-sim faults` lists them")
    return known[name]
