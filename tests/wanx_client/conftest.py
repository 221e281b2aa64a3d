"""A scripted service, and clients wired to it: no network, no waiting."""

from __future__ import annotations

from types import SimpleNamespace

import httpx
import pytest

from wanx_client import AsyncWanxClient, WanxClient

KEY = "sk-do-not-show-me"
TASK_ID = "0385dc79-5ff8-4d82-bcb6-4b1a6cbb1a11"
PICTURE_URL = "https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/1d/d4/20251028/8d820c8d/{}?Expires=1761700000&OSSAccessKeyId=LTAI5t000000000000000000&Signature=a%2Bb%2Fc%3D"
PNG = b"\x89PNG\r\n\x1a\n and the rest of a small picture"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    """No test sees the settings of the machine it runs on."""
    for name in ("DASHSCOPE_API_KEY", "DASHSCOPE_HTTP_BASE_URL", "WANX_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


class Script:
    """Answers each request with the next step: a response, an error to raise, or a function.

    The last step answers all that follow.
    """

    def __init__(self, *steps):
        self.steps = list(steps)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step() if callable(step) else step

    @property
    def paths(self):
        return [f"{request.method} {request.url.path}" for request in self.requests]


def created(task_id=TASK_ID):
    body = {"output": {"task_status": "PENDING", "task_id": task_id}, "request_id": "req-create"}
    return lambda: httpx.Response(200, json=body)


def polled(status, *, results=None, usage=None, **output):
    output = {"task_id": TASK_ID, "task_status": status, **output}
    if results is not None:
        output["results"] = results
    body = {"request_id": "req-poll", "output": output}
    if usage is not None:
        body["usage"] = {"image_count": usage}
    return lambda: httpx.Response(200, json=body)


def succeeded(*names):
    results = [{"url": PICTURE_URL.format(name)} for name in names or ("one.png",)]
    return polled("SUCCEEDED", results=results, usage=len(results))


def refused(status, code, message="No.", **headers):
    body = {"code": code, "message": message, "request_id": "req-refused"}
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx.Response(status, json=body, headers=headers)


def page(status):
    """A gateway's HTML in place of the service's JSON."""
    return lambda: httpx.Response(status, html="<html>Bad Gateway</html>")


def picture(content=PNG, **headers):
    headers = {"Content-Type": "image/png"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return lambda: httpx.Response(200, content=content, headers=headers)


def oss_error(status, code, message):
    xml = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message><RequestId>67A0</RequestId></Error>"
    return lambda: httpx.Response(
        status, content=xml.encode(), headers={"Content-Type": "application/xml"}
    )


@pytest.fixture
def answer():
    """The answers that a script is made of."""
    return SimpleNamespace(
        created=created,
        polled=polled,
        succeeded=succeeded,
        refused=refused,
        page=page,
        picture=picture,
        oss_error=oss_error,
        expired=oss_error(403, "AccessDenied", "Request has expired."),
    )


@pytest.fixture
def pauses():
    """What the client slept, in seconds."""
    return []


@pytest.fixture
def script():
    """Build a script; its `.requests` tell what was sent."""
    return Script


@pytest.fixture
def connect(pauses):
    """Build a client that talks to a script."""

    def build(script, **options):
        options = {"api_key": KEY, "sleep": pauses.append, **options}
        return WanxClient(transport=httpx.MockTransport(script), **options)

    return build


@pytest.fixture
def connect_async(pauses):
    """Build an async client that talks to a script."""

    async def sleep(seconds):
        pauses.append(seconds)

    def build(script, **options):
        options = {"api_key": KEY, "sleep": sleep, **options}
        return AsyncWanxClient(transport=httpx.MockTransport(script), **options)

    return build
