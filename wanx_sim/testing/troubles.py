"""Troubles: what fails a test although the application swallowed it.

Whoever finds one adds it to the record of the running test, in a message of its own. The test
then ends in an error, after its fixtures were taken down. A test that failed anyway shows its
troubles beside that failure, and ends in no second one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest


class Troubles:
    """The troubles of one test. May be added to from any thread."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def __iter__(self) -> Iterator[str]:
        """Each as a message; what came more than once says so."""
        for message, times in list(self._counts.items()):
            yield message if times == 1 else f"{message}\n({times} times)"

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, message: str) -> None:
        """Note one."""
        self._counts[message] = self._counts.get(message, 0) + 1

    def __str__(self) -> str:
        return "\n\n".join(f"wanx: {message}" for message in self)


_TROUBLES = pytest.StashKey[Troubles]()
_FAILED = pytest.StashKey[bool]()
_running: list[pytest.Item] = []


def troubles_of(item: pytest.Item) -> Troubles:
    """The record of a test."""
    return item.stash.setdefault(_TROUBLES, Troubles())


def running() -> pytest.Item | None:
    """The test that runs now, if one does."""
    return _running[-1] if _running else None


def failed(item: pytest.Item) -> bool:
    """Whether a test has failed by now."""
    return item.stash.get(_FAILED, False)


def begin(item: pytest.Item) -> None:
    """A test begins, perhaps once more: what went wrong before counts no longer."""
    item.stash[_TROUBLES] = Troubles()
    item.stash[_FAILED] = False
    _running.append(item)


def end(item: pytest.Item) -> None:
    """A test ends, its fixtures are down.

    Raises:
        pytest.fail.Exception: if there were troubles and nothing else has failed it.
    """
    if item in _running:
        _running.remove(item)
    troubles = troubles_of(item)
    if troubles and not failed(item):
        pytest.fail(str(troubles), pytrace=False)


def show(item: pytest.Item, report: pytest.TestReport) -> None:
    """Remember whether a test fails; if so, put beside it what its failure does not say itself."""
    if not report.failed or report.when == "teardown":
        return
    item.stash[_FAILED] = True
    said = report.longreprtext
    unsaid = [message for message in troubles_of(item) if message.split("\n")[0] not in said]
    if unsaid:
        report.sections.append(("wanx", "\n\n".join(unsaid)))
