"""`AsyncWanxClient`: `WanxClient` for asyncio and trio, name for name.

Nothing is decided here: both clients run the same operations (see `effects`).
"""

from __future__ import annotations

from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from wanx_client.account import Account
from wanx_client.client import (
    DEFAULT_POLL_INTERVAL,
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT,
    DEFAULT_WAIT,
)
from wanx_client.effects import Effect, Operation, Pause, Send, Tell, run_async
from wanx_client.operations import Operations, Patience
from wanx_client.wire import DEFAULT_MODEL, DEFAULT_SIZE, Order, list_query

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from os import PathLike
    from pathlib import Path
    from types import TracebackType

    from wanx_client.models import Task, TaskPage, TaskStatus
    from wanx_client.regions import Region

T = TypeVar("T")


class AsyncWanxClient:
    """`WanxClient` for asyncio and trio: the same names, arguments and errors, awaited.

        async with AsyncWanxClient() as client:
            task = await client.generate("一间有着精致窗户的花店")
            paths = await client.download(task, "out/")

    `sleep` is a coroutine function here, and `on_update` may be one.
    """

    def __init__(
        self,
        api_key: str | None = None,
        region: Region | str | None = None,
        base_url: str | None = None,
        *,
        workspace: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        retries: int = DEFAULT_RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        """Set up a client; see `WanxClient`."""
        account = Account.resolve(api_key, region, base_url, workspace)
        self._operations = Operations(account=account, retries=retries, timeout=timeout)
        self._http = httpx.AsyncClient(transport=transport)
        self._sleep = sleep

    @property
    def base_url(self) -> str:
        """Where the requests go."""
        return self._operations.account.base_url

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    async def submit(
        self,
        prompt: str,
        *,
        model: str = DEFAULT_MODEL,
        size: str | None = DEFAULT_SIZE,
        n: int = 1,
        seed: int | None = None,
        negative_prompt: str | None = None,
        prompt_extend: bool | None = None,
        watermark: bool | None = None,
    ) -> Task:
        """See `WanxClient.submit`."""
        return await self._run(
            self._operations.submit(
                Order(
                    prompt=prompt,
                    model=model,
                    size=size,
                    n=n,
                    seed=seed,
                    negative_prompt=negative_prompt,
                    prompt_extend=prompt_extend,
                    watermark=watermark,
                )
            )
        )

    async def fetch(self, task: Task | str) -> Task:
        """See `WanxClient.fetch`."""
        return await self._run(self._operations.fetch(task))

    async def wait(
        self,
        task: Task | str,
        *,
        poll_interval: float = DEFAULT_POLL_INTERVAL,
        timeout: float | None = DEFAULT_WAIT,  # noqa: ASYNC109  # it ends the wait, not the task
        on_update: Callable[[Task], object] | None = None,
    ) -> Task:
        """See `WanxClient.wait`."""
        patience = Patience(poll_interval=poll_interval, timeout=timeout, on_update=on_update)
        return await self._run(self._operations.wait(task, patience))

    async def download(self, task: Task | str, directory: str | PathLike[str]) -> list[Path]:
        """See `WanxClient.download`."""
        return await self._run(self._operations.download(task, directory))

    async def generate(
        self,
        prompt: str,
        *,
        model: str = DEFAULT_MODEL,
        size: str | None = DEFAULT_SIZE,
        n: int = 1,
        seed: int | None = None,
        negative_prompt: str | None = None,
        prompt_extend: bool | None = None,
        watermark: bool | None = None,
        poll_interval: float = DEFAULT_POLL_INTERVAL,
        timeout: float | None = DEFAULT_WAIT,  # noqa: ASYNC109  # it ends the wait, not the task
        on_update: Callable[[Task], object] | None = None,
    ) -> Task:
        """See `WanxClient.generate`."""
        order = Order(
            prompt=prompt,
            model=model,
            size=size,
            n=n,
            seed=seed,
            negative_prompt=negative_prompt,
            prompt_extend=prompt_extend,
            watermark=watermark,
        )
        patience = Patience(poll_interval=poll_interval, timeout=timeout, on_update=on_update)
        return await self._run(self._operations.generate(order, patience))

    async def cancel(self, task: Task | str) -> None:
        """See `WanxClient.cancel`."""
        await self._run(self._operations.cancel(task))

    async def tasks(
        self,
        *,
        status: TaskStatus | str | None = None,
        model: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        page: int = 1,
        page_size: int = 10,
    ) -> TaskPage:
        """See `WanxClient.tasks`."""
        query = list_query(
            status=status, model=model, start=start, end=end, page=page, page_size=page_size
        )
        return await self._run(self._operations.tasks(query))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    aclose = close  # the name that `contextlib.aclosing` looks for

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run(self, operation: Operation[T]) -> T:
        return await run_async(operation, self._perform)

    async def _perform(self, effect: Effect) -> Any:
        import anyio.to_thread  # noqa: PLC0415 - a fifth of what importing the package takes

        match effect:
            case Send():
                return await self._http.send(self._http.build_request(**effect.arguments))
            case Pause():
                return await (self._sleep or anyio.sleep)(effect.seconds)
            case Tell():
                answer = effect.callback(effect.task)
                return await answer if isawaitable(answer) else answer
            case _:
                return await anyio.to_thread.run_sync(effect.function)
