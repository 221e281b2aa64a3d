"""The command-line and ini options of the pytest plugin."""

from __future__ import annotations

import pytest

ETIQUETTE = ("off", "warn", "error")


def add(parser: pytest.Parser) -> None:
    """Declare them."""
    group = parser.getgroup("wanx", "wanx: 通义万相 without waiting, paying or being online")
    group.addoption(
        "--wanx-block-network",
        action="store_true",
        help="refuse connections to other machines, and fail the test that tries one",
    )
    group.addoption(
        "--wanx-allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a host that may be reached all the same; may be given more than once",
    )
    group.addoption(
        "--wanx-etiquette",
        choices=ETIQUETTE,
        help="what to do about an application that polls as the service would not forgive "
        "(default: off)",
    )
    group.addoption(
        "--wanx-strict",
        action="store_true",
        help="fail a test that armed a fault which struck nothing",
    )
    parser.addini("wanx_block_network", "as --wanx-block-network", type="bool", default=False)
    parser.addini("wanx_allow_hosts", "as --wanx-allow-host, one a line", type="linelist")
    parser.addini("wanx_etiquette", "as --wanx-etiquette: off, warn or error", default="off")


def blocks_network(config: pytest.Config) -> bool:
    """Whether connections to other machines are refused."""
    return bool(config.getoption("wanx_block_network") or config.getini("wanx_block_network"))


def allowed_hosts(config: pytest.Config) -> list[str]:
    """The hosts that may be reached all the same."""
    return [*config.getoption("wanx_allow_host"), *config.getini("wanx_allow_hosts")]


def etiquette(config: pytest.Config) -> str:
    """What to do about bad manners where a test does not say it.

    Raises:
        pytest.UsageError: for an ini value that does not exist.
    """
    chosen = str(config.getoption("wanx_etiquette") or config.getini("wanx_etiquette"))
    if chosen not in ETIQUETTE:
        known = ", ".join(ETIQUETTE)
        raise pytest.UsageError(f"wanx_etiquette cannot be {chosen!r}; known: {known}")
    return chosen


def strict(config: pytest.Config) -> bool:
    """Whether what is only odd fails a test."""
    return bool(config.getoption("wanx_strict"))
