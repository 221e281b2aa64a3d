"""``wanx-sim cassette``: the group of the commands about files.

looking   ls, show, diff
tending   verify, prune, scrub
interop   import, export
"""

from __future__ import annotations

from typing import Any

import click

from .interop import export_command, import_command
from .looking import diff, ls, show
from .printing import FOUND, complain
from .tending import prune, scrub, verify


class _Group(click.Group):
    """Says what is wrong with a file in one line, whatever the file holds."""

    def invoke(self, ctx: click.Context) -> Any:
        from ..errors import WanxSimError

        try:
            return super().invoke(ctx)
        except WanxSimError as error:
            complain(error)
            ctx.exit(FOUND)


@click.group(cls=_Group)
def cassette() -> None:
    """Look at cassettes, compare and check them, and tidy them up.

    A PATH is a cassette or a folder; of a folder, it is every cassette in it and below.
    """


for _command in (ls, show, diff, verify, prune, scrub, import_command, export_command):
    cassette.add_command(_command)
