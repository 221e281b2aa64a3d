"""The bare limit: the same work in one ASGI callable, with nothing around it.

It parses and validates a create by a typed decoder and stores it; it checks the key, and answers a
poll with some 690 bytes of JSON that are encoded anew each time. It has no clock, no states, no
journal, no ledger, no signatures, no faults and no refusals in the service's words.
"""

from __future__ import annotations

import time
from typing import Annotated, Any
from uuid import uuid4

import msgspec
import uvicorn

from .offering import arguments
from .wire import CREATE, KEY, TASKS

_LIMIT = 50_000  # tasks that are held; the oldest make room
_KEY = f"Bearer {KEY}".encode()
_JSON = [(b"content-type", b"application/json")]
_LINK = (
    "https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/1d/{}/20251028/{}.png"
    "?Expires=1761739200&OSSAccessKeyId=LTAI0000000000000000&Signature=c2lnbmF0dXJlLW5vdC1tYWRl"
)


class _Input(msgspec.Struct):
    prompt: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    negative_prompt: Annotated[str, msgspec.Meta(max_length=500)] | None = None


class _Parameters(msgspec.Struct):
    size: Annotated[str, msgspec.Meta(pattern=r"^\d{3,4}\*\d{3,4}$")] = "1024*1024"
    n: Annotated[int, msgspec.Meta(ge=1, le=4)] = 4
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] | None = None
    prompt_extend: bool = True
    watermark: bool = False


class _Create(msgspec.Struct):
    model: str
    input: _Input
    parameters: _Parameters


_decode = msgspec.json.Decoder(_Create).decode
_encode = msgspec.json.Encoder().encode
_tasks: dict[str, tuple[_Create, float]] = {}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve one request."""
    status, answer = 401, {"code": "InvalidApiKey", "message": "", "request_id": ""}
    if (b"authorization", _KEY) in scope["headers"]:
        if scope["method"] == "POST" and scope["path"] == CREATE:
            status, answer = _create((await receive())["body"])
        elif scope["path"].startswith(TASKS):
            status, answer = _poll(scope["path"].rpartition("/")[2])
    await send({"type": "http.response.start", "status": status, "headers": _JSON})
    await send({"type": "http.response.body", "body": _encode(answer)})


def _create(body: bytes) -> tuple[int, dict[str, Any]]:
    try:
        create = _decode(body)
    except msgspec.ValidationError as error:
        return 400, {"code": "InvalidParameter", "message": str(error), "request_id": ""}
    task_id = str(uuid4())
    _tasks[task_id] = create, time.time()
    if len(_tasks) > _LIMIT:
        del _tasks[next(iter(_tasks))]
    output = {"task_id": task_id, "task_status": "PENDING"}
    return 200, {"request_id": str(uuid4()), "output": output}


def _poll(task_id: str) -> tuple[int, dict[str, Any]]:
    found = _tasks.get(task_id)
    if found is None:
        output: dict[str, Any] = {"task_id": task_id, "task_status": "UNKNOWN"}
        return 200, {"request_id": str(uuid4()), "output": output}
    create, submitted = found
    moment = time.strftime("%Y-%m-%d %H:%M:%S.000", time.localtime(submitted))
    result = {"orig_prompt": create.input.prompt, "url": _LINK.format(task_id[:2], task_id)}
    output = {
        "task_id": task_id,
        "task_status": "SUCCEEDED",
        "submit_time": moment,
        "scheduled_time": moment,
        "end_time": moment,
        "results": [result],
        "task_metrics": {"TOTAL": 1, "SUCCEEDED": 1, "FAILED": 0},
    }
    return 200, {"request_id": str(uuid4()), "output": output, "usage": {"image_count": 1}}


if __name__ == "__main__":
    (port,) = arguments()
    uvicorn.run(
        app,
        port=int(port),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
    )
