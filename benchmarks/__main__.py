"""The command: ``python -m benchmarks``, or ``make bench``."""

from __future__ import annotations

import json
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from compileall import compile_dir
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from .harness import table
from .harness.bench import Bench, CommandError
from .harness.machine import describe, load_average
from .harness.peers import Absent, Peers
from .harness.processes import ROOT, WorkerError
from .harness.rows import Result
from .plot import plotted
from .rows import GROUPS

_PEERS = Path(__file__).parent / ".peers"


@click.command()
@click.argument("rows", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.json",
    help="Write what was found as JSON, and the table and the plot beside it.",
)
@click.option("--quick", is_flag=True, help="One round and small numbers: to see that all works.")
@click.option("--rounds", type=click.IntRange(1), help="Rounds of a row at most.")
@click.option(
    "--peers",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=_PEERS,
    metavar="FOLDER",
    help="Where the peers are installed. Default: benchmarks/.peers.",
)
@click.option("--install/--no-install", default=True, help="Install the peers that are missing.")
@click.option("--list", "listing", is_flag=True, help="List the rows by group, and stop.")
def main(
    rows: tuple[str, ...],
    output: Path | None,
    quick: bool,
    rounds: int | None,
    folder: Path,
    install: bool,
    listing: bool,
) -> None:
    """Measure ROWS (names of rows or of groups, separated by spaces or commas; default all)."""
    if listing:
        _list()
        return
    wanted = _wanted(rows)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers and files go then, too
    load, started = load_average(), time.monotonic()

    def tell(text: str) -> None:
        click.echo(f"[{time.monotonic() - started:5.0f} s] {text}", err=True)

    _compile()
    peers = Peers(folder)
    if install:
        peers.install(tell)
    machine = describe(peers.versions(), load)
    _say(machine.lines())
    with TemporaryDirectory(prefix="bench") as temporary:
        bench = Bench(
            wanted=wanted, folder=Path(temporary), peers=peers, quick=quick, limit=rounds, tell=tell
        )
        results = [result for group in GROUPS for result in measured(bench, group)]
    _say(["", table.text(results), "", table.summary(results)])
    if quick:
        _say(["this was a quick run: it shows that all works, and its figures mean nothing"])
    if output:
        run = {"taken": datetime.now(UTC).isoformat(timespec="seconds"), "quick": quick}
        run |= {"seconds": round(time.monotonic() - started), "curves": bench.curves}
        for written in _write(output, table.document(results, machine, run), results, peers):
            tell(f"written: {written}")


def _compile() -> None:
    """Leave our modules compiled, as pip leaves all that it installs.

    A checkout is compiled when it is first imported, and where PYTHONDONTWRITEBYTECODE is set each
    time anew: that took 70 of the 210 ms in which a server started.
    """
    for package in ("wanx_client", "wanx_sim"):
        compile_dir(ROOT / package, quiet=2)


def measured(bench: Bench, group: str) -> Iterator[Result]:
    """The results of a group's rows that are wanted; a row that cannot be measured says why."""
    rows = [row for row in GROUPS[group].rows if bench.wants(row)]
    if not rows:
        return
    bench.tell(f"--- {group}")
    found: dict[str, Result] = {}
    why = "it was not measured"
    try:
        for result in GROUPS[group].measure(bench):
            found[result.row.name] = result
    except (Absent, WorkerError, CommandError) as trouble:
        why = str(trouble)
        bench.tell(f"{group}: {why}")
    except Exception:  # noqa: BLE001 - one group's trouble must not lose the figures of the others
        why = "it broke off; see the traceback"
        traceback.print_exc()
    for row in rows:
        yield found.get(row.name) or row.skipped(why)


def _wanted(asked: tuple[str, ...]) -> set[str]:
    names = [name for text in asked for name in text.replace(",", " ").split()]
    known = {row.name: {row.name} for group in GROUPS.values() for row in group.rows}
    known |= {name: {row.name for row in group.rows} for name, group in GROUPS.items()}
    for name in names:
        if name not in known:
            raise click.UsageError(f"there is no row {name!r}; see --list")
    return {row for name in names or GROUPS for row in known[name]}


def _list() -> None:
    for name, group in GROUPS.items():
        click.echo(name)
        for row in group.rows:
            against = f", against {row.against}" if row.against else ""
            click.echo(f"  {row.name:<22} {row.work}{against}")


def _say(lines: list[str]) -> None:
    click.echo("\n".join(lines))


def _write(output: Path, document: object, results: list[Result], peers: Peers) -> Iterator[Path]:
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    yield output
    beside = output.with_suffix(".md")
    beside.write_text(table.text(results) + "\n", encoding="utf-8")
    yield beside
    yield from plotted(output, peers)


if __name__ == "__main__":
    sys.exit(main())
