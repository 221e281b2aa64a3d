"""Files that other tools wrote, or an enemy: read within limits, as data and nothing else."""

from __future__ import annotations

import re
import stat
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from ...errors import CassetteError
from .. import files, pictures

LARGEST = 256 * 2**20
"""Bytes of a file that are read, and of what its bodies are when unpacked."""

_MEGABYTE = 2**20
_DEEPEST = 64
_MOST_VALUES = 1_000_000
_TAG = "tag:yaml.org,2002:"
_TAGS = {"!", *(f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "binary"))}
_TAGS |= {f"{_TAG}seq", f"{_TAG}map"}


def content(path: Path) -> bytes:
    """The bytes of a file; raises `CassetteError` for one that is too large, or is none."""
    try:
        found = path.stat()
    except OSError as error:
        raise CassetteError(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise CassetteError(f"cannot read {path}: it is no file")
    if found.st_size > LARGEST:
        raise CassetteError(
            f"{path} has {found.st_size // _MEGABYTE} MB, and at most {LARGEST // _MEGABYTE} MB "
            "are read: split it, or save it without what is not of this API"
        )
    return files.read(path).removeprefix(b"\xef\xbb\xbf")


def json(content: bytes, name: object) -> Any:
    """What a JSON document holds; raises `CassetteError`."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CassetteError(f"{name} is no JSON that can be read: {error}") from error


# --- YAML -----------------------------------------------------------------------------------------


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


def yaml(content: bytes, name: object) -> Any:
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
        if values > _MOST_VALUES or size > LARGEST:
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


# --- bodies ---------------------------------------------------------------------------------------


class Bodies:
    """The bodies of one file: undoes what they were packed in, within a limit for all of them."""

    def __init__(self) -> None:
        self._left = LARGEST

    def unpacked(self, body: bytes, encoding: str, where: str) -> bytes | None:
        """A body without its content encoding; None for one that is not known here."""
        encoding = encoding.strip().lower()
        if encoding in ("", "identity"):
            return bounded(body, where)
        if encoding in ("gzip", "x-gzip"):
            # What does not begin as gzip does was unpacked by the tool that wrote it down.
            return self._inflated(body, 31, where) if body[:2] == b"\x1f\x8b" else body
        if encoding == "deflate":
            return self._inflated(body, 15 if body[:1] == b"\x78" else -15, where)
        return None

    def _inflated(self, body: bytes, window: int, where: str) -> bytes:
        most = min(self._left, pictures.LARGEST)
        unpacker = zlib.decompressobj(window)
        try:
            found = unpacker.decompress(body, most + 1)
        except zlib.error as error:
            raise CassetteError(f"{where}: its body cannot be unpacked ({error})") from error
        if len(found) > most:
            raise _too_large(where)
        if not unpacker.eof:
            raise CassetteError(f"{where}: its body cannot be unpacked, for it is cut off")
        self._left -= len(found)
        return found


def bounded(body: bytes, where: str) -> bytes:
    """A body, if it is no larger than a picture may be; raises `CassetteError`."""
    if len(body) > pictures.LARGEST:
        raise _too_large(where)
    return body


def _too_large(where: str) -> CassetteError:
    most = pictures.LARGEST // _MEGABYTE
    return CassetteError(f"{where}: its body has more than {most} MB, and no picture has")
