"""Matching: when an asked request is a recorded one, and where it differs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from ..protocol import catalogue, errors, requests
from ..protocol.errors import Refusal
from .redaction import scrubbed

Json = dict[str, Any]
Difference = tuple[str, Any, Any]
"""A field's dotted path, what is recorded there, what was asked; `ABSENT` for nothing."""


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT = _Absent()


def canonical(content: bytes) -> Json:
    """A create request in canonical form: model, input and parameters, defaults filled in.

    Key order and number spelling play no part. A seed that was not given stays absent: the
    service draws one. A model that the catalogue does not know keeps what was sent. Signed links
    lose their signatures, which differ from run to run and are nobody's business.

    Raises:
        Refusal: for a body that is no JSON object.
    """
    body = requests.decode(content)
    try:
        sent = scrubbed(msgspec.json.decode(content, type=Json))
    except (msgspec.DecodeError, RecursionError):
        raise Refusal(errors.INVALID_BODY) from None
    parameters = _defaults(body) | _present(sent.get("parameters"))
    form = {
        "model": body.model,
        "input": _present(sent.get("input")),
        "parameters": {key: parameters[key] for key in sorted(parameters)},
    }
    return {key: _plain(part) for key, part in form.items()}


def _defaults(body: requests.Body) -> Json:
    model = catalogue.load().models.get(body.model or "")
    if model is None:
        return {}
    order = requests.order(msgspec.structs.replace(body, parameters=requests.Parameters()), model)
    names = ("size", "n", "prompt_extend", "watermark")
    return {name: getattr(order, name) for name in names}


def canonical_or_none(content: bytes) -> Json | None:
    """As `canonical`, or None for a body that is none."""
    try:
        return canonical(content)
    except Refusal:
        return None


def _present(part: Any) -> Json:
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


def difference(recorded: Json, asked: Json, *, ignore: Collection[str] = ()) -> list[Difference]:
    """Where two canonical requests differ; a match is an empty list.

    Args:
        recorded: what the cassette holds.
        asked: what came in.
        ignore: dotted paths that play no part, such as ``parameters.seed``.
    """
    have, want = dict(_leaves(recorded)), dict(_leaves(asked))
    paths = [path for path in have | want if path not in ignore]
    triples = [(path, have.get(path, ABSENT), want.get(path, ABSENT)) for path in paths]
    return [triple for triple in triples if triple[1] != triple[2]]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    else:
        yield path, value


def explain(differences: list[Difference]) -> str:
    """Differences as lines to read."""
    width = max((len(path) for path, _, _ in differences), default=0)
    return "\n".join(
        f"  {path:<{width}}  recorded {have!r}, asked {want!r}" for path, have, want in differences
    )
