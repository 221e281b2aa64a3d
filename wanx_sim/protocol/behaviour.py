"""A simulated behaviour and how we know it; each module keeps the table of its own.

The tables stand beside what they describe and are collected by `provenance`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Tag = Literal["documented", "observed", "assumed"]
"""How we know: a page of the service, somebody's record of a real answer, or our best guess."""


class Behaviour(msgspec.Struct, frozen=True):
    """One thing that the simulator does as the service does, or is taken to do.

    Args:
        key: its name, dotted, as the tests cite it.
        says: what happens, in one sentence.
        tag: how we know.
        source: the page or the recording; of an assumption, what speaks for it.
    """

    key: str
    says: str
    tag: Tag
    source: str
