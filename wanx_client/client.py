"""`WanxClient`, the client for ordinary code. `AsyncWanxClient` beside it has the same names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from wanx_client.account import Account
from wanx_client.effects import Effect, Operation, Pause, Send, Tell, run
from wanx_client.operations import Operations, Patience
from wanx_client.wire import DEFAULT_MODEL, DEFAULT_SIZE, Order, list_query

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from os import PathLike
    from pathlib import Path
    from types import TracebackType

    from wanx_client.models import Task, TaskPage, TaskStatus
    from wanx_client.regions import Region

T = TypeVar("T")

DEFAULT_TIMEOUT = 60.0
DEFAULT_RETRIES = 4
DEFAULT_POLL_INTERVAL = 10.0  # what the service's page recommends
DEFAULT_WAIT = 600.0  # a task takes one to two minutes as a rule, mostly in the queue


class WanxClient:
    """Makes pictures from prompts: submit a task, wait for it, download what came of it.

    One client serves many calls and threads; close it, or use it as a context manager. The shortest
    way from a prompt to a file:

        with WanxClient() as client:
            task = client.generate("一间有着精致窗户的花店")
            print(client.download(task, "out/"))

    What fails raises a `WanxError`. Polls, lists and downloads are retried first; a create only
    where the service certainly did not accept it, since each accepted one is billed.
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
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        """Set up a client; nothing is sent yet.

        Args:
            api_key: Your key; by default `DASHSCOPE_API_KEY` from the environment.
            region: `Region.BEIJING` or `Region.SINGAPORE`, or its name; by default `WANX_REGION`
                from the environment, or else Beijing. A key is valid in its own region only.
            base_url: Where to find the service instead of in a region: a proxy, a simulator. By
                default `DASHSCOPE_HTTP_BASE_URL`, as the official SDK reads it, so it ends in
                `/api/v1`. It beats the region.
            workspace: The id of a workspace (`llm-…`), if the key is to act in another than its
                own.
            timeout: Seconds that a single request may keep silent, not a task.
            retries: How many times more a request is sent after a transient failure, at pauses of
                0.5, 1, 2, 4, 8, 8 … seconds, or as an answer's `Retry-After` says.
            transport: Takes the requests instead of the network, as for `httpx.Client`.
            sleep: Called instead of `time.sleep`; what it was asked for counts as gone by.

        Raises:
            AuthenticationError: There is no key, or it is none by its looks.
            ValueError: The region or the base URL is none.
        """
        account = Account.resolve(api_key, region, base_url, workspace)
        self._operations = Operations(account=account, retries=retries, timeout=timeout)
        self._http = httpx.Client(transport=transport)
        self._sleep = sleep

    @property
    def base_url(self) -> str:
        """Where the requests go."""
        return self._operations.account.base_url

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def submit(
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
        """Create a task and return it at once, PENDING. Each image it makes is billed.

        For a program that has other things to do while the service paints; otherwise `generate`.
        What is None is left out, so that the service's own default holds.

        Args:
            prompt: What to paint, in Chinese or English. The service cuts what is longer than the
                model's limit (2000 or 800 characters) without saying so [documented].
            model: The model's name.
            size: Width and height in pixels, as `1024*1024`; an `x` or `×` between them is fine
                too. None lets the model choose.
            n: How many images, 1 to 4. Always sent, since the service's own default is 4
                [documented] and costs four times as much.
            seed: From 0 to 2147483647; with `n` above 1 the images have seed, seed+1, … An equal
                seed makes a like picture, not an equal one [documented].
            negative_prompt: What is not to be seen, such as "人物"; up to 500 characters.
            prompt_extend: Whether the service may write the prompt out; takes 3 to 4 s more.
            watermark: Whether to print "AI生成" in the lower right corner.

        Raises:
            AmbiguousSubmitError: The answer was lost; the task may exist and be billed.
            WanxError: The service refused, or was not reached. A fault in a parameter may also
                show up later only, as a FAILED task [observed].
        """
        return self._run(
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

    def fetch(self, task: Task | str) -> Task:
        """Ask once how a task stands, and return what the service says, whatever it is.

        A FAILED task is an answer here, not an error, and so is an UNKNOWN one: the service gives
        that for a wrong id, a task older than 24 hours or another account's [observed].
        """
        return self._run(self._operations.fetch(task))

    def wait(
        self,
        task: Task | str,
        *,
        poll_interval: float = DEFAULT_POLL_INTERVAL,
        timeout: float | None = DEFAULT_WAIT,
        on_update: Callable[[Task], object] | None = None,
    ) -> Task:
        """Poll a task until it SUCCEEDED, and return it; one that has already is returned as it is.

        Args:
            task: The task, or its id. It need not be this client's, nor this program's.
            poll_interval: Seconds between two polls; the first poll is at once. The service allows
                20 polls a second for all tasks of an account together [documented].
            timeout: Seconds to wait in all, retries included. Nothing is slept beyond that; a last
                poll is made at that moment. None waits for ever.
            on_update: Called with the task that each poll brings, whether it changed or not.

        Raises:
            TaskFailedError: The task FAILED; `code` says why.
            TaskCanceledError: It was canceled.
            TaskUnknownError: The service does not know it (any more).
            WaitTimeoutError: Time is up. The task goes on, and can be waited for again.
        """
        patience = Patience(poll_interval=poll_interval, timeout=timeout, on_update=on_update)
        return self._run(self._operations.wait(task, patience))

    def download(self, task: Task | str, directory: str | PathLike[str]) -> list[Path]:
        """Save every good image of a task that SUCCEEDED, and return the files.

        A file is whole or absent, and named as the end of its URL; one of that name is replaced.
        The directory is created if need be. Images that failed are skipped: see
        `Task.failed_images`.

        Raises:
            ExpiredUrlError: The URLs are older than 24 hours; the pictures are gone.
            TaskOutcomeError: The task did not succeed, or not yet.
            WanxError: An image host failed. Files saved before it did stay.
            OSError: The directory or a file can't be written.
        """
        return self._run(self._operations.download(task, directory))

    def generate(
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
        timeout: float | None = DEFAULT_WAIT,
        on_update: Callable[[Task], object] | None = None,
    ) -> Task:
        """Create a task and wait until it SUCCEEDED: `submit`, then `wait`, with their arguments.

        An error that comes after the task was created has its `task_id`.
        """
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
        return self._run(self._operations.generate(order, patience))

    def cancel(self, task: Task | str) -> None:
        """Cancel a task that is still PENDING.

        Hardly ever in time: without a queue a task runs within milliseconds [observed].

        Raises:
            InvalidRequestError: It is not PENDING any more; `code` is `UnsupportedOperation`.
            ConnectionFailedError: The answer was lost: `fetch` the task to see whether it worked.
        """
        self._run(self._operations.cancel(task))

    def tasks(
        self,
        *,
        status: TaskStatus | str | None = None,
        model: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        page: int = 1,
        page_size: int = 10,
    ) -> TaskPage:
        """List the account's tasks of the last 24 hours, or of a span of at most 24 hours.

        The way to find a task whose create was ambiguous. The lines hold no images; `fetch` them.

        Args:
            status: Only tasks in this state.
            model: Only tasks of this model.
            start: Only tasks from this moment on, which needs a zone.
            end: Only tasks up to this moment, which needs a zone.
            page: Which page, from 1.
            page_size: How many tasks a page holds.

        Raises:
            ValueError: A time has no zone, or the status does not exist.
        """
        query = list_query(
            status=status, model=model, start=start, end=end, page=page, page_size=page_size
        )
        return self._run(self._operations.tasks(query))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, operation: Operation[T]) -> T:
        return run(operation, self._perform)

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send():
                return self._http.send(self._http.build_request(**effect.arguments))
            case Pause():
                return (self._sleep or time.sleep)(effect.seconds)
            case Tell():
                return effect.callback(effect.task)
            case _:
                return effect.function()
