"""The simulator through `asgi_app`, called as a server calls it: with no client and no socket."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from wanx_sim import Service, Simulator

from .wire import CREATE, CREATE_HEADERS, KEY, TASKS, body

Headers = list[tuple[bytes, bytes]]


class Caller:
    """Calls a service's ASGI application."""

    def __init__(self, service: Service) -> None:
        self._app = service.asgi_app()
        self._headers = _encoded(CREATE_HEADERS)

    async def call(self, method: str, path: str, query: str = "", content: bytes = b"") -> bytes:
        """The API's answer to one request."""
        return await self._call(method, path, query, content, self._headers)

    async def picture(self, path: str, query: str) -> bytes:
        """A picture by its link, as anybody may get it."""
        return await self._call("GET", path, query, b"", _encoded({}))

    async def _call(
        self, method: str, path: str, query: str, content: bytes, headers: Headers
    ) -> bytes:
        messages: list[Mapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            messages.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        await self._app(scope, receive, send)
        answer = b"".join(message.get("body", b"") for message in messages[1:])
        assert messages[0]["status"] == 200, answer
        return answer

    async def create(self, text: str) -> str:
        """A new task's id."""
        answer = json.loads(await self.call("POST", CREATE, content=body(text)))
        task_id: str = answer["output"]["task_id"]
        return task_id

    async def poll(self, task_id: str) -> bytes:
        """A poll's answer."""
        return await self.call("GET", f"{TASKS}/{task_id}")


def _encoded(headers: Mapping[str, str]) -> Headers:
    named = {"Host": "127.0.0.1", **headers}
    return [(name.lower().encode(), value.encode()) for name, value in named.items()]


def simulator(store: str = "memory://") -> Simulator:
    """A simulator whose tasks end at once, with one accepted key."""
    return Simulator(timing="instant", store=store, api_keys={KEY: "beijing"})


def links(answer: bytes) -> Iterator[tuple[str, str]]:
    """Path and query of the pictures that a poll shows."""
    for result in json.loads(answer)["output"]["results"]:
        path, _, query = result["url"].partition("://")[2].partition("/")[2].partition("?")
        yield f"/{path}", query
