"""The verdict of a run: the line, what is unused or stale, the report, a strict run."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta

import pytest

REPORT = "--wanx-report=report.json"
SHOP = """
    def test_replayed(wanx_cassette):
        paint("一间花店", 2)

    def test_replayed_too(wanx_cassette):
        paint("一间书店")
"""
SIMULATED = """
    def test_simulated(wanx_sim):
        paint("一间花店"), order("城市")

    def test_simulated_on_a_socket(wanx_server):
        Painter(wanx_server.base_url).paint("一间花店")

    def test_simulated_in_a_session(wanx_session):
        painter = Painter(wanx_session.base_url)
        painter.headers |= wanx_session.headers
        painter.order()
"""


@pytest.fixture(scope="module")
def recorded_shop(new_project, going_live):
    """A project whose two cassettes are recorded, and that has other tests beside."""
    project = new_project()
    project.write(SHOP)
    run = project.run("--wanx-record=all", "--wanx-budget=9", **going_live.environment)
    assert run.code == 0, run.output
    project.write(SIMULATED, "test_simulated.py")
    return project


@pytest.fixture
def shop(project, recorded_shop):
    """That project, to be changed."""
    shutil.copytree(recorded_shop.folder, project.folder, dirs_exist_ok=True)
    return project


# --- the line ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")], ids=["alone", "xdist"])
def test_one_line_says_what_was_replayed_simulated_bought_saved_stale_and_unused(shop, workers):
    run = shop.run(REPORT, "--wanx-strict", *workers)
    assert "5 passed" in run.ending, run.output
    assert (
        run.summary == "wanx: 2 replayed · 4 simulated · 0 live · ¥0.42 saved · 0 stale · 0 unused"
    )
    report = shop.report()
    assert (report["format"], report["version"]) == ("wanx-report", 1)
    assert report["summary"] == run.summary
    assert report["totals"] == {
        "replayed": 2, "simulated": 4, "live": 0, "saved": 0.42, "spent": 0.0, "stale": 0, "unused": 0,
    }  # fmt: skip
    tests = {test.pop("test"): test for test in report["tests"]}
    assert len(tests) == 5
    assert tests["test_shop.py::test_replayed"] == {
        "outcome": "passed", "replayed": 1, "simulated": 0, "live": 0, "live_calls": 0,
        "saved": 0.28, "spent": 0.0, "cassettes": ["cassettes/test_shop/test_replayed.json"],
        "recorded": [], "stale": 0, "unused": 0,
    }  # fmt: skip
    assert tests["test_simulated.py::test_simulated"]["simulated"] == 2


def test_a_run_that_uses_nothing_of_ours_says_nothing(project):
    project.write("def test_it(): pass")
    assert "wanx:" not in project.run("--wanx-strict").output
    project.write("", "test_empty.py")
    assert "wanx:" not in project.run("test_empty.py").output


def test_what_a_live_run_spent_is_said_and_fails_a_strict_one(project, live):
    project.write(SHOP)
    options = ("--wanx-record=once", "--wanx-budget=1", REPORT)
    run = project.run("--wanx-strict", *options, **live.environment)
    assert run.code == 1
    assert "2 passed" in run.ending
    assert (
        run.summary == "wanx: 0 replayed · 0 simulated · 2 live · ¥0.00 saved · 0 stale · 0 unused"
    )
    assert run.section("wanx: cassettes") == [
        "live: test_shop.py::test_replayed: 1 bought for ¥0.28",
        "live: test_shop.py::test_replayed_too: 1 bought for ¥0.14",
        "The run fails for these: --wanx-strict is on.",
    ]
    assert project.report()["totals"]["spent"] == 0.42
    assert project.run(*options, **live.environment).code == 0


# --- unused files -----------------------------------------------------------------------------------


def without_one(shop):
    shop.write("def test_replayed(wanx_cassette): paint('一间花店', 2)\ndef test_more(): pass")


UNUSED = "cassettes/test_shop/test_replayed_too.json"


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")], ids=["alone", "xdist"])
def test_a_cassette_that_no_test_uses_is_found_and_fails_a_strict_run(shop, workers):
    without_one(shop)
    run = shop.run(REPORT, *workers)
    assert run.code == 0
    assert run.summary.endswith("· 0 stale · 1 unused")
    assert run.section("wanx: cassettes") == [f"unused: {UNUSED}"]
    assert shop.report()["unused"] == {"files": [UNUSED], "entries": []}
    assert shop.run("--wanx-strict", *workers).code == 1


@pytest.mark.parametrize(
    "selection",
    ["test_shop.py::test_replayed", "-k replayed", "-m not_there", "--deselect=test_shop.py::test_more",
     "test_simulated.py", "test_shop.py::test_replayed -p xdist -n 1"],
)  # fmt: skip
def test_where_not_all_tests_of_a_module_ran_no_cassette_is_called_unused(shop, selection):
    without_one(shop)
    run = shop.run("--wanx-strict", *selection.split())
    assert run.code in (0, 5), run.output
    assert "unused:" not in run.output


def test_other_modules_need_not_run(shop):
    without_one(shop)
    assert f"unused: {UNUSED}" in shop.run("test_shop.py").output


def test_a_test_that_did_not_pass_keeps_its_cassette(shop):
    shop.write("""
        @pytest.mark.skip
        def test_replayed(wanx_cassette): pass

        @pytest.mark.skip
        def test_replayed_too(request):
            request.getfixturevalue("wanx_cassette")
    """)
    assert "unused:" not in shop.run("--wanx-strict").output
    shop.write("""
        def test_replayed(wanx_cassette): pass

        def test_replayed_too(request):
            assert False
            request.getfixturevalue("wanx_cassette")
    """)
    assert "unused: cassettes/test_shop/test_replayed_too" not in shop.run("-x").output


def test_a_cassette_that_is_asked_for_in_the_middle_of_a_test_is_used(shop):
    shop.write("""
        def test_replayed(wanx_cassette):
            paint("一间花店", 2)

        def test_replayed_too(request):
            request.getfixturevalue("wanx_cassette")
            paint("一间书店")
    """)
    assert shop.run("--wanx-strict").code == 0


def test_the_cassettes_of_a_module_that_is_gone_are_found_by_a_run_of_its_directory(shop):
    (shop.folder / "test_shop.py").unlink()
    kept = shop.folder / "cassettes" / "by-hand" / "mine.json"
    kept.parent.mkdir()
    kept.write_bytes((shop.folder / UNUSED).read_bytes())
    (shop.folder / "cassettes/test_shop/other.json").write_text('{"not": "ours"}')
    assert shop.run().section("wanx: cassettes") == [
        "unused: cassettes/test_shop/test_replayed.json",
        f"unused: {UNUSED}",
    ]
    assert "unused:" not in shop.run("test_simulated.py").output
    assert "unused:" not in shop.run("-k", "socket").output


# --- unused recordings ------------------------------------------------------------------------------


def test_a_recording_that_no_test_asks_for_is_found(shop):
    shop.write("""
        def test_replayed(wanx_cassette): paint("一间花店", 2)

        @pytest.mark.wanx_cassette("test_replayed")
        def test_another(): pass

        def test_replayed_too(wanx_cassette): pass
    """)
    run = shop.run(REPORT, "--wanx-strict")
    assert run.code == 1
    assert run.section("wanx: cassettes") == [
        f"unused: create wan2.2-t2i-flash '一间书店' SUCCEEDED, in {UNUSED}",
        "The run fails for these: --wanx-strict is on.",
    ]
    assert shop.report()["unused"] == {
        "files": [],
        "entries": [
            {
                "cassette": UNUSED,
                "index": 0,
                "request": "create wan2.2-t2i-flash '一间书店' SUCCEEDED",
            }
        ],
    }


def test_a_test_that_failed_may_not_have_come_so_far(shop):
    shop.write(SHOP.replace('paint("一间书店")', "assert False"))
    run = shop.run("--wanx-strict")
    assert "1 failed, 4 passed" in run.ending
    assert run.summary.endswith("· 0 stale · 0 unused")


# --- stale ------------------------------------------------------------------------------------------


def test_what_was_recorded_too_long_ago_is_stale(shop):
    path = shop.folder / UNUSED
    document = json.loads(path.read_text("utf-8"))
    old = datetime.now(UTC) - timedelta(days=40)
    document["interactions"][0]["at"] = old.isoformat()
    path.write_text(json.dumps(document), "utf-8")
    assert shop.run("--wanx-strict").code == 0
    shop.ini("wanx_max_age = 30")
    run = shop.run(REPORT, "--wanx-strict", "-W", "error")
    assert run.code == 1
    assert "5 passed" in run.ending
    assert run.summary.endswith("· 1 stale · 0 unused")
    said = "create wan2.2-t2i-flash '一间书店' SUCCEEDED"
    assert run.section("wanx: cassettes")[0] == f"stale: {said}, in {UNUSED}"
    assert shop.report()["stale"] == [{"cassette": UNUSED, "index": 0, "request": said}]
    shop.write(
        SHOP.replace(
            "def test_replayed_too",
            "@pytest.mark.wanx_cassette(max_age=50)\n    def test_replayed_too",
        )
    )
    assert shop.run("--wanx-strict").code == 0


def test_an_age_that_is_no_number_of_days_is_refused(project):
    project.ini("wanx_max_age = a while")
    assert "ERROR: wanx_max_age cannot be 'a while': a number of days" in project.run().output


# --- beside other plugins ---------------------------------------------------------------------------

FLAKY = """
    tries = []

    def test_it(wanx_cassette):
        tries.append(1)
        paint("一间花店")
        if len(tries) == 1:
            swallow("没有录过")
            assert False
