"""The line that says what a run left out."""

from __future__ import annotations

from pathlib import Path

import pytest

LACKING = """
    import pytest

    def test_with_a_browser():
        pytest.skip("left out: there is no browser; install chromium")

    def test_elsewhere():
        pytest.skip("for Windows only")
"""


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.delenv("WANX_NOTHING_LEFT_OUT", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return lambda *options: pytester.runpytest_subprocess("-p", "left_out", *options)


def test_a_run_that_left_nothing_out_says_so(run, pytester):
    pytester.makepyfile("def test_it(): pass")

    result = run()

    assert result.ret == 0
    result.stdout.fnmatch_lines(["nothing was left out"])


def test_what_was_left_out_is_said_in_one_line(run, pytester):
    pytester.makepyfile(LACKING)

    result = run()

    assert result.ret == 0
    result.stdout.fnmatch_lines(["left out: there is no browser; install chromium [[]1 skipped[]]"])


@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n", "1")], ids=["one process", "xdist"])
def test_where_nothing_may_be_left_out_the_run_fails(run, pytester, monkeypatch, options):
    pytester.makepyfile(LACKING)
    monkeypatch.setenv("WANX_NOTHING_LEFT_OUT", "1")

    result = run(*options)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["left out: *, and WANX_NOTHING_LEFT_OUT is set: the run fails"])
