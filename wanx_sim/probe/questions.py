"""What a probe asks: only what cannot be billed.

A create is asked about only in ways in which it cannot succeed: without a key, with a wrong one,
without the async header, for a model that does not exist, or with nothing to paint.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ..protocol.routes import CREATE_PATH, TASKS_PATH
from ..wire import Request

Auth = Literal["good", "wrong", "none"]

_NO_TASK = "00000000-0000-4000-8000-000000000000"
_MODEL = "wan2.5-t2i-preview"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One request, and what its answer tells."""

    name: str
    tells: str
    behaviours: tuple[str, ...] = ()
    """What of the provenance table the answer bears on."""
    method: str = "POST"
    path: str = CREATE_PATH
    query: str = ""
    auth: Auth = "good"
    asynchronous: bool = True
    body: bytes = b""

    def request(self, host: str, scheme: str, key: str) -> Request:
        """The request, as it is sent to a host."""
        headers = {"user-agent": "wanx-kit probe"}
        if self.auth != "none":
            headers["authorization"] = f"Bearer {key if self.auth == 'good' else 'sk-wrong'}"
        if self.method == "POST":
            headers["content-type"] = "application/json"
        if self.path == CREATE_PATH and self.asynchronous:
            headers["x-dashscope-async"] = "enable"
        return Request(
            method=self.method,
            scheme=scheme,
            host=host,
            path=self.path,
            query=self.query,
            headers=headers,
            body=self.body,
        )


def _body(**parts: object) -> bytes:
    return msgspec.json.encode(parts)


# Whoever accepts a key that is wrong still has nothing to bill.
_NOTHING = {"model": "wanx-kit-no-such-model", "input": {"prompt": "一间花店"}}

FREE: tuple[Question, ...] = (
    Question(
        name="wrong-key",
        tells="401 of a wrong key",
        behaviours=("headers.wrong-key", "answer.refusal"),
        auth="wrong",
        body=_body(**_NOTHING),
    ),
    Question(
        name="no-key",
        tells="401 without a key",
        behaviours=("answer.refusal",),
        auth="none",
        body=_body(**_NOTHING),
    ),
    Question(
        name="wrong-key-first",
        tells="whether the key is looked at before the body",
        behaviours=("headers.wrong-key",),
        auth="wrong",
        body=b"{",
    ),
    Question(
        name="no-async-header",
        tells="403 of a synchronous call (for a model that does not exist, so it cannot be one)",
        behaviours=("routes.create",),
        asynchronous=False,
        body=_body(**_NOTHING),
    ),
    Question(
        name="unknown-model",
        tells="the answer to a model that does not exist",
        behaviours=("headers.gateway", "answer.refusal"),
        body=_body(**_NOTHING),
    ),
    Question(name="no-model", tells="a body without a model", body=_body(input={"prompt": "x"})),
    Question(name="no-input", tells="a body without input", body=_body(model=_MODEL)),
    Question(
        name="no-prompt",
        tells="where and how a missing prompt is refused",
        behaviours=("create.validation-submit", "create.validation-task"),
        body=_body(model=_MODEL, input={"negative_prompt": "x"}),
    ),
    Question(name="broken-json", tells="a body that is no JSON", body=b'{"model": '),
    Question(
        name="unknown-task",
        tells="a poll of a task that never was",
        behaviours=("answer.unknown", "routes.query"),
        method="GET",
        path=f"{TASKS_PATH}/{_NO_TASK}",
    ),
    Question(
        name="malformed-task",
        tells="a poll of something that is no id",
        behaviours=("answer.unknown",),
        method="GET",
        path=f"{TASKS_PATH}/1111",
    ),
    Question(
        name="trailing-slash",
        tells="whether a poll may end in a slash, as the asyncio SDK sends it",
        behaviours=("routes.trailing-slash",),
        method="GET",
        path=f"{TASKS_PATH}/{_NO_TASK}/",
    ),
    Question(
        name="cancel-unknown",
        tells="cancelling a task that never was",
        behaviours=("lifecycle.cancel-unknown",),
        path=f"{TASKS_PATH}/{_NO_TASK}/cancel",
    ),
    Question(
        name="list",
        tells="the keys of the task list",
        behaviours=("answer.list", "routes.list"),
        method="GET",
        path=TASKS_PATH,
        query="page_no=1&page_size=1",
    ),
    Question(
        name="list-bad-time",
        tells="the list with a time that is none",
        behaviours=("list.span",),
        method="GET",
        path=TASKS_PATH,
        query="start_time=yesterday",
    ),
    Question(
        name="list-bad-status",
        tells="the list with a status that is none",
        behaviours=("list.filters",),
        method="GET",
        path=TASKS_PATH,
        query="status=SLEEPING",
    ),
    Question(name="unknown-path", tells="a path that does not exist", path="/api/v1/no/such/path"),
    Question(name="wrong-method", tells="a method that a path does not know", method="GET"),
)


class Look(msgspec.Struct, frozen=True):
    """One request for a picture that was bought."""

    name: str
    tells: str
    behaviours: tuple[str, ...] = ()
    method: str = "GET"
    headers: dict[str, str] = {}
    more: str = ""
    """What is put behind the link."""


PICTURE: tuple[Look, ...] = (
    Look("picture", "the headers of a picture", ("oss.headers", "oss.content-type")),
    Look("picture-head", "HEAD with a link signed for GET", ("oss.head",), "HEAD"),
    Look(
        "picture-content-type",
        "a Content-Type that was not signed",
        ("oss.signed-headers",),
        headers={"content-type": "image/png"},
    ),
    Look("picture-range", "a range of a picture", ("oss.range",), headers={"range": "bytes=0-7"}),
    Look("picture-signature", "a wrong signature", ("oss.signature", "oss.xml"), more="x"),
)
