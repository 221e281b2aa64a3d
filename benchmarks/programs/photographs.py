"""A stand-in for the live service whose pictures are as large as photographs, on a socket.

Tasks are PENDING, RUNNING, SUCCEEDED at the first, second, third poll. Each has one picture, of
noise, which no compression makes smaller than it is.
"""

from __future__ import annotations

import json
from io import BytesIO
from random import Random
from typing import Any

import uvicorn
from PIL import Image

from .offering import arguments
from .wire import CREATE, TASKS

_STATES = ("PENDING", "RUNNING", "SUCCEEDED")


class Photographs:
    """The service, as an ASGI application."""

    def __init__(self, side: int) -> None:
        self._side = side
        self._prompts: list[str] = []
        self._polls: dict[str, int] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        path, kind = scope["path"], b"application/json"
        if path == CREATE:
            body = _json(self._create(json.loads(await _body(receive))))
        elif path.startswith(TASKS):
            host = dict(scope["headers"])[b"host"].decode()
            body = _json(self._poll(path.rpartition("/")[2], host))
        else:
            number = int(path.rpartition("/")[2].partition("-")[0], 16)
            body, kind = _picture(number, self._side), b"image/png"
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _create(self, create: dict[str, Any]) -> dict[str, Any]:
        task_id = identifier(len(self._prompts))
        self._prompts.append(create["input"]["prompt"])
        self._polls[task_id] = 0
        return {"request_id": task_id, "output": {"task_id": task_id, "task_status": "PENDING"}}

    def _poll(self, task_id: str, host: str) -> dict[str, Any]:
        status = _STATES[min(self._polls[task_id], 2)]
        self._polls[task_id] += 1
        output: dict[str, Any] = {"task_id": task_id, "task_status": status}
        output |= {"submit_time": "2025-10-28 12:00:00.000"}
        output |= {
            "task_metrics": {"TOTAL": 1, "SUCCEEDED": int(status == "SUCCEEDED"), "FAILED": 0}
        }
        if status == "SUCCEEDED":
            prompt = self._prompts[int(task_id.partition("-")[0], 16)]
            url = f"http://{host}/pictures/{task_id}.png?Expires=4000000000&Signature=" + "x" * 28
            output |= {"results": [{"orig_prompt": prompt, "url": url}]}
        return {"request_id": task_id, "output": output}


def identifier(number: int) -> str:
    """The id of the task of that number."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def _json(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode()


def _picture(number: int, side: int) -> bytes:
    out = BytesIO()
    noise = Random(number).randbytes(3 * side * side)
    Image.frombytes("RGB", (side, side), noise).save(out, "PNG", compress_level=1)
    return out.getvalue()


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


if __name__ == "__main__":
    port, pixels = map(int, arguments())
    uvicorn.run(Photographs(pixels), port=port, lifespan="off", log_config=None, access_log=False)
