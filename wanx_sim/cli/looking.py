"""The commands that look at cassettes: ls, show, diff."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import paths
from .printing import (
    FOUND,
    as_json_option,
    complain,
    many,
    print_json,
    print_table,
    printable,
    say,
    short,
    size,
)

if TYPE_CHECKING:
    from ..cassettes.cassette import Cassette
    from ..cassettes.diffing import Entries
    from ..cassettes.format import Job
    from ..cassettes.summary import Line


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
                complain(error)
                self.failed = True
            else:
                yield found

    def end(self) -> None:
        if self.failed:
            click.get_current_context().exit(FOUND)


# --- ls -------------------------------------------------------------------------------------------


@click.command()
@paths
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
                short(line.prompt),
                line.model,
                line.status if line.complete else f"{line.status}, incomplete",
                age(line.at),
                "" if line.price is None else f"{line.price:.2f}",
                str(line.pictures),
                size(line.bytes),
            )
        )
        last = line.cassette
    titles = ("cassette", "job", "prompt", "model", "status", "age", "CNY", "pictures", "on disk")
    if rows:
        print_table(titles, rows, right=("job", "CNY", "pictures", "on disk"))
    say(
        f"  {many(totals['jobs'], 'job')} in {many(totals['cassettes'], 'cassette')}, and "
        f"{many(totals['requests'], 'other request')}; ¥{totals['price']:.2f}; "
        f"{many(totals['pictures'], 'picture')}, {size(totals['bytes'])}"
    )


# --- show -----------------------------------------------------------------------------------------


@click.command()
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
    say(f"{file}: the pictures of {many(len(jobs), 'job')}")


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


@click.command()
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
        click.get_current_context().exit(FOUND)


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
        says = f"{entry.what} {entry.kind} {short(entry.name)}{model}"
        say(printable(f"{name}: {says}"))
        for change in entry.changes:
            one, other = (_value(value) for value in (change.before, change.after))
            say(printable(f"    {change.field}: {one} -> {other}"))


def _value(value: object) -> str:
    import msgspec

    return "(absent)" if value is None else msgspec.json.encode(value).decode()
