"""Who calls: the application under test, or the machinery around it?

pytest, the server of `wanx_server`, an event loop's own library: they sleep in this process too,
and a second that pytest-xdist waits for its workers is not one that an application waits for.
"""

from __future__ import annotations

import sys
from functools import cache

_MACHINERY = {
    "_pytest", "pytest", "pluggy", "xdist", "execnet", "coverage", "debugpy", "pydevd",
    "_pydevd_bundle", "wanx_sim", "respx", "uvicorn", "uvloop", "anyio", "trio",
}  # fmt: skip

_CARRIERS = {"asyncio", "concurrent", "contextlib", "functools", "sched", "threading", "unittest"}
"""Parts of the standard library that call what they were given, and never sleep of their own."""

_CARRIERS_OF_THREADS = {"anyio", "trio"}
"""Machinery whose threads call what they were given; none of it ever calls time.sleep itself."""

_NETWORK = {
    "aiohappyeyeballs", "aiohttp", "aiosignal", "async_timeout", "asyncpg", "grpc", "httpcore",
    "httpcore2", "httpx", "httpx2", "redis", "requests", "urllib3", "websocket", "websockets",
}  # fmt: skip
"""Libraries whose deadlines guard a real network."""


@cache
def is_machinery(module: str) -> bool:
    """Whether a module sleeps for real."""
    package = module.partition(".")[0]
    if package in _MACHINERY or package.startswith("pytest_"):
        return True
    return package in sys.stdlib_module_names and package not in _CARRIERS


@cache
def blocks_for_real(module: str) -> bool:
    """Whether a module that calls `time.sleep` sleeps for real."""
    return is_machinery(module) and module.partition(".")[0] not in _CARRIERS_OF_THREADS


@cache
def is_network(module: str) -> bool:
    """Whether a module's deadlines stay real, although its sleeps do not."""
    return module.partition(".")[0] in _NETWORK or is_machinery(module)


@cache
def holds_references(module: str) -> bool:
    """Whether a module's references are the application's: its own, or where it looks them up."""
    if module in ("time", "asyncio", "anyio", "trio"):
        return True
    return module.partition(".")[0] not in sys.stdlib_module_names and not is_machinery(module)


def caller(depth: int) -> str:
    """The module of the function so many calls above the one that asks."""
    name: str = sys._getframe(depth + 1).f_globals.get("__name__", "")  # noqa: SLF001 - cheap
    return name
