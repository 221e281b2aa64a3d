"""Prune: what goes, and above all what stays."""

from __future__ import annotations

import json
import os
import shutil
import time
from datetime import timedelta
from decimal import Decimal

import pytest

from wanx_sim import Cassette, CassetteError
from wanx_sim.cassettes import pruning
from wanx_sim.cassettes.pruning import Wanted, prune, unused


@pytest.fixture
def shop(record):
    """A library with one cassette of two jobs; nothing in it is young."""
    path = record("花店", {"prompt": "灯塔", "n": 2}).path
    settle(path.parent)
    return path


def settle(folder):
    """Let some time have passed since the files of a library were written."""
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - 2 * pruning.YOUNG,) * 2)


def edit(path, change):
    document = json.loads(path.read_bytes())
    change(document["interactions"])
    path.write_text(json.dumps(document, ensure_ascii=False))


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def pictures(path, *jobs):
    found = Cassette.load(path).jobs
    return {f"images/{image.sha256}.png" for job in jobs for image in found[job].images}


def pruned(path, **more):
    dry_run = more.pop("dry_run", False)
    return prune(path.parent, [path], Wanted(**more), dry_run=dry_run)


def test_a_library_that_is_in_order_is_left_alone(shop):
    before = {path: path.stat().st_mtime_ns for path in shop.parent.rglob("*")}
    assert pruned(shop, incomplete=True, max_age=timedelta(days=100_000)) == []
    assert {path: path.stat().st_mtime_ns for path in shop.parent.rglob("*")} == before


def test_pictures_that_nothing_names_go_with_what_was_left_half_written(shop):
    kept = pictures(shop, 1)
    edit(shop, lambda jobs: jobs.pop(0))
    (shop.parent / ".wanx-0123").write_bytes(b"half")
    (shop.parent / "images" / ".wanx-4567").write_bytes(b"half a picture")
    settle(shop.parent)
    gone = pruned(shop)
    assert files(shop.parent) == {"flower-shop.json"} | kept
    assert [each.why for each in gone].count("left half written") == 2
    assert [each.why for each in gone].count("named by no cassette") == 1
    assert sum(each.bytes for each in gone) > 10_000


def test_what_was_written_a_moment_ago_may_be_a_recorder_s(shop):
    young = shop.parent / "images" / f"{'0' * 64}.png"
    young.write_bytes(b"x")
    assert pruned(shop) == []
    settle(shop.parent)
    assert [each.file for each in pruned(shop)] == [str(young)]


def test_files_that_are_none_of_ours_stay(shop):
    for name in ("images/README.md", "images/cover.png", "notes.txt", f"images/{'0' * 64}.jpg"):
        (shop.parent / name).write_bytes(b"x")
    settle(shop.parent)
    assert pruned(shop) == []


def test_a_picture_of_another_cassette_stays(shop):
    shutil.copy(shop, shop.with_name("other.json"))
    edit(shop, lambda jobs: jobs.pop(0))
    settle(shop.parent)
    assert pruned(shop) == []


def test_incomplete_jobs_go_with_their_pictures_when_that_is_asked_for(shop):
    kept = pictures(shop, 1)
    edit(shop, lambda jobs: jobs[0].update(complete=False))
    assert pruned(shop) == []
    gone = pruned(shop, incomplete=True)
    assert [(each.why, each.prompt, each.price) for each in gone if each.job] == [
        ("incomplete", "花店", Decimal("0.14"))
    ]
    assert files(shop.parent) == {"flower-shop.json"} | kept
    assert [job.request["input"]["prompt"] for job in Cassette.load(shop).jobs] == ["灯塔"]


def test_what_was_asked_about_a_job_goes_with_it(recorder, talk):
    client = talk(recorder)
    task_id = client.submit("花店")
    client.ask("POST", f"/api/v1/tasks/{task_id}/cancel")
    client.job("灯塔")
    recorder.close()
    path = recorder.cassette.path
    assert len(Cassette.load(path)) == 3
    pruned(path, incomplete=True)
    assert [type(entry).__name__ for entry in Cassette.load(path).interactions] == ["Job"]


def test_the_models_of_the_header_are_those_of_what_is_left(record):
    path = record("花店", {"prompt": "灯塔", "model": "wanx-v1", "size": "1024*1024"}).path
    edit(path, lambda jobs: jobs[1].update(complete=False))
    pruned(path, incomplete=True)
    assert Cassette.load(path).header.models == ["wan2.2-t2i-flash"]


def test_a_cassette_of_which_nothing_is_left_goes_as_a_file(shop):
    gone = pruned(shop, max_age=timedelta(days=1))
    assert [each.why for each in gone if each.file == str(shop) and not each.job] == [
        "nothing is left in it"
    ]
    assert files(shop.parent) == set()


def test_a_rehearsal_says_the_same_and_changes_nothing(shop):
    edit(shop, lambda jobs: jobs[0].update(complete=False))
    before = {path: path.read_bytes() for path in shop.parent.rglob("*") if path.is_file()}
    said = pruned(shop, incomplete=True, dry_run=True)
    assert {path: path.read_bytes() for path in shop.parent.rglob("*") if path.is_file()} == before
    assert pruned(shop, incomplete=True) == said != []


def test_cassettes_that_a_report_says_are_unused_go(shop, tmp_path):
    used = shutil.copy(shop, shop.with_name("used.json"))
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"unused": {"files": [str(shop)]}, "replayed": 3}))
    gone = pruned(shop, unused=unused(report))
    assert {each.why for each in gone} == {"unused"}
    assert shop.exists() is False
    assert pictures(used, 0, 1) <= files(shop.parent), "the other cassette shows the same"


@pytest.mark.parametrize("text", ["{}", "[]", "nothing", '{"unused": ["a.json"]}', "[" * 100_000])
def test_a_report_of_another_kind_is_refused(tmp_path, text):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(CassetteError, match="is no report of --wanx-report"):
        unused(tmp_path / "report.json")


def test_nothing_is_removed_while_a_cassette_of_the_library_cannot_be_read(shop):
    shop.with_name("other.json").write_text("{")
    edit(shop, lambda jobs: jobs.clear())
    settle(shop.parent)
    before = files(shop.parent)
    with pytest.raises(CassetteError, match=r"other\.json"):
        pruned(shop, incomplete=True)
    assert files(shop.parent) == before


def test_nothing_is_removed_through_a_link(shop, tmp_path):
    elsewhere = tmp_path / "pictures"
    shutil.move(shop.parent / "images", elsewhere)
    (shop.parent / "images").symlink_to(elsewhere)
    edit(shop, lambda jobs: jobs.clear())
    with pytest.raises(CassetteError, match="leads out of"):
        pruned(shop)
    assert len(list(elsewhere.iterdir())) == 3
