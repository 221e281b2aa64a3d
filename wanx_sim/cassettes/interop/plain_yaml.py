"""YAML as data and nothing else: no tags of any language, and no more of it than may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

from ...errors import CassetteError
from . import reading

_DEEPEST = 64
_MOST_VALUES = 1_000_000
_TAG = "tag:yaml.org,2002:"
_TAGS = {"!", *(f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "binary"))}
_TAGS |= {f"{_TAG}seq", f"{_TAG}map"}


class Plain(str):
    """A YAML scalar without quotes: what it means, its place says.

    vcrpy writes YAML 1.1 and cassetter 1.2, in which the same scalar may be a text or a number.
    """

    __slots__ = ()


_NULL = ("", "~", "null", "Null", "NULL")
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_LONGEST_INT = 4300  # digits; Python reads no more
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)


def library() -> ModuleType:
    """PyYAML; raises `CassetteError` where it is missing."""
    try:
        import yaml  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise CassetteError(
            f"VCR files need a package more ({error}): pip install 'wanx-kit[interop]'"
        ) from error
    return yaml


def load(content: bytes, name: object) -> Any:
    """What a YAML document holds: mappings, lists, bytes, texts and `Plain` scalars.

    Raises:
        CassetteError: for what is no YAML, or is more than data: tags of any language, more depth
            than a recording has, aliases that make much of little.
    """
    module = library()
    loader = _loader()
    try:
        _inspect(module, content, loader, name)
        found = module.load(content, Loader=loader)
    except module.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise CassetteError(f"{name} is no YAML that can be read: {error.problem}{line}") from error
    except (module.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise CassetteError(f"{name} is no YAML that can be read") from error
    _weigh(found, name)
    return found


@cache
def _loader() -> Any:
    """PyYAML's safe loader, but that it leaves unquoted scalars as they are."""
    module = library()
    safe = getattr(module, "CSafeLoader", module.SafeLoader)
    plain = "!plain"
    made = type("_Loader", (safe,), {"yaml_implicit_resolvers": {None: [(plain, re.compile(""))]}})
    for tag in (plain, *(f"{_TAG}{name}" for name in ("int", "float", "bool", "null"))):
        made.add_constructor(tag, lambda _loader, node: Plain(node.value))  # type: ignore[attr-defined]
    made.add_constructor(f"{_TAG}map", _mapping)  # type: ignore[attr-defined]
    return made


def _mapping(loader: Any, node: Any) -> Iterator[dict[str, Any]]:
    """A mapping by texts, without the merge keys of YAML 1.1: `<<` is a key as any other."""
    made: dict[str, Any] = {}
    yield made
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            says = "a key that is no text"
            raise library().constructor.ConstructorError(None, None, says, key_node.start_mark)
        made[str(key)] = loader.construct_object(value_node)


def _inspect(module: ModuleType, content: bytes, loader: Any, name: object) -> None:
    """Look at a document before anything is made of it: the C loader has no limit of its own."""
    depth = 0
    for event in module.parse(content, Loader=loader):
        tag = getattr(event, "tag", None)
        if tag is not None and tag not in _TAGS:
            raise CassetteError(f"{name} holds the tag {tag[:80]!r}: only plain data is read")
        depth += isinstance(event, module.CollectionStartEvent)
        depth -= isinstance(event, module.CollectionEndEvent)
        if depth > _DEEPEST:
            raise CassetteError(f"{name} is nested deeper than {_DEEPEST} levels")


def _weigh(value: Any, name: object) -> None:
    """Refuse what is small as a file and large, or endless, once its aliases are followed."""
    waiting, values, size = [value], 0, 0
    while waiting:
        item = waiting.pop()
        values += 1
        if isinstance(item, (str, bytes)):
            size += len(item)
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        if values > _MOST_VALUES or size > reading.LARGEST:
            raise CassetteError(f"{name} holds more than it may once its aliases are followed")


def is_null(value: object) -> bool:
    """Whether a value is nothing, as YAML spells it."""
    return value is None or (isinstance(value, Plain) and value in _NULL)


def resolved(value: Any) -> Any:
    """A value of JSON: its unquoted scalars mean what YAML 1.2's core schema says."""
    if isinstance(value, dict):
        return {key: resolved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item) for item in value]
    return _scalar(value) if isinstance(value, Plain) else value


def _scalar(text: Plain) -> Any:
    if text in _NULL:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if _INT.fullmatch(text):
        return int(text) if len(text) <= _LONGEST_INT else str(text)
    return float(text) if _FLOAT.fullmatch(text) else str(text)
