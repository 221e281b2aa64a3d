"""`dashscope.ImageSynthesis`, as a program of today and one of 2025 use it."""

from __future__ import annotations

import pytest
from PIL import Image

pytestmark = pytest.mark.sdk

POLLS = ("429 on a poll", "504 on a poll", "no JSON on a poll", "no status on a poll")


def test_blocking_calls_do_all_that_their_documentation_says(sdk, url, tmp_path):
    seen = sdk.run("plain.py", url)

    called = seen["called"]
    assert called["status_code"] == 200
    assert called["output"]["task_status"] == "SUCCEEDED"
    assert called["usage"] == {"image_count": 2}
    assert len(seen["files"]) == 2
    for name in seen["files"]:
        with Image.open(tmp_path / name) as picture:
            picture.load()
            assert (picture.format, picture.size) == ("PNG", (1280, 960))

    submitted = seen["submitted"]["output"]
    assert submitted["task_status"] == "PENDING"
    assert seen["fetched"]["output"]["task_status"] == "RUNNING"
    assert seen["waited"]["output"]["task_status"] == "SUCCEEDED"
    assert seen["waited"]["output"]["task_id"] == submitted["task_id"]

    doomed = seen["doomed"]["output"]["task_id"]
    assert seen["canceled"]["status_code"] == 200
    assert seen["after_cancel"]["output"]["task_status"] == "CANCELED"
    assert seen["canceled_again"]["status_code"] == 400
    assert seen["canceled_again"]["code"] == "UnsupportedOperation"
    assert seen["listed"] == {
        called["output"]["task_id"]: "SUCCEEDED",
        submitted["task_id"]: "SUCCEEDED",
        doomed: "CANCELED",
    }


def test_the_asyncio_client_does_the_same(sdk, url, tmp_path):
    seen = sdk.run("with_asyncio.py", url)

    called = seen["called"]
    assert called["status_code"] == 200
    assert called["output"]["task_status"] == "SUCCEEDED"
    (name,) = seen["files"]
    with Image.open(tmp_path / name) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("PNG", (960, 1280))

    submitted, doomed = seen["submitted"]["output"], seen["doomed"]["output"]
    assert submitted["task_status"] == "PENDING"
    assert seen["waited"]["output"]["task_status"] == "SUCCEEDED"
    assert seen["waited"]["output"]["task_id"] == submitted["task_id"]
    assert seen["fetched"]["output"]["task_status"] == "PENDING"

    # 1.24.6 sends GET instead of POST here, so nothing can be canceled with it.
    can_cancel = sdk.version != "1.24.6"
    assert seen["canceled"]["status_code"] == (200 if can_cancel else 400)
    assert seen["listed"] == {
        called["output"]["task_id"]: "SUCCEEDED",
        submitted["task_id"]: "SUCCEEDED",
        doomed["task_id"]: "CANCELED" if can_cancel else "PENDING",
    }


def test_trouble_shows_as_the_sdk_shows_it(sdk, url):
    seen = sdk.run("in_trouble.py", url)

    def refused(name):
        return seen[name]["status_code"], seen[name]["code"]

    assert refused("wrong key") == (401, "InvalidApiKey")
    assert seen["wrong key"]["message"] == "Invalid API-key provided."
    assert seen["wrong key, call"]["raised"] == "InvalidTask"
    assert "InvalidApiKey" in seen["wrong key, call"]["text"]
    assert refused("bad size") == (400, "InvalidParameter")
    assert refused("no such model") == (400, "InvalidParameter")
    assert refused("synchronous") == (403, "AccessDenied")
    assert refused("moderated") == (400, "DataInspectionFailed")
    assert refused("throttled") == (429, "Throttling.RateQuota")
    # The SDK asks nobody about this one.
    assert seen["no model"] == {"raised": "ModelRequired", "text": "Model is required!"}

    # A failed task is a good answer to the question how it went.
    failed = seen["failed"]
    assert failed["status_code"] == 200
    assert failed["output"]["task_status"] == "FAILED"
    assert failed["output"]["code"] == "InternalError.Algo"
    assert failed["output"]["message"]
    assert not failed["usage"]
    assert seen["unknown"]["output"]["task_status"] == "UNKNOWN"

    # One throttled poll ends the waiting; what the gateway could not forward does not.
    assert refused("429 on a poll") == (429, "Throttling.RateQuota")
    assert seen["504 on a poll"]["output"]["task_status"] == "SUCCEEDED"
    assert seen["no JSON on a poll"]["raised"] == "JSONDecodeError"
    assert seen["no status on a poll"]["raised"] == "KeyError"

    partial = seen["partial"]
    assert partial["output"]["task_status"] == "SUCCEEDED"
    assert partial["output"]["task_metrics"] == {"TOTAL": 2, "SUCCEEDED": 1, "FAILED": 1}
    assert partial["usage"] == {"image_count": 1}
    good, bad = partial["output"]["results"]
    assert good["url"]
    assert bad["url"] == ""  # what the SDK makes of an entry that has none
    assert bad["code"] == "InternalError.Timeout"

    # 2.0 sends a create again when the connection breaks: the task exists twice, and costs twice.
    sends_again = sdk.version != "1.24.6"
    if sends_again:
        assert seen["lost"]["status_code"] == 200
    else:
        assert seen["lost"]["raised"] == "ConnectionError"
    assert seen["tasks"] == len(["failed", "partial", "lost", *POLLS]) + sends_again
