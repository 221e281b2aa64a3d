"""The commands that look at cassettes, check them and tidy them up."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .interop import export_command, import_command
from .printing import as_json_option, print_json, print_table, printable, say

if TYPE_CHECKING:
    from ..cassettes.cassette import Cassette
    from ..cassettes.diffing import Entries
    from ..cassettes.format import Job
    from ..cassettes.summary import Line
    from ..cassettes.verifying import Finding

_WORDS = 60
_FOUND = 1
_MOST_DAYS = 1_000_000

_paths = click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)


def _max_age(does: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        "--max-age", type=click.FloatRange(0, _MOST_DAYS), metavar="DAYS", help=does
    )


class _Group(click.Group):
    """Says what is wrong with a file in one line, whatever the file holds."""

    def invoke(self, ctx: click.Context) -> Any:
        from ..errors import WanxSimError

        try:
            return super().invoke(ctx)
        except WanxSimError as error:
            _complain(error)
            ctx.exit(_FOUND)


def _complain(error: object) -> None:
    say(f"wanx-sim: {printable(error)}", err=True)


@click.group(cls=_Group)
def cassette() -> None:
    """Look at cassettes, compare and check them, and tidy them up.

    A PATH is a cassette or a folder; of a folder, it is every cassette in it and below.
    """


cassette.add_command(import_command)
cassette.add_command(export_command)


class _Reader:
    """Loads cassettes; what cannot be read is said, and the others are read all the same."""

    def __init__(self) -> None:
        self.failed = False

    def each(self, paths: Iterable[Path]) -> Iterator[Cassette]:
        from ..cassettes.cassette import Cassette
        from ..cassettes.walking import cassettes
        from ..errors import CassetteError

        for path in cassettes(paths):
            try:
                found = Cassette.load(path)
                _ = found.interactions
            except CassetteError as error:
                _complain(error)
                self.failed = True
            else:
                yield found

    def end(self) -> None:
        if self.failed:
            click.get_current_context().exit(_FOUND)


# --- ls -------------------------------------------------------------------------------------------


@cassette.command()
@_paths
@as_json_option
def ls(paths: tuple[Path, ...], as_json: bool) -> None:
    """List the jobs of cassettes.

    Prompt, model, status, age, price, and the pictures with what they take on disk.
    """
    from ..cassettes.pruning import named_by
    from ..cassettes.summary import exchanges, lines

    reader = _Reader()
    found: list[Line] = []
    pictures: set[Path] = set()
    files = others = 0
    for one in reader.each(paths):
        files += 1
        found += lines(one)
        others += exchanges(one)
        pictures |= {file for file in named_by(one, one.jobs) if file.is_file()}
    totals = {
        "cassettes": files,
        "jobs": len(found),
        "requests": others,
        "price": sum(line.price or 0 for line in found),
        "pictures": len(pictures),
        "bytes": sum(file.stat().st_size for file in pictures),
    }
    if as_json:
        print_json({"jobs": found, "totals": totals})
    else:
        _list(found, totals)
    reader.end()


def _list(found: list[Line], totals: dict[str, Any]) -> None:
    from ..cassettes.summary import age

    rows, last = [], ""
    for line in found:
        rows.append(
            (
                line.cassette if line.cassette != last else "",
                str(line.job),
                _short(line.prompt),
                line.model,
                line.status if line.complete else f"{line.status}, incomplete",
                age(line.at),
                "" if line.price is None else f"{line.price:.2f}",
                str(line.pictures),
                _size(line.bytes),
            )
        )
        last = line.cassette
    titles = ("cassette", "job", "prompt", "model", "status", "age", "CNY", "pictures", "on disk")
    if rows:
        print_table(titles, rows, right=("job", "CNY", "pictures", "on disk"))
    say(
        f"  {_many(totals['jobs'], 'job')} in {_many(totals['cassettes'], 'cassette')}, and "
        f"{_many(totals['requests'], 'other request')}; ¥{totals['price']:.2f}; "
        f"{_many(totals['pictures'], 'picture')}, {_size(totals['bytes'])}"
    )


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _size(count: int) -> str:
    if count < 1000:  # noqa: PLR2004 - what the next unit is
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"  # noqa: PLR2004


def _short(text: str) -> str:
    from rich.cells import cell_len, set_cell_size

    text = printable(text[: 2 * _WORDS])
    return text if cell_len(text) <= _WORDS else set_cell_size(text, _WORDS - 1).rstrip() + "…"


# --- show -----------------------------------------------------------------------------------------


@cassette.command()
@click.argument("cassette", metavar="CASSETTE", type=click.Path(path_type=Path))
@click.argument("job", required=False)
@click.option(
    "--sheet", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write a contact sheet of the pictures, a PNG.",
)  # fmt: skip
@click.option(
    "--text", "text_only", is_flag=True,
    help="Only what the file itself says, whatever the day and the pictures: for git diff.",
)  # fmt: skip
def show(cassette: Path, job: str | None, sheet: Path | None, text_only: bool) -> None:
    """Show a cassette, or one of its jobs.

    JOB is its number, or the beginning of its task id.

    A terminal of kitty, iTerm2, WezTerm, Ghostty or mintty shows the pictures too.
    """
    from ..cassettes import telling
    from ..cassettes.cassette import Cassette
    from ..cassettes.format import Job

    found = Cassette.load(cassette)
    entries = [telling.find(found, job)] if job is not None else list(telling.numbered(found))
    if sheet:
        _write_sheet(found, [entry for _, entry in entries if isinstance(entry, Job)], sheet)
        return
    if job is None:
        _print(telling.head(found))
    for number, entry in entries:
        say()
        _print(telling.entry(found, entry, number, files=not text_only))
        if isinstance(entry, Job) and not text_only:
            _show_pictures(found, entry)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        say(printable(line))


def _write_sheet(found: Cassette, jobs: list[Job], file: Path) -> None:
    from ..cassettes.files import write
    from ..cassettes.sheet import sheet

    write(file, sheet(found, jobs))
    say(f"{file}: the pictures of {_many(len(jobs), 'job')}")


def _on_a_terminal() -> bool:
    return sys.stdout.isatty()


def _show_pictures(found: Cassette, job: Job) -> None:
    """The pictures of a job, in a terminal that takes them."""
    from ..cassettes.pictures import thumbnail
    from ..errors import CassetteError
    from .inline import SIDE, picture, protocol

    how = protocol(os.environ) if _on_a_terminal() else None
    if how is None:
        return
    for image in job.images:
        try:
            content = found.stored(image)
            small = None if content is None else thumbnail(content, SIDE)
        except (CassetteError, OSError, SyntaxError, ValueError):
            continue  # its line says what is wrong with it
        if small:
            click.echo(picture(small, how))


# --- diff -----------------------------------------------------------------------------------------


@cassette.command()
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option("--times", is_flag=True, help="Count ids, moments and offsets too.")
@as_json_option
def diff(before: Path, after: Path, times: bool, as_json: bool) -> None:
    """Compare cassettes, or folders, by meaning.

    Which job was added, removed or changed, and in which fields.

    The order of keys, and what differs each time a job is recorded (ids, moments), is no
    difference. Exit status: 0 if there is none, 1 if there is one.
    """
    found = _differences(before, after, times=times)
    if as_json:
        print_json({name: entries for name, entries in found.items() if entries})
    else:
        for name, entries in found.items():
            _print_entries(name, entries)
    if any(found.values()):
        click.get_current_context().exit(_FOUND)


def _differences(before: Path, after: Path, *, times: bool) -> dict[str, list[Entries]]:
    from ..cassettes.cassette import Cassette
    from ..cassettes.diffing import diff
    from ..cassettes.walking import cassettes

    def loaded(path: Path | None) -> Cassette:
        # Git says so of a file that is not there.
        absent = path is None or str(path) == os.devnull
        return Cassette("none") if absent else Cassette.load(path or "")

    if not (before.is_dir() and after.is_dir()):
        return {str(after): diff(loaded(before), loaded(after), times=times)}
    ones = {str(path.relative_to(before)): path for path in cassettes([before])}
    others = {str(path.relative_to(after)): path for path in cassettes([after])}
    return {
        name: diff(loaded(ones.get(name)), loaded(others.get(name)), times=times)
        for name in sorted(ones | others)
    }


def _print_entries(name: str, entries: list[Entries]) -> None:
    for entry in entries:
        model = f" ({entry.model})" if entry.model else ""
        says = f"{entry.what} {entry.kind} {_short(entry.name)}{model}"
        say(printable(f"{name}: {says}"))
        for change in entry.changes:
            one, other = (_value(value) for value in (change.before, change.after))
            say(printable(f"    {change.field}: {one} -> {other}"))


def _value(value: object) -> str:
    import msgspec

    return "(absent)" if value is None else msgspec.json.encode(value).decode()


# --- verify ---------------------------------------------------------------------------------------


@cassette.command()
@_paths
@click.option("--drift/--no-drift", default=True, help="Whether the simulator is asked the same.")
@_max_age("Warn of what was recorded longer ago.")
@as_json_option
def verify(paths: tuple[Path, ...], drift: bool, max_age: float | None, as_json: bool) -> None:
    """Check cassettes, and ask the simulator.

    Schema, pictures and secrets; and whether it answers in the same shape as the service did.

    Exit status: 1 if there is an error, 0 otherwise, warnings or not.
    """
    findings, count = _verified(paths, with_drift=drift, max_age=_days(max_age))
    if as_json:
        print_json({"cassettes": count, "findings": findings})
    else:
        for finding in findings:
            say(printable(finding))
        _conclude(findings, count)
    if any(finding.level == "error" for finding in findings):
        click.get_current_context().exit(_FOUND)


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
    says = f"{_many(count, 'cassette')}: {_many(errors, 'error')}, {_many(warnings, 'warning')}"
    say(f"{says}" if findings else f"{_many(count, 'cassette')}: all good")


def _days(count: float | None) -> timedelta | None:
    return None if count is None else timedelta(days=count)


# --- prune ----------------------------------------------------------------------------------------


@cassette.command()
@_paths
@click.option("--incomplete", is_flag=True, help="Jobs whose end or pictures were not recorded.")
@_max_age("What was recorded longer ago.")
@click.option(
    "--unused-from", type=click.Path(path_type=Path, dir_okay=False), metavar="REPORT.json",
    help="The cassettes that a report of pytest --wanx-report says no test used.",
)  # fmt: skip
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be removed; remove nothing.")
@as_json_option
def prune(
    paths: tuple[Path, ...],
    incomplete: bool,
    max_age: float | None,
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
        max_age=_days(max_age),
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
    lost = f"; {_many(jobs, 'job')}, ¥{cost:.2f} to record again" if jobs else ""
    say(f"{does} {_size(freed)} in {_many(len(found) - jobs, 'file')}{lost}")


# --- scrub ----------------------------------------------------------------------------------------


@cassette.command()
@_paths
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
            _complain(error)
            failed = True
    if as_json:
        print_json({"files": done})
    else:
        for one in done:
            say(printable(one))
    if failed or (check and any(one.changed for one in done)):
        click.get_current_context().exit(_FOUND)
