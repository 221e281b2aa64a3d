"""Cassettes of many jobs, made of one that each tool recorded itself.

Recording three thousand jobs would take longer than all that is measured. So one is recorded, and
its text repeated with other ids and prompts: the file is what the tool would have written.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..programs.photographs import identifier
from ..programs.wire import marker

_YAML_HEAD = "interactions:\n"
_YAML_TAIL = "version: 1\n"


def multiply(recorded: Path, copied: Path, count: int) -> None:
    """Write a cassette of so many jobs, given one that holds job 0."""
    text = recorded.read_text(encoding="utf-8")
    copied.parent.mkdir(parents=True, exist_ok=True)
    many = _json(text, count) if recorded.suffix == ".json" else _yaml(text, count)
    copied.write_text(many, encoding="utf-8")


def _json(text: str, count: int) -> str:
    document = json.loads(text)
    (job,) = document["interactions"]
    job = json.dumps(job, ensure_ascii=False)
    document["interactions"] = [json.loads(_renamed(job, number)) for number in range(count)]
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _yaml(text: str, count: int) -> str:
    head, mark, jobs = text.partition(_YAML_HEAD)
    tail = _YAML_TAIL if jobs.endswith(_YAML_TAIL) else ""
    jobs = jobs.removesuffix(tail).removesuffix("\n") + "\n"
    return head + mark + "".join(_renamed(jobs, number) for number in range(count)) + tail


def _renamed(job: str, number: int) -> str:
    assert identifier(0) in job
    assert marker(0) in job
    return job.replace(identifier(0), identifier(number)).replace(marker(0), marker(number))
