"""The report of a run as JSON: ``--wanx-report``. `docs/pytest.md` describes it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..cassettes.cassette import Cassette
from ..cassettes.files import write as write_whole
from ..cassettes.format import Entry, Exchange
from ..errors import CassetteError
from .leftovers import Leftovers, Recording
from .places import shown
from .tally import Tally

if TYPE_CHECKING:
    from .verdict import Verdict

VERSION = 1


def write(path: Path, verdict: Verdict) -> str:
    """Write the report, as a whole; why not, if it cannot be."""
    here = verdict.config.invocation_params.dir
    content = msgspec.json.format(msgspec.json.encode(document(verdict, here)), indent=2)
    try:
        write_whole(here / path, content + b"\n")
    except CassetteError as error:
        return str(error)
    return ""


def document(verdict: Verdict, here: Path) -> dict[str, Any]:
    """The report; paths are from the directory that pytest was called in."""
    left = verdict.left or Leftovers()
    return {
        "format": "wanx-report",
        "version": VERSION,
        "summary": verdict.line,
        "totals": {
            "replayed": verdict.total("replayed"),
            "simulated": verdict.total("simulated"),
            "live": verdict.total("live"),
            "saved": float(verdict.saved),
            "spent": float(verdict.spent),
            "stale": len(left.stale),
            "unused": left.unused_count,
        },
        "unused": {
            "files": [shown(path, here) for path in left.files],
            "entries": [_recording(recording, here) for recording in left.unused],
        },
        "stale": [_recording(recording, here) for recording in left.stale],
        "tests": [_test(nodeid, tally, here) for nodeid, tally in sorted(verdict.tests.items())],
    }


def _test(nodeid: str, tally: Tally, here: Path) -> dict[str, Any]:
    paths = {*tally["recorded"], *(opened["path"] for opened in tally["opened"])}
    return {
        "test": nodeid,
        "outcome": tally["outcome"],
        "replayed": tally["replayed"],
        "simulated": tally["simulated"],
        "live": tally["live"],
        "live_calls": tally["calls"],
        "saved": float(Decimal(tally["saved"])),
        "spent": float(Decimal(tally["spent"])),
        "cassettes": sorted(shown(path, here) for path in paths),
        "recorded": [shown(path, here) for path in tally["recorded"]],
        "stale": sum(len(opened["stale"]) for opened in tally["opened"]),
        "unused": sum(len(opened["unused"]) for opened in tally["opened"]),
    }


def _recording(recording: Recording, here: Path) -> dict[str, Any]:
    path = shown(recording.path, here)
    return {"cassette": path, "index": recording.place, "request": describe(recording)}


def describe(recording: Recording) -> str:
    """A recording in a few words: what was asked, and what came."""
    try:
        return _said(Cassette.load(recording.path)[recording.place])
    except (CassetteError, IndexError):
        return ""


def _said(entry: Entry) -> str:
    if isinstance(entry, Exchange) and entry.operation != "create":
        path = str(entry.request.get("path", ""))
        return f"{entry.operation} {path} {entry.status or 'connection lost'}"
    model, asked = entry.request.get("model"), entry.request.get("input")
    prompt = asked.get("prompt") if isinstance(asked, dict) else None
    end = entry.status if isinstance(entry, Exchange) else entry.task_status
    return f"create {model} {prompt!r} {end or 'connection lost'}"