"""


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "1")], ids=["alone", "xdist"])
def test_of_a_test_that_is_run_again_the_last_attempt_counts(project, live, recorded, workers):
    project.write("def test_it(wanx_cassette): paint('一间花店')")
    recorded()
    project.write(FLAKY)
    options = (*workers, "-p", "rerunfailures", "--reruns=2")
    run = project.run(*options, "--wanx-strict", REPORT)
    assert "1 passed, 1 rerun" in run.ending, run.output
    assert run.summary.startswith("wanx: 1 replayed · 0 simulated · 0 live · ¥0.14 saved")
    assert project.report()["tests"][0]["outcome"] == "passed"


def test_what_an_earlier_attempt_has_bought_stays_bought(project, live):
    project.write(FLAKY)
    options = (
        "-p",
        "rerunfailures",
        "--reruns=2",
        "--wanx-record=all",
        "--wanx-budget=0.42",
        REPORT,
    )
    run = project.run(*options, **live.environment)
    assert "1 passed, 1 rerun" in run.ending, run.output
    assert live.sim.ledger.tasks == 3
    assert "· 3 live ·" in run.summary
    assert project.report()["totals"]["spent"] == 0.42


def test_a_report_that_cannot_be_written_says_so(shop):
    run = shop.run("--wanx-report=test_shop.py/report.json")
    assert run.code == 1
    assert re.search(
        "^--wanx-report: cannot write .*test_shop.py/report.json: ", run.output, re.MULTILINE
    )
    assert "INTERNALERROR" not in run.output


def test_a_run_that_only_collects_judges_nothing(shop):
    without_one(shop)
    assert "wanx:" not in shop.run("--collect-only").output


def test_the_report_is_whole_or_as_it_was(shop):
    shop.run(REPORT)
    before = (shop.folder / "report.json").stat().st_ino
    shop.run(REPORT)
    assert (shop.folder / "report.json").stat().st_ino != before, "it is replaced, not rewritten"
    assert not list(shop.folder.glob(".wanx-*"))
