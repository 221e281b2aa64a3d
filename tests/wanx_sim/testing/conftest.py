"""A simulator and virtual time on its clock."""

from __future__ import annotations

import pytest

from wanx_sim import ManualClock
from wanx_sim.testing.virtual_time import virtual_time


@pytest.fixture
def clock():
    """One that begins at zero, so that what it says is what was slept."""
    return ManualClock(0)


@pytest.fixture
def virtual(clock):
    with virtual_time(clock) as virtual:
        yield virtual
