"""The pages that say what is kept name the numbers that the code has."""

from __future__ import annotations

from pathlib import Path

import pytest

from wanx_sim import bodies, journal, sessions, stores
from wanx_sim.faces import direct
from wanx_sim.faults import armed
from wanx_sim.stores import disk, memory, redis

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["scale.md", "scale.zh-CN.md"])
def test_every_limit_is_named(page):
    text = (DOCS / page).read_text("utf-8").partition("`--keep-tasks N`")
    rows = (text[0].splitlines()[-1] + "".join(text[1:])).splitlines()
    named = {
        0: (f"{stores.KEPT:,}", f"{stores.FORGOTTEN_KEPT:,}"),
        1: (f"{journal.LIMIT:,}",),
        2: (str(memory.PICTURES), f"{disk.PICTURES_LIMIT // 2**20} MB",
            str(redis.PICTURE_SECONDS // 3600)),
        3: (f"{stores.RECENT:,}", f"{bodies.LIMIT:,}"),
        4: (f"{direct.HEADS:,}", f"{direct.LONGEST // 1024} kB"),
        5: (f"{sessions.LIMIT:,}",),
        6: (f"{armed.SCRIPTED:,}",),
    }  # fmt: skip
    for row, numbers in named.items():
        assert [number for number in numbers if number not in rows[row]] == [], rows[row]
