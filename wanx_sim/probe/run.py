"""The ``wanx-sim probe`` command: ask, tell, write the report."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from ..clock import Clock
from ..errors import UpstreamError, WanxSimError
from ..protocol.catalogue import API_HOSTS, Region
from ..upstream import Upstream
from .asking import Finding, Probe, Verdict, ask_all, behaviours, report

_MARKS: dict[Verdict, str] = {
    "agrees": "[green]✓ agrees [/]",
    "differs": "[yellow]✗ differs[/]",
    "unknown": "[dim]? unknown[/]",
}


def run(url: str, region: str | None, spend: float | None, path: Path | None) -> None:
    """Probe a live service.

    Raises:
        WanxSimError: without a key, if nothing was answered, or if the report cannot be written.
        BudgetExceededError: if the cheapest picture costs more than may be spent.
    """
    key = os.environ.get("DASHSCOPE_API_KEY", "").strip()
    if not key:
        raise WanxSimError("a probe needs a key of the live service: set DASHSCOPE_API_KEY")
    console = Console(highlight=False, soft_wrap=True)
    upstream = Upstream(url)
    try:
        place = Region(region) if region else API_HOSTS.get(upstream.host, Region.BEIJING)
        probe = Probe(upstream, upstream.host, key, place, scheme=upstream.scheme)
        found = ask_all(probe, lambda finding: _tell(console, finding))
        if all(finding.verdict == "unknown" for finding in found):
            raise UpstreamError(f"{url} answered nothing: is it the service's address?")
        if spend is not None:
            bought = probe.buy(Decimal(str(spend)), Clock())
            for finding in bought:
                _tell(console, finding)
            found += bought
    finally:
        upstream.close()
    _close(console, url, found, path)


def _tell(console: Console, finding: Finding) -> None:
    console.print(f"{_MARKS[finding.verdict]} {finding.name:<22} [dim]{escape(finding.tells)}[/]")
    for field, live, ours in finding.differences:
        console.print(f"            {escape(f'{field}: live {live}, ours {ours}')}")


def _counted(verdicts: list[Verdict]) -> str:
    return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in _MARKS)


def _close(console: Console, url: str, found: list[Finding], path: Path | None) -> None:
    console.print(f"\nanswers: {_counted([one.verdict for one in found])}\n")
    verdicts = behaviours(found)
    for key, verdict in verdicts.items():
        if verdict != "unknown":
            console.print(f"{_MARKS[verdict]} {key}")
    console.print(
        f"\nbehaviours: {_counted(list(verdicts.values()))}, for nothing asked bears on them"
    )
    if path is None:
        return
    try:
        path.write_bytes(report(url, found))
    except OSError as error:
        raise WanxSimError(f"cannot write the report {path}: {error.strerror}") from error
    console.print(f"the report is in {path}")
