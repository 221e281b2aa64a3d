"""Pictures in a terminal: the protocols of kitty and of iTerm2, and which terminal speaks which."""

from __future__ import annotations

from base64 import standard_b64encode
from collections.abc import Mapping
from typing import Literal

Protocol = Literal["kitty", "iterm2"]

SIDE = 512
"""Pixels of the longer side of what is sent: a terminal shows no more."""

_PIECE = 4096
_ROWS = 12
_KITTY = frozenset(("xterm-kitty", "xterm-ghostty"))
_PROGRAMS: dict[str, Protocol] = {
    "ghostty": "kitty",
    "WezTerm": "iterm2",
    "iTerm.app": "iterm2",
    "iTerm2": "iterm2",  # as LC_TERMINAL has it, which ssh takes along
    "mintty": "iterm2",
}


def protocol(environment: Mapping[str, str]) -> Protocol | None:
    """How the terminal that an environment tells of takes pictures; None if it takes none.

    Inside tmux or screen the outer terminal cannot be reached, whatever it is.
    """
    term = environment.get("TERM", "")
    if term.startswith(("tmux", "screen")) or "TMUX" in environment:
        return None
    if "KITTY_WINDOW_ID" in environment or term in _KITTY:
        return "kitty"
    program = environment.get("TERM_PROGRAM", "")
    return _PROGRAMS.get(program) or _PROGRAMS.get(environment.get("LC_TERMINAL", ""))


def picture(content: bytes, how: Protocol) -> str:
    """The characters that show a PNG, some rows high."""
    data = standard_b64encode(content).decode("ascii")
    if how == "iterm2":
        options = f"inline=1;size={len(content)};height={_ROWS}"
        return f"\x1b]1337;File={options}:{data}\x07\n"
    pieces = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
    last = len(pieces) - 1
    shown = []
    for place, piece in enumerate(pieces):
        first = f"a=T,f=100,r={_ROWS}," if place == 0 else ""
        shown.append(f"\x1b_G{first}m={int(place < last)};{piece}\x1b\\")
    return "".join(shown) + "\n"
