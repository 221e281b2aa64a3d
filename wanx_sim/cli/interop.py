"""``wanx-sim cassette import`` and ``export``: coming from HAR and VCR, and going back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options
from .printing import many, printable, say

if TYPE_CHECKING:
    from ..cassettes.format import Keep
    from ..cassettes.interop.importing import Imported
    from ..cassettes.interop.interactions import Format

_file = click.Path(path_type=Path, dir_okay=False)


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=_file, metavar="FILE...")
@click.option(
    "--cassette",
    "path",
    required=True,
    type=click.Path(path_type=Path),
    help="Where the jobs go; they are added to those it holds.",
)
@click.option(
    "--format",
    type=click.Choice(["har", "vcr"]),
    help="What the files are. Default: what they look like.",
)
@options.pictures
@options.redact_prompts
@click.option("--dry-run", is_flag=True, help="Say what would be added, and write nothing.")
def import_command(
    files: tuple[Path, ...],
    path: Path,
    format: Format | None,  # noqa: A002 - the option's name
    pictures: Keep,
    redact_prompts: bool,
    dry_run: bool,
) -> None:
    """Make jobs of what other tools recorded: HAR files, and VCR YAML of vcrpy or cassetter.

    Requests of other APIs are skipped and counted. Keys, signatures and account ids stay behind.
    All the files are taken over, or none.
    """
    from ..cassettes.cassette import Cassette
    from ..cassettes.interop.importing import import_files

    cassette = Cassette(path)
    made = import_files(
        files,
        cassette,
        format=format,
        pictures=pictures,
        redact_prompts=redact_prompts,
        dry_run=dry_run,
    )
    for imported in made:
        for line in _told(imported):
            say(printable(line))
    new = sum(len(imported.entries) - imported.known for imported in made)
    known = sum(imported.known for imported in made)
    added = "would be added" if dry_run else "added"
    there = f"; {known} there already" if known else ""
    say(f"{cassette.path}: {many(new, 'interaction')} {added}{there}")


def _told(imported: Imported) -> list[str]:
    """What became of a file, as lines."""
    pictures = sum(len(job.images) for job in imported.jobs)
    counts = (
        many(len(imported.jobs), "job"),
        many(len(imported.exchanges), "other exchange"),
        many(pictures, "picture"),
    )
    heading = f"{imported.path} ({imported.format}): {', '.join(counts)}"
    incomplete = [
        f"  incomplete: {job.task_id}, {job.trouble or f'last seen {job.task_status}'}"
        for job in imported.jobs
        if not job.complete
    ]
    skipped = [f"  skipped {count}: {why}" for why, count in imported.skipped.items()]
    return [heading, *incomplete, *skipped]


@click.command("export")
@click.argument("path", type=click.Path(path_type=Path), metavar="CASSETTE")
@click.option(
    "-o", "--output", required=True, type=_file, metavar="FILE", help="The file; it is replaced."
)
@click.option(
    "--format",
    type=click.Choice(["har", "vcr"]),
    help="What it becomes. Default: what its suffix says: .har, .yaml or .yml.",
)
def export_command(path: Path, output: Path, format: Format | None) -> None:  # noqa: A002
    """Write a cassette as a HAR 1.2 file, or as VCR YAML that vcrpy and cassetter replay.

    A job becomes its create, one poll for each state and one download for each picture, without
    keys and with links that bear no signature.
    """
    from ..cassettes.cassette import Cassette
    from ..cassettes.interop.exporting import export_file

    written = export_file(Cassette.load(path), output, format)
    for why, count in written.skipped.items():
        say(f"left out {count}: {why}")
    counts = (
        many(written.jobs, "job"),
        many(written.interactions, "request"),
        many(written.pictures, "picture"),
    )
    say(f"{output} ({written.format}): {', '.join(counts)}")
