"""Faults: errors that the real service shows now and then, switched on by a test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Literal, get_args

import msgspec

from .protocol import errors

Operation = Literal["create", "query", "list", "cancel", "image"]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault: which requests it strikes, what they get, and how often.

    Use it with `Simulator.faults`, or the ``faults`` of the constructor and the pytest marker.

    Args:
        on: the operation it strikes: create, query, list, cancel or image.
        code: the error the service answers with, one of its own codes.
        lost_response: the request is carried out (a create is accepted and billed), then the
            connection breaks where the answer should come.
        times: how many requests it strikes (default 1); None strikes every one.
        model: only requests for this model.
        prompt: only prompts that contain this text.

    Raises:
        ValueError: for an operation or a code that does not exist, or a fault that does nothing.

    Example:
        ```python
        sim.faults.add(Fault(on="create", code="Throttling.RateQuota", times=2))
        ```
    """

    on: Operation
    code: str | None = None
    lost_response: bool = False
    times: int | None = 1
    model: str | None = None
    prompt: str | None = None

    def __post_init__(self) -> None:
        if self.on not in get_args(Operation):
            known = ", ".join(get_args(Operation))
            raise ValueError(f"a fault cannot strike on {self.on!r}; known: {known}")
        if self.code is not None:
            errors.by_code(self.code)
        if (self.code is None) == (not self.lost_response):
            raise ValueError("a fault does one thing: give it either code= or lost_response=True")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times must be 1 or more, or None for always, not {self.times}")

    def strikes(self, operation: str, model: str, prompt: str) -> bool:
        """Whether it is meant for such a request."""
        return (
            self.on == operation
            and self.model in (None, model)
            and (self.prompt is None or self.prompt in prompt)
        )


class Faults:
    """The faults that are armed, in the order in which they were added."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._armed: list[tuple[Fault, int]] = []
        self._lock = Lock()
        for fault in faults:
            self.add(fault)

    def __iter__(self) -> Iterator[Fault]:
        return iter([fault for fault, _ in self._armed])

    def __len__(self) -> int:
        return len(self._armed)

    def __repr__(self) -> str:
        return f"<Faults {list(self)!r}>"

    def add(self, fault: Fault) -> None:
        """Arm a fault, behind those already armed."""
        with self._lock:
            self._armed.append((fault, 0))

    def clear(self) -> None:
        """Disarm all."""
        with self._lock:
            self._armed.clear()

    def strike(self, operation: str, *, model: str = "", prompt: str = "") -> Fault | None:
        """The first armed fault that is meant for a request, counted as used."""
        with self._lock:
            for place, (fault, used) in enumerate(self._armed):
                if fault.strikes(operation, model, prompt):
                    if fault.times is not None and used + 1 >= fault.times:
                        del self._armed[place]
                    else:
                        self._armed[place] = fault, used + 1
                    return fault
        return None
