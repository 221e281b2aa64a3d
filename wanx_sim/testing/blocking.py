"""The guard of the network for a whole run of pytest: ``--wanx-block-network``."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from ..errors import NetworkBlockedError
from . import options
from .network import blocked
from .troubles import running, troubles_of


def start(config: pytest.Config) -> None:
    """Refuse connections to other machines until the run is over."""
    stack = ExitStack()
    stack.enter_context(blocked(options.allowed_hosts(config), _note))
    config.add_cleanup(stack.close)


def _note(error: NetworkBlockedError) -> None:
    """An application may swallow the error; its test fails all the same."""
    if item := running():
        troubles_of(item).add(str(error))
