"""Faults as tables: one model for TOML files and JSON bodies.

A table has the fields of `Fault`, or the name of a preset and what is to be changed in it::

    [[fault]]
    on = "query"
    code = "Throttling.RateQuota"
    times = "always"

    [[fault]]
    preset = "lost-response"
    model = "wan2.5-t2i-preview"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import msgspec

from .fault import Fault

_ALWAYS = "always"
"""TOML has no null; in both languages this means ``times=None``."""


def read(table: object) -> tuple[Fault, ...]:
    """The faults of one table: one, or those of the preset that it names.

    Raises:
        ValueError: naming the field that is wrong.
    """
    if not isinstance(table, Mapping):
        raise ValueError("a fault is a table of its fields")  # noqa: TRY004 - wrong input, as any
    fields = dict(table)
    if fields.get("times") == _ALWAYS:
        fields["times"] = None
    name = fields.pop("preset", None)
    if name is None:
        return (_fault(fields),)
    if not isinstance(name, str):
        raise ValueError("preset: a name, as `wanx-sim faults` lists them")  # noqa: TRY004
    return tuple(_fault(msgspec.to_builtins(fault) | fields) for fault in Fault.preset(name))


def _fault(fields: dict[str, object]) -> Fault:
    try:
        return msgspec.convert(fields, Fault)
    except msgspec.ValidationError as error:
        raise ValueError(_in_words(str(error))) from None


def _in_words(problem: str) -> str:
    """The message of msgspec with the field in front."""
    says, _, path = problem.partition(" - at `$.")
    says = says[:1].lower() + says[1:]
    if path:
        return f"{path.rstrip('`')}: {says}"
    if "unknown field" in says:
        return f"{says}; known: preset, {', '.join(Fault.__struct_fields__)}"
    return says


def load(path: str | PathLike[str]) -> tuple[Fault, ...]:
    """The faults of a TOML file: its ``[[fault]]`` tables.

    Raises:
        ValueError: naming the file, the entry (counted from 1) and the field that is wrong.
    """
    try:
        document = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: is no TOML: {error}") from None
    tables = document.pop("fault", [])
    if document or not isinstance(tables, list):
        wrong = ", ".join(document) or "fault"
        raise ValueError(f"{path}: {wrong}: a file of faults holds [[fault]] tables and no other")
    entries = (_entry(path, place, table) for place, table in enumerate(tables, 1))
    return tuple(fault for entry in entries for fault in entry)


def _entry(path: str | PathLike[str], place: int, table: object) -> tuple[Fault, ...]:
    try:
        return read(table)
    except ValueError as error:
        raise ValueError(f"{path}: fault {place}: {error}") from None
