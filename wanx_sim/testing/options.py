"""The command-line and ini options of the pytest plugin."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pytest

ETIQUETTE = ("off", "warn", "error")
MODES = ("none", "once", "new_episodes", "all")


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
        help="fail a test that armed a fault which struck nothing; fail the run for cassettes that "
        "are unused or stale, and for calls of the live service",
    )
    group.addoption(
        "--wanx-record",
        choices=MODES,
        default="none",
        help="what wanx_cassette may ask the live service for (default: none); takes "
        "DASHSCOPE_API_KEY and --wanx-budget",
    )
    group.addoption(
        "--wanx-budget",
        type=_yuan,
        default=Decimal(0),
        metavar="CNY",
        help="what the whole run may spend on recording, at most (default: 0, nothing)",
    )
    group.addoption(
        "--wanx-report",
        metavar="FILE",
        help="write what was replayed, simulated, bought and left unused, as JSON",
    )
    parser.addini("wanx_block_network", "as --wanx-block-network", type="bool", default=False)
    parser.addini("wanx_allow_hosts", "as --wanx-allow-host, one a line", type="linelist")
    parser.addini("wanx_etiquette", "as --wanx-etiquette: off, warn or error", default="off")
    parser.addini(
        "wanx_cassette_dir",
        "the folder of all cassettes, from the root directory (default: beside each test)",
    )
    parser.addini(
        "wanx_max_age", "days after which a cassette is stale (default: never)", default=""
    )


def _yuan(text: str) -> Decimal:
    try:
        amount = Decimal(text.removeprefix("¥"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise ArgumentTypeError(f"{text!r} is no sum in CNY, such as 0.20")
    return amount


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


def mode(config: pytest.Config) -> str:
    """The record mode of tests whose marker does not say one."""
    return str(config.getoption("wanx_record"))


def budget(config: pytest.Config) -> Decimal:
    """CNY that the run may spend on recording."""
    found: Decimal = config.getoption("wanx_budget")
    return found


def report(config: pytest.Config) -> Path | None:
    """Where the report is to be written, if it is wanted."""
    path = config.getoption("wanx_report")
    return Path(path) if path else None


def cassette_dir(config: pytest.Config) -> Path | None:
    """The folder of all cassettes, if there is one."""
    folder = config.getini("wanx_cassette_dir")
    return config.rootpath / folder if folder else None


def max_age(config: pytest.Config) -> timedelta | None:
    """How old a cassette may be where a test does not say it.

    Raises:
        pytest.UsageError: for an ini value that is no number of days.
    """
    days = str(config.getini("wanx_max_age"))
    try:
        return timedelta(days=float(days)) if days else None
    except (ValueError, OverflowError):
        raise pytest.UsageError(f"wanx_max_age cannot be {days!r}: a number of days") from None
