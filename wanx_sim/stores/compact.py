"""A task in as few bytes as a store in memory wants.

Ids are binary, and the task's own only in its key. What hundreds of thousands of tasks have in
common (whose they are, the model and its price) is written once.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import msgspec

from ..protocol.catalogue import Region
from ..protocol.lifecycle import Plan
from ..protocol.requests import Order
from ..protocol.task import Task

Key = bytes | str
"""An id: the 16 bytes of a UUID that is written as usual, anything else as it is."""

_UUID = 36


class _Kind(NamedTuple):
    """What many tasks have in common."""

    region: Region
    account: str
    price: Decimal
    model: str
    prompt_limit: int
    prompt_extend: bool
    watermark: bool
    only_links: bool
    no_metrics: bool


class _Record(msgspec.Struct, frozen=True, array_like=True):
    """What is a task's own."""

    kind: int
    request: bytes  # the key of its request's id, if that is a UUID
    request_name: str  # if not
    prompt: str
    negative_prompt: str | None
    width: int
    height: int
    n: int
    asked_seed: int | None
    seed: int
    plan: Plan
    links_cut: bool


class Codec:
    """Tasks to bytes and back; what one has written only the same one can read."""

    def __init__(self) -> None:
        self._kinds: list[_Kind] = []
        self._places: dict[_Kind, int] = {}
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(_Record).decode

    def _place(self, kind: _Kind) -> int:
        place = self._places.get(kind)
        if place is None:
            place = self._places[kind] = len(self._kinds)
            self._kinds.append(kind)
        return place

    def encode(self, task: Task) -> bytes:
        """A task without its id."""
        order, request = task.order, key(task.request_id)
        kind = _Kind(
            task.region,
            task.account,
            task.price,
            order.model,
            order.prompt_limit,
            order.prompt_extend,
            order.watermark,
            order.only_links,
            order.no_metrics,
        )
        record = _Record(
            self._place(kind),
            *((b"", request) if isinstance(request, str) else (request, "")),
            order.prompt,
            order.negative_prompt,
            order.width,
            order.height,
            order.n,
            order.seed,
            task.seed,
            task.plan,
            task.links_cut,
        )
        return self._encode(record)

    def decode(self, task_key: Key, content: bytes | memoryview) -> Task:
        """The task under a key."""
        record = self._decode(content)
        kind = self._kinds[record.kind]
        order = Order(
            model=kind.model,
            prompt=record.prompt,
            prompt_limit=kind.prompt_limit,
            width=record.width,
            height=record.height,
            n=record.n,
            prompt_extend=kind.prompt_extend,
            watermark=kind.watermark,
            seed=record.asked_seed,
            negative_prompt=record.negative_prompt,
            only_links=kind.only_links,
            no_metrics=kind.no_metrics,
        )
        return Task(
            task_id=name_of(task_key),
            request_id=name_of(record.request or record.request_name),
            region=kind.region,
            order=order,
            seed=record.seed,
            plan=record.plan,
            price=kind.price,
            account=kind.account,
            links_cut=record.links_cut,
        )


def key(name: str) -> Key:
    """The key of an id."""
    if len(name) != _UUID or not name[8] == name[13] == name[18] == name[23] == "-":
        return name
    digits = name.replace("-", "")
    try:
        short = bytes.fromhex(digits)
    except ValueError:
        return name
    return short if short.hex() == digits else name  # not if there are capitals


def name_of(key: Key) -> str:
    """The id of a key."""
    if isinstance(key, str):
        return key
    text = key.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
