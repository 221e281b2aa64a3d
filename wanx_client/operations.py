"""What the client can do, each as one generator for sync and async alike (see `effects`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from wanx_client.downloads import IMAGE_HEADERS, check_url, read_picture, save, target_paths
from wanx_client.effects import Operation, Send, Work
from wanx_client.errors import (
    AmbiguousSubmitError,
    ConnectionFailedError,
    ResponseFormatError,
    ServiceError,
    WanxError,
)
from wanx_client.exchange import about, deliver, read_answer
from wanx_client.models import Task
from wanx_client.outcomes import succeeded
from wanx_client.polling import Deadline, may_repeat, persistently, until_terminal, was_not_accepted
from wanx_client.wire import read_page, read_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    import httpx

    from wanx_client.account import Account
    from wanx_client.models import TaskPage
    from wanx_client.wire import Json, Order

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How a task is waited for: the arguments of `wait`."""

    poll_interval: float
    timeout: float | None
    on_update: Callable[[Task], object] | None

    def __post_init__(self) -> None:
        if self.poll_interval < 0:
            raise ValueError(f"poll_interval cannot be negative: {self.poll_interval!r}")
        if self.timeout is not None and self.timeout < 0:
            raise ValueError(f"timeout cannot be negative: {self.timeout!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Operations:
    """The operations of one account. *timeout* is for a single request, in seconds."""

    account: Account
    retries: int
    timeout: float

    def submit(self, order: Order) -> Operation[Task]:
        request = self._request(
            "POST",
            self.account.url("services", "aigc", "text2image", "image-synthesis"),
            headers={"Content-Type": "application/json", "X-DashScope-Async": "enable"},
            content=order.body(),
        )
        try:
            return read_task((yield from self._ask(request, worth_it=was_not_accepted)))
        except ResponseFormatError as error:
            raise ResponseFormatError(f"{error.message} {_MAY_EXIST}") from error
        except WanxError as error:
            if _leaves_open_whether_accepted(error):
                raise _ambiguous(error) from error
            raise

    def fetch(self, task: Task | str, deadline: Deadline | None = None) -> Operation[Task]:
        task_id = id_of(task)
        with about(task_id):
            request = self._request("GET", self.account.url("tasks", task_id))
            body = yield from self._ask(request, deadline=deadline)
            return read_task(body)

    def wait(self, task: Task | str, patience: Patience) -> Operation[Task]:
        last = task if isinstance(task, Task) else None
        if last is None or not last.status.terminal:
            deadline = Deadline(patience.timeout)
            last = yield from until_terminal(
                partial(self.fetch, task, deadline),
                last,
                task_id=id_of(task),
                poll_interval=patience.poll_interval,
                deadline=deadline,
                on_update=patience.on_update,
            )
        return succeeded(last)

    def generate(self, order: Order, patience: Patience) -> Operation[Task]:
        task = yield from self.submit(order)
        return (yield from self.wait(task, patience))

    def cancel(self, task: Task | str) -> Operation[None]:
        task_id = id_of(task)
        with about(task_id):
            request = self._request("POST", self.account.url("tasks", task_id, "cancel"))
            yield from self._ask(request, worth_it=was_not_accepted)

    def tasks(self, query: Mapping[str, str]) -> Operation[TaskPage]:
        request = self._request("GET", f"{self.account.url('tasks')}?{urlencode(query)}")
        return read_page((yield from self._ask(request)))

    def download(self, task: Task | str, directory: str | PathLike[str]) -> Operation[list[Path]]:
        if not isinstance(task, Task):
            task = yield from self.fetch(task)
        paths: list[Path] = []
        for image, target in target_paths(succeeded(task), Path(directory)):
            with about(task.id):
                content = yield from self._picture(image.url)
            yield Work(function=partial(save, content, target))
            paths.append(target)
        return paths

    def _picture(self, url: str) -> Operation[bytes]:
        check_url(url)
        request = Send(method="GET", url=url, headers=IMAGE_HEADERS, timeout=self.timeout)
        return (yield from self._persistently(request, partial(read_picture, url=url)))

    def _request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Send:
        return Send(
            method=method,
            url=url,
            headers={**self.account.headers, **(headers or {})},
            content=content,
            timeout=self.timeout,
        )

    def _ask(
        self,
        request: Send,
        *,
        deadline: Deadline | None = None,
        worth_it: Callable[[WanxError], bool] = may_repeat,
    ) -> Operation[Json]:
        read = partial(read_answer, account=self.account)
        return self._persistently(request, read, deadline, worth_it)

    def _persistently(
        self,
        request: Send,
        read: Callable[[httpx.Response], T],
        deadline: Deadline | None = None,
        worth_it: Callable[[WanxError], bool] = may_repeat,
    ) -> Operation[T]:
        limit = deadline or Deadline(None)

        def attempt() -> Operation[T]:
            timeout = limit.request_timeout(self.timeout)
            return read((yield from deliver(replace(request, timeout=timeout))))

        return persistently(attempt, retries=self.retries, deadline=limit, worth_it=worth_it)


_MAY_EXIST = (
    "The task may exist and be billed all the same, so it was not sent again: look for it with "
    "tasks() before you do."
)


def id_of(task: Task | str) -> str:
    """Return the id of a task that is given as a value or by its id."""
    task_id = task.id if isinstance(task, Task) else task.strip()
    if not task_id:
        raise ValueError("a task id cannot be empty")
    return task_id


def _leaves_open_whether_accepted(error: WanxError) -> bool:
    if isinstance(error, ConnectionFailedError):
        return error.sent
    # With a code it is the service that refused; without one it is a gateway that gave up on it.
    return isinstance(error, ServiceError) and error.code is None


def _ambiguous(error: WanxError) -> AmbiguousSubmitError:
    return AmbiguousSubmitError(
        f"{error.message} {_MAY_EXIST}",
        http_status=error.http_status,
        request_id=error.request_id,
    )
