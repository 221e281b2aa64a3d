"""The same tests on respx: the same seven requests, answered with canned bodies."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest
import respx

from benchmarks.programs.wire import CREATE, HOST, TASKS, prompt
from benchmarks.suites.application import picture

_PICTURE = Path(os.environ["BENCH_PICTURE"]).read_bytes()
_ID = "cd613e30-d8f1-4adf-91b7-584a2265b1f5"
_LINK = (
    f"https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/1d/63/{_ID}.png?Expires=1795613400"
)


def _answer(status: str, **more: object) -> httpx.Response:
    output = {"task_id": _ID, "task_status": status, **more}
    return httpx.Response(200, json={"request_id": _ID, "output": output})


@respx.mock
@pytest.mark.parametrize("number", range(int(os.environ["BENCH_TESTS"])))
def test_a_picture_is_bought_once(number: int) -> None:
    create = respx.post(HOST + CREATE).mock(return_value=_answer("PENDING"))
    poll = respx.get(f"{HOST}{TASKS}/{_ID}").mock(
        side_effect=[
            _answer("PENDING"),
            _answer("PENDING"),
            _answer("RUNNING"),
            _answer("RUNNING"),
            _answer("SUCCEEDED", results=[{"url": _LINK}]),
        ]
    )
    respx.get(_LINK).mock(return_value=httpx.Response(200, content=_PICTURE))
    assert picture(prompt(number)).startswith(b"\x89PNG")
    assert poll.call_count == 5
    assert create.call_count == 1
