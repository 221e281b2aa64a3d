"""The commands that check cassettes and tidy them up: verify, prune, scrub."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import max_age, paths
from .printing import FOUND, as_json_option, complain, many, print_json, printable, say, size

if TYPE_CHECKING:
    from ..cassettes.verifying import Finding


# --- verify ---------------------------------------------------------------------------------------


@click.command()
@paths
@click.option("--drift/--no-drift", default=True, help="Whether the simulator is asked the same.")
@max_age("Warn of what was recorded longer ago.")
@as_json_option
def verify(paths: tuple[Path, ...], drift: bool, max_age: timedelta | None, as_json: bool) -> None:
    """Check cassettes, and ask the simulator.

    Schema, pictures and secrets; and whether it answers in the same shape as the service did.

    Exit status: 1 if there is an error, 0 otherwise, warnings or not.
    """
    findings, count = _verified(paths, with_drift=drift, max_age=max_age)
    if as_json:
        print_json({"cassettes": count, "findings": findings})
    else:
        for finding in findings:
            say(printable(finding))
        _conclude(findings, count)
    if any(finding.level == "error" for finding in findings):
        click.get_current_context().exit(FOUND)


def _verified(paths: tuple[Path, ...], **options: Any) -> tuple[list[Finding], int]:
    from rich.console import Console
    from rich.progress import track

    from ..cassettes.verifying import orphans, verify
    from ..cassettes.walking import cassettes, folders

    files = cassettes(paths)
    console = Console(stderr=True)
    shown = track(
        files, "verifying", console=console, transient=True, disable=not console.is_terminal
    )
    found = [finding for path in shown for finding in verify(path, **options)]
    whole = [path for path in paths if path.is_dir()]
    found += [finding for folder in folders(whole) for finding in orphans(folder)]
    return found, len(files)


def _conclude(findings: list[Finding], count: int) -> None:
    levels = [finding.level for finding in findings]
    errors, warnings = levels.count("error"), levels.count("warning")
    says = f"{many(count, 'cassette')}: {many(errors, 'error')}, {many(warnings, 'warning')}"
    say(f"{says}" if findings else f"{many(count, 'cassette')}: all good")


# --- prune ----------------------------------------------------------------------------------------


@click.command()
@paths
@click.option("--incomplete", is_flag=True, help="Jobs whose end or pictures were not recorded.")
@max_age("What was recorded longer ago.")
@click.option(
    "--unused-from", type=click.Path(path_type=Path, dir_okay=False), metavar="REPORT.json",
    help="The cassettes that a report of pytest --wanx-report says no test used.",
)  # fmt: skip
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be removed; remove nothing.")
@as_json_option
def prune(
    paths: tuple[Path, ...],
    incomplete: bool,
    max_age: timedelta | None,
    unused_from: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove what no cassette needs.

    Pictures that none names, and files left half written; jobs only if told to.

    A picture that another cassette of the folder shows stays.
    """
    from ..cassettes.pruning import Wanted, prune, unused
    from ..cassettes.walking import cassettes, folders

    wanted = Wanted(
        incomplete=incomplete,
        max_age=max_age,
        unused=unused(unused_from) if unused_from else frozenset(),
    )
    named = cassettes(paths)
    found = [
        gone for folder in folders(paths) for gone in prune(folder, named, wanted, dry_run=dry_run)
    ]
    freed = sum(gone.bytes for gone in found)
    cost = sum(gone.price or 0 for gone in found)
    if as_json:
        print_json({"removed": found, "bytes": freed, "price": cost, "dry_run": dry_run})
        return
    for gone in found:
        say(printable(gone))
    jobs = sum(gone.job is not None for gone in found)
    does = "would free" if dry_run else "freed"
    lost = f"; {many(jobs, 'job')}, ¥{cost:.2f} to record again" if jobs else ""
    say(f"{does} {size(freed)} in {many(len(found) - jobs, 'file')}{lost}")


# --- scrub ----------------------------------------------------------------------------------------


@click.command()
@paths
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write there, and leave the file as it is; with one file only.",
)  # fmt: skip
@click.option("--check", is_flag=True, help="Change nothing; exit status 1 if something is found.")
@as_json_option
def scrub(paths: tuple[Path, ...], output: Path | None, check: bool, as_json: bool) -> None:
    """Take the secrets out of files.

    Whatever is shaped like one, in cassettes, HAR, VCR YAML or any other text.

    Of a folder, its cassettes and its .har, .yaml and .yml files.
    """
    from ..cassettes import scrubbing
    from ..errors import CassetteError

    files = scrubbing.files(paths)
    if output and (check or len(files) != 1):
        raise click.UsageError("-o takes one file, and no --check")
    done, failed = [], False
    for path in files:
        try:
            done.append(scrubbing.scrub(path, output, check=check))
        except CassetteError as error:
            complain(error)
            failed = True
    if as_json:
        print_json({"files": done})
    else:
        for one in done:
            say(printable(one))
    if failed or (check and any(one.changed for one in done)):
        click.get_current_context().exit(FOUND)
