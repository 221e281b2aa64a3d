"""The plot of cost against stored tasks: drawn by matplotlib, which is installed with the peers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from math import ceil, floor, log10
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .harness.peers import Peers

_TITLES = {
    "poll": "poll",
    "create": "create",
    "first_page": "list, page 1 by status",
    "deep_page": "list, page 1,000 by status",
}


def plotted(results: Path, peers: Peers) -> Iterator[Path]:
    """Draw what a file of results holds, beside it; nothing if it holds no curves."""
    if not json.loads(results.read_text(encoding="utf-8"))["curves"]:
        return
    if not peers.imports("matplotlib"):
        sys.stderr.write("no plot was drawn: matplotlib is not installed\n")
        return
    image = results.with_suffix(".png")
    command = [str(peers.python), str(Path(__file__)), str(results), str(image)]
    subprocess.run(command, check=True)
    yield image


def draw(results: Path, image: Path) -> None:
    """Draw a panel a store: microseconds an operation over stored tasks."""
    import matplotlib as mpl  # noqa: PLC0415 - this runs in the peers' environment

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    document = json.loads(results.read_text(encoding="utf-8"))
    curves = document["curves"]
    figure, panels = plt.subplots(
        1, len(curves), figsize=(5.2 * len(curves), 4.2), sharey=True, squeeze=False
    )
    for panel, (store, operations) in zip(panels[0], curves.items(), strict=True):
        for operation, points in operations.items():
            counts, costs = zip(*points, strict=True)
            panel.plot(counts, [1e6 * cost for cost in costs], marker="o", label=_TITLES[operation])
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_ylim(*_decades(curves))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.set_title(f"{store} store")
        panel.set_xlabel("stored tasks")
        panel.grid(visible=True, which="major", alpha=0.3)
    panels[0][0].set_ylabel("µs an operation, in process")
    figure.suptitle(f"Cost against stored tasks ({document['machine']['cpu']})", fontsize=10)
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="lower center", ncol=4)
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(image, dpi=120)


def _decades(curves: dict[str, dict[str, list[tuple[int, float]]]]) -> tuple[float, float]:
    """Whole decades of microseconds around all costs, so that noise does not look like growth."""
    costs = [cost for ops in curves.values() for points in ops.values() for _, cost in points]
    return 10 ** floor(log10(1e6 * min(costs))), 10 ** ceil(log10(1e6 * max(costs)))


if __name__ == "__main__":
    draw(*map(Path, sys.argv[1:]))
