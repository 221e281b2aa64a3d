"""HAR 1.2, as browsers save it, becomes jobs."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256

import pytest

from wanx_sim import ManualClock, Player, Timing
from wanx_sim.errors import CassetteError


def statuses(job):
    return [state.task_status or state.status for state in job.states]


def foreign(url, method="GET", **response):
    """An entry of another site."""
    answer = {"status": 200, "headers": [], "content": {"size": 0, "mimeType": ""}} | response
    request = {"method": method, "url": url, "headers": []}
    return {
        "startedDateTime": "2025-10-28T04:00:00.000Z",
        "time": 1,
        "request": request,
        "response": answer,
    }


def test_a_job_in_a_browser_replays(browser, page, take_over, talk, tmp_path):
    page.order("一间花店，木门")
    cassette, (imported,) = take_over(browser.save(tmp_path / "shop.har"))
    (job,) = cassette.jobs
    assert (job.complete, imported.skipped, cassette.host) == (True, {}, "dashscope.aliyuncs.com")
    assert str(job.price) == "0.14"
    again = talk(Player(cassette, pace="instant", clock=ManualClock()))
    assert again.pictures(again.job("一间花店，木门", n=1, seed=7)) == page.pictures


def test_offsets_are_between_the_ends_of_answers(browser, page, sim, take_over, tmp_path):
    sim.timing = Timing.parse("seconds:10,20")
    page.every = 7
    page.order()
    (job,) = take_over(browser.save(tmp_path / "shop.har"))[0].jobs
    assert [state.offset for state in job.states] == [0.0, 14.0, 35.0]
    assert job.at.isoformat() == "2025-10-28T04:00:00+00:00"


def test_entries_in_any_order_are_read_by_their_times(browser, page, sim, take_over, tmp_path):
    page.every = 1
    page.order()
    browser.entries[:3] = reversed(browser.entries[:3])
    for number, entry in enumerate(sorted(browser.entries, key=lambda e: "POST" not in str(e))):
        entry["time"] = 250 + number  # what is asked in one moment is answered in another
    (job,) = take_over(browser.save(tmp_path / "shop.har"))[0].jobs
    assert statuses(job) == ["PENDING", "RUNNING", "SUCCEEDED"]


def test_a_session_s_other_sites_are_skipped_and_counted(browser, page, take_over, tmp_path):
    page.order()
    preflight = foreign(browser.entries[0]["request"]["url"], "OPTIONS", status=204)
    others = [
        foreign("https://shop.example/花店.html"),
        foreign("https://shop.example/api/v1/tasks/7"),
        foreign("data:image/png;base64,AAAA"),
        foreign("wss://shop.example/live", status=101),
        preflight,
    ]
    _, (imported,) = take_over(browser.save(tmp_path / "shop.har", *others))
    assert imported.skipped == {"not of the text-to-image API": 5}
    assert len(imported.jobs) == 1


@pytest.mark.parametrize("absent", [None, ""])
def test_a_file_without_bodies_has_no_jobs_and_says_why(browser, page, take_over, tmp_path, absent):
    page.order()
    for entry in browser.entries:
        if absent is None:
            del entry["response"]["content"]["text"]
        else:
            entry["response"]["content"]["text"] = absent
    cassette, (imported,) = take_over(browser.save(tmp_path / "shop.har"))
    assert imported.skipped == {
        "the file does not hold the answer": 4,
        "pictures of no job in the file": 1,
    }
    assert not cassette.exists


def test_bodies_that_lie_beside_the_file_are_not_in_it(browser, page, take_over, tmp_path):
    """As Playwright saves them, unless it is told to embed them."""
    page.order()
    for number, entry in enumerate(browser.entries):
        entry["response"]["content"] = {"size": -1, "mimeType": "", "_file": f"{number}.dat"}
    _, (imported,) = take_over(browser.save(tmp_path / "shop.har"))
    assert imported.skipped["the file does not hold the answer"] == 4


def test_a_create_whose_body_was_left_out_is_skipped(browser, page, take_over, tmp_path):
    page.order()
    del browser.entries[0]["request"]["postData"]
    _, (imported,) = take_over(browser.save(tmp_path / "shop.har"))
    assert imported.jobs == []
    assert imported.skipped["creates whose body is not in the file"] == 1


@pytest.mark.parametrize("damage", ["left out", "cut off", "refused"])
def test_a_job_without_its_picture_is_incomplete(browser, page, take_over, tmp_path, damage):
    page.order()
    answer = browser.entries[-1]["response"]
    if damage == "left out":
        del answer["content"]["text"]
    elif damage == "cut off":
        answer["content"]["text"] = answer["content"]["text"][:4000]
    else:
        answer["status"] = 403
    (job,) = take_over(browser.save(tmp_path / "shop.har"))[0].jobs
    assert (job.complete, job.images) == (False, [])
    assert job.trouble == "result 0: the file does not hold it"


def test_a_picture_from_the_browser_s_cache_counts(browser, page, take_over, tmp_path):
    page.order()
    browser.entries[-1]["response"]["status"] = 304
    (job,) = take_over(browser.save(tmp_path / "shop.har"))[0].jobs
    assert job.images[0].sha256 == sha256(page.pictures[0]).hexdigest()


def test_a_scaled_picture_is_not_taken_for_the_picture(browser, page, take_over, tmp_path):
    page.order()
    browser.entries[-1]["request"]["url"] += "&x-oss-process=image/resize,w_100"
    (job,) = take_over(browser.save(tmp_path / "shop.har"))[0].jobs
    assert not job.complete


def test_a_json_body_may_be_base64(browser, page, take_over, tmp_path):
    page.order()
    whole, _ = take_over(browser.save(tmp_path / "whole.har"), name="whole")
    for entry in browser.entries[:-1]:
        content = entry["response"]["content"]
        encoded = b64encode(content["text"].encode()).decode()
        content |= {"text": encoded[:76] + "\n" + encoded[76:], "encoding": "base64"}
    packed, _ = take_over(browser.save(tmp_path / "packed.har"), name="packed")
    assert packed.jobs == whole.jobs


def test_a_create_whose_answer_was_lost_replays_as_lost(browser, page, take_over, tmp_path):
    page.create()
    lost = browser.entries[0]["response"]
    lost |= {"status": 0, "content": {"size": 0, "mimeType": "x-unknown"}, "headers": []}
    _, (imported,) = take_over(browser.save(tmp_path / "shop.har"))
    assert [(entry.operation, entry.status) for entry in imported.exchanges] == [("create", None)]


def test_a_broken_poll_is_counted(browser, page, take_over, tmp_path):
    page.order()
    browser.entries[1]["response"] |= {"status": 0, "content": {"size": 0, "mimeType": ""}}
    _, (imported,) = take_over(browser.save(tmp_path / "shop.har"))
    assert statuses(imported.jobs[0]) == ["RUNNING", "SUCCEEDED"]
    assert imported.skipped == {"requests whose connection broke": 1}


def test_a_byte_order_mark_is_ignored(browser, page, take_over, tmp_path):
    page.create()
    path = browser.save(tmp_path / "shop.har")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(take_over(path)[0].jobs) == 1


def test_times_have_any_zone(browser, page, take_over, tmp_path):
    page.create()
    browser.entries[0]["startedDateTime"] = "2025-10-28T12:00:00.5+08:00"
    (job,) = take_over(browser.save(tmp_path / "shop.har"))[0].jobs
    assert job.at.isoformat() == "2025-10-28T04:00:00.750000+00:00"


def test_what_har_makes_optional_may_be_absent(browser, page, take_over, tmp_path):
    page.order()
    for entry in browser.entries:
        for name in ("time", "timings", "cache", "connection", "pageref"):
            entry.pop(name)
        for name in ("cookies", "queryString", "headersSize", "bodySize", "httpVersion"):
            entry["request"].pop(name)
    assert take_over(browser.save(tmp_path / "shop.har"))[0].jobs[0].complete


# --- what is no HAR -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "is no HAR file: Object missing required field `log`"),
        ('{"log": {}}', "is no HAR file: Object missing required field `entries` - at `$.log`"),
        ('{"log": {"entries": {}}}', "is no HAR file: Expected `array`, got `object`"),
        ('{"log": {"entries": [7]}}', "entry 1: Expected `object`, got `int`"),
        ('{"log": {"entries": [', "is no HAR file: Input data was truncated"),
        ('{"log": ' * 5000, "is no HAR file"),
        ("{" + '"a":[' * 100_000, "is no HAR file"),
    ],
)
def test_what_is_no_har_is_refused_in_one_line(take_over, tmp_path, library, text, says):
    path = tmp_path / "bad.har"
    path.write_text(text)
    with pytest.raises(CassetteError) as raised:
        take_over(path)
    assert str(raised.value).startswith(str(path))
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not library.exists()


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (("request", "url"), 7, "Expected `str`, got `int` - at `$.request.url`"),
        (("request", "url"), "http://[", "its URL cannot be read"),
        (("request", "method"), None, "Expected `str`, got `null` - at `$.request.method`"),
        (("request", "headers"), {"a": "b"}, "Expected `array`, got `object`"),
        (("request", "headers"), [{"name": 7}], "Expected `str`, got `int`"),
        (("request", "postData"), "花店", "Expected `object | null`, got `str`"),
        (("response", "status"), "200", "Expected `int`, got `str` - at `$.response.status`"),
        (("response", "status"), 7, "7 is no HTTP status"),
        (("response", "content"), None, "Expected `object`, got `null`"),
        (("response", "content", "text"), 7, "Expected `str | null`, got `int`"),
        (("response", "content", "encoding"), "rot13", "no encoding of a body is called 'rot13'"),
        (("response", "content", "encoding"), "base64", "its body is not base64"),
        (("startedDateTime",), "yesterday", "'yesterday' is no time"),
        (("startedDateTime",), "9999-12-31T00:00:00Z", "no recording is of"),
        (("startedDateTime",), None, "Expected `str`, got `null`"),
        (("time",), 1e300, "no recording is of"),
        (("time",), "soon", "Expected `float | null`, got `str`"),
    ],
)
def test_a_wrong_type_is_named_with_its_entry(
    browser, page, take_over, tmp_path, library, where, value, says
):
    page.create()
    page.create("另一间花店")
    part = browser.entries[1]
    for name in where[:-1]:
        part = part[name]
    part[where[-1]] = value
    path = browser.save(tmp_path / "bad.har")
    with pytest.raises(CassetteError) as raised:
        take_over(path)
    assert str(raised.value).startswith(f"{path}: entry 2: ")
    assert says in str(raised.value)
    assert not library.exists()


def test_format_can_be_said(browser, page, take_over, tmp_path):
    page.create()
    path = browser.save(tmp_path / "shop.json")
    assert len(take_over(path, format="har")[0].jobs) == 1
    with pytest.raises(CassetteError, match=r"shop.json is no VCR file: it has no list"):
        take_over(path, format="vcr")
    assert json.loads(path.read_text(encoding="utf-8"))["log"]["version"] == "1.2"
