"""Matching: when an asked request is a recorded one, and where it differs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from typing import Any

import msgspec

from ..protocol import catalogue, requests
from ..protocol.errors import Refusal
from ..protocol.routes import Operation
from ..wire import Request
from .redaction import hashed, is_hashed, masked, scrubbed

Json = dict[str, Any]
Difference = tuple[str, Any, Any]
"""A field's dotted path, what is recorded there, what was asked; `ABSENT` for nothing."""

_PROMPTS = ("prompt", "negative_prompt")
_DEFAULTS = ("size", "n", "prompt_extend", "watermark")

_KEPT, _SHORT = 512, 4096
"""How many canonical forms are kept, and the longest body, in bytes, whose form is."""


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT = _Absent()


class _Sent(msgspec.Struct):
    model: object = None
    input: Json | None = None
    parameters: Json | None = None


_json = msgspec.json.Decoder(Json)


# --- the canonical form ---------------------------------------------------------------------------


def asked(request: Request, operation: Operation) -> Json:
    """The canonical form of a request of any operation: what it is matched by."""
    if operation == "create":
        form = canonical(request.body)
        synchronous = request.headers.get("x-dashscope-async", "").lower() != "enable"
        return form | {"synchronous": True} if synchronous else form
    path = request.decoded_path.rstrip("/")
    form = {"method": request.method, "path": path, "query": _plain(request.parameters)}
    return dict(masked(form))


def canonical(content: bytes) -> Json:
    """The canonical form of a create's body: model, input and parameters, defaults filled in.

    Key order and number spelling play no part. A seed that was not given stays absent: the
    service draws one. A model that the catalogue does not know keeps what was sent. Signed links
    lose their signatures, which differ from run to run and are nobody's business. A body that is
    no create request has the hash of its bytes for a form.

    Equal bytes, if they are few, have the same object for a form: it is for reading only.
    """
    return _kept(content) if len(content) <= _SHORT else _canonical(content)


def _canonical(content: bytes) -> Json:
    try:
        sent = msgspec.convert(_json.decode(content), _Sent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"malformed": sha256(content).hexdigest()}
    parameters = _defaults(content) | _present(sent.parameters)
    form = {"model": sent.model, "input": _present(sent.input), "parameters": parameters}
    if b"?" in content or b"\\" in content:  # else there is no query, not even an escaped one
        form = scrubbed(form)
    return {key: _plain(part) for key, part in form.items()}


_kept = lru_cache(_KEPT)(_canonical)


def _defaults(content: bytes) -> Json:
    try:
        body = requests.decode(content)
    except Refusal:  # its types are wrong: what was sent is all there is to say
        return {}
    return _defaults_of(body.model or "")


@lru_cache(64)
def _defaults_of(name: str) -> Json:
    model = catalogue.load().models.get(name)
    if model is None:
        return {}
    order = requests.order(requests.Body(), model)
    return {name: getattr(order, name) for name in _DEFAULTS}


def _present(part: Json | None) -> Json:
    return {key: value for key, value in (part or {}).items() if value is not None}


def _plain(value: Any) -> Any:
    """Keys in order, and whole floats as integers: 1.0 is 1."""
    if isinstance(value, dict):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


# --- hashed prompts -------------------------------------------------------------------------------


def without_prompts(form: Json) -> Json:
    """A canonical form whose prompts are hashed; it matches the same requests."""
    given = form.get("input")
    if not isinstance(given, dict):
        return form
    prompts = {name: given[name] for name in _PROMPTS if isinstance(given.get(name), str)}
    hidden = {name: text if is_hashed(text) else hashed(text) for name, text in prompts.items()}
    return form | {"input": given | hidden}


# --- matching and explaining ----------------------------------------------------------------------


def difference(recorded: Json, asked: Json, *, ignore: Collection[str] = ()) -> list[Difference]:
    """Where two canonical requests differ; a match is an empty list.

    Args:
        recorded: what the cassette holds. Its prompts may be hashed.
        asked: what came in.
        ignore: fields that play no part, by their dotted path or its last part: ``seed`` is
            ``parameters.seed``.
    """
    have, want = dict(leaves(recorded)), dict(leaves(asked))
    paths = [path for path in have | want if not ignored(path, ignore)]
    triples = [(path, have.get(path, ABSENT), want.get(path, ABSENT)) for path in paths]
    return [(path, one, other) for path, one, other in triples if not _same(one, other)]


def _same(recorded: Any, asked: Any) -> bool:
    if is_hashed(recorded) and isinstance(asked, str):
        return recorded in (asked, hashed(asked))
    if recorded is ABSENT or asked is ABSENT:
        return False
    # As JSON: to Python, true is 1.
    return msgspec.json.encode(_plain(recorded)) == msgspec.json.encode(_plain(asked))


def ignored(path: str, ignore: Collection[str]) -> bool:
    """Whether a field plays no part."""
    return path in ignore or path.rpartition(".")[2] in ignore


def fingerprint(form: Json, ignore: Collection[str] = ()) -> bytes:
    """The same for two forms without a difference, so that a match can be looked up."""
    counted = [leaf for leaf in leaves(_plain(form)) if not (ignore and ignored(leaf[0], ignore))]
    return msgspec.json.encode(sorted(counted, key=itemgetter(0)))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a JSON object that are no objects, each with its dotted path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    else:
        yield path, value


def explain(differences: list[Difference]) -> str:
    """Differences as lines to read."""
    width = max((len(path) for path, _, _ in differences), default=0)
    return "\n".join(
        f"  {path:<{width}}  recorded {have!r}, asked {want!r}" for path, have, want in differences
    )
