"""How the commands print: tables, JSON, and texts that may hold anything."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import click

as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document.")

FOUND = 1
"""The exit status of a command that has found something, or could not read it."""

_NO_END = 10_000
# Control characters, and those that reverse what is read: a cassette may be a stranger's, and a
# terminal obeys what it is sent.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: object) -> str:
    """A text on one line, with nothing in it that a terminal would obey."""
    return _UNPRINTABLE.sub(lambda match: repr(match[0])[1:-1], str(text))


def say(text: str = "", *, err: bool = False) -> None:
    """Print a line; what the terminal's encoding lacks is escaped."""
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err)


def complain(error: object) -> None:
    """Print, in one line, what is wrong."""
    say(f"wanx-sim: {printable(error)}", err=True)


def print_json(content: object) -> None:
    """Print a value as one JSON document."""
    import msgspec

    text = msgspec.json.encode(content, enc_hook=str)
    say(msgspec.json.format(text, indent=2).decode())


def print_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()
) -> None:
    """Print a table, as wide as the terminal; the columns named in ``right`` hold numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for heading in headings:
        options: dict[str, Any] = {"justify": "right", "no_wrap": True} if heading in right else {}
        table.add_column(heading, overflow="fold", **options)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    if sys.stdout.isatty():
        Console().print(table)
        return
    # A pipe gets the whole text: cut or wrapped columns would be no use to grep.
    console = Console(width=_NO_END)
    with console.capture() as capture:
        console.print(table)
    say("\n".join(line.rstrip() for line in capture.get().splitlines()))


def many(count: int, noun: str) -> str:
    """A number of things, in words."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def size(count: int) -> str:
    """A number of bytes, in the unit that fits."""
    if count < 1000:  # noqa: PLR2004 - what the next unit is
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"  # noqa: PLR2004


def short(text: str, most: int = 60) -> str:
    """The beginning of a text, as many columns wide; a Chinese character takes two."""
    from rich.cells import cell_len, set_cell_size

    text = printable(text[: 2 * most])
    return text if cell_len(text) <= most else set_cell_size(text, most - 1).rstrip() + "…"
