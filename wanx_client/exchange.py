"""One request and its answer: what httpx raises and what the service says, as our own errors."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from wanx_client.errors import (
    AuthenticationError,
    ConnectionFailedError,
    WanxError,
    error_class,
)
from wanx_client.models import without_query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wanx_client.account import Account
    from wanx_client.effects import Operation, Send
    from wanx_client.wire import Json

# What httpx raises before anything of the request was sent.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def deliver(request: Send) -> Operation[httpx.Response]:
    """Send a request; a lost connection is raised as `ConnectionFailedError`."""
    try:
        response: httpx.Response = yield request
    except httpx.RequestError as error:
        raise ConnectionFailedError(
            f"No answer from {without_query(request.url)}:"
            f" {str(error).rstrip('.') or 'the connection was lost'} ({type(error).__name__}).",
            sent=not isinstance(error, _NEVER_SENT),
        ) from error
    return response


def read_answer(response: httpx.Response, account: Account) -> Json:
    """Return the JSON object that the service answered, or raise what it refused."""
    body = _json_object(response)
    if body is None:
        raise _page_in_place_of_json(response, account)
    if not response.is_success:
        raise _refusal(response, body, account)
    return body


@contextmanager
def about(task_id: str) -> Iterator[None]:
    """Let each error raised within say which task it concerns."""
    try:
        yield
    except WanxError as error:
        error.task_id = error.task_id or task_id
        raise


def _json_object(response: httpx.Response) -> Json | None:
    # The Content-Type says nothing: a recorded 401 has none, and yet a JSON body.
    try:
        body = json.loads(response.content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _page_in_place_of_json(response: httpx.Response, account: Account) -> WanxError:
    kind = response.headers.get("Content-Type") or "something"
    return error_class(response.status_code, None)(
        f"{account.place} answered HTTP {response.status_code} with {kind} in place of JSON:"
        " a gateway's page, or not the service at all.",
        http_status=response.status_code,
        request_id=response.headers.get("X-Request-ID"),
        retry_after=_retry_after(response),
    )


def _refusal(response: httpx.Response, body: Json, account: Account) -> WanxError:
    code = str(body["code"]) if body.get("code") else None
    kind = error_class(response.status_code, code)
    message = account.redact(str(body.get("message") or f"HTTP {response.status_code}"))
    if kind is AuthenticationError:
        message += f" A key is valid in its own region only; this one was sent to {account.place}."
    return kind(
        message,
        code=code,
        http_status=response.status_code,
        request_id=body.get("request_id") or response.headers.get("X-Request-ID"),
        retry_after=_retry_after(response),
    )


def _retry_after(response: httpx.Response) -> float | None:
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isascii() and seconds.isdigit() else None
