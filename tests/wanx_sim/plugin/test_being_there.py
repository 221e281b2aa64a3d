"""The plugin is there for who installs wanx-kit, explains itself, and costs nothing unasked."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

FIXTURES = (
    "wanx_sim",
    "wanx_cassette",
    "wanx_server",
    "wanx_session",
    "wanx_client",
    "async_wanx_client",
    "wanx_virtual_time",
)
HEAVY = ("httpx", "respx", "msgspec", "PIL", "uvicorn", "diskcache", "filelock", "wanx_client")
LOADED = [
    "wanx_sim",
    "wanx_sim.pytest_plugin",
    "wanx_sim.testing",
    "wanx_sim.testing.marker",
    "wanx_sim.testing.options",
    "wanx_sim.testing.places",
    "wanx_sim.testing.spending",
    "wanx_sim.testing.tally",
    "wanx_sim.testing.troubles",
    "wanx_sim.testing.unused",
    "wanx_sim.testing.verdict",
]
"""Each takes a third of a millisecond; all else is loaded by who asks for it."""


@pytest.fixture
def run(pytester, monkeypatch):
    """Runs pytest in a process of its own, with our plugin loaded by its entry point."""
    ours = ("PYTEST_", "WANX", "DASHSCOPE")
    for name in list(os.environ):
        if name.startswith(ours) and name != "PYTEST_CURRENT_TEST":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return lambda *arguments: pytester.runpytest_subprocess("-p", "wanx", *arguments)


def test_who_installs_wanx_kit_has_the_fixtures_and_the_marker(run, pytester, monkeypatch):
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    pytester.makepyfile("""
        import pytest

        @pytest.mark.wanx(timing="instant")
        def test_it(wanx_sim, wanx_client, wanx_server):
            assert str(wanx_sim.timing) == "seconds:0,0"
            assert wanx_client.submit("一间花店").id == wanx_sim.tasks.only.task_id
    """)
    options = ("--strict-markers", "--strict-config")
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=1)


def test_it_works_under_xdist(run, pytester):
    pytester.makepyfile("""
        import httpx, pytest

        @pytest.mark.parametrize("number", range(4))
        def test_it(wanx_server, wanx_client, wanx_sim, number):
            assert wanx_client.generate("一间花店", size="768*768").id
            headers = {"Authorization": "Bearer sk-any"}
            answer = httpx.get(wanx_server.base_url + "/tasks", headers=headers)
            assert answer.json()["total"] == 1
    """)
    run("-p", "xdist", "-n", "2").assert_outcomes(passed=4)


def test_fixtures_and_marker_explain_themselves(run):
    result = run("--fixtures")
    for name in FIXTURES:
        result.stdout.fnmatch_lines([f"{name} -- *pytest_plugin.py:*", "    *[A-Za-z]*."])
    result = run("--markers")
    result.stdout.fnmatch_lines(
        [
            "@pytest.mark.wanx(timing=*, seed=*): settings of wanx_sim",
            "@pytest.mark.wanx_cassette(name, mode=*): use wanx_cassette; which one, and how",
        ]
    )


def test_a_marker_that_says_nothing_known_is_an_error_of_one_line(run, pytester):
    pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("case", [
            pytest.param(1, marks=pytest.mark.wanx(timming="instant")),
            pytest.param(2, marks=pytest.mark.wanx("instant")),
            pytest.param(3, marks=pytest.mark.wanx(timing="soon")),
            pytest.param(4, marks=pytest.mark.wanx(region="mars")),
        ])
        def test_it(wanx_sim, case):
            pass
    """)
    result = run()
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        [
            "@pytest.mark.wanx does not take timming; known: timing, seed, *",
            "@pytest.mark.wanx does not take 'instant'; known: timing, seed, *",
            "@pytest.mark.wanx: no timing is spelt 'soon'; known: instant, *",
            "@pytest.mark.wanx: no region is called 'mars'; known: beijing, *",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*raise *")
    result.stdout.no_fnmatch_line("*During handling*")


# --- what it costs --------------------------------------------------------------------------------


def test_a_run_that_uses_nothing_of_ours_loads_next_to_nothing_of_ours(run, pytester):
    """Every module, not a time: what is loaded is what it costs."""
    pytester.makepyfile(f"""
        import atexit, sys

        def loaded():
            return sorted(name for name in sys.modules if name.partition(".")[0] == "wanx_sim")

        def test_it(request):
            assert request.config.pluginmanager.has_plugin("wanx")
            assert loaded() == {LOADED!r}

        @atexit.register
        def at_the_end():
            assert loaded() == {LOADED!r}
            assert not set({HEAVY!r}) & set(sys.modules)
            print("nothing more")
    """)
    result = run("-s", "--strict-markers")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["nothing more"])


def test_without_pytest_s_own_imports_it_brings_none_of_another_package():
    program = """
    import sys
    import pytest, _pytest.config, _pytest.python, _pytest.terminal, _pytest.junitxml, decimal
    before = set(sys.modules)
    import wanx_sim.pytest_plugin
    new = {name.partition(".")[0] for name in set(sys.modules) - before} - {"wanx_sim"}
    print(sorted(new - set(sys.stdlib_module_names)))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_no_fixture_is_used_by_itself(run, pytester):
    pytester.makepyfile("def test_it(): pass")
    result = run("--fixtures-per-test", "-q")
    result.stdout.no_fnmatch_line("*wanx*")
