"""What the service tells, as frozen values: tasks, their images, pages of a task list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class TaskStatus(StrEnum):
    """The six states of a task [documented]."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    UNKNOWN = "UNKNOWN"

    @property
    def terminal(self) -> bool:
        """Whether the task stays as it is. UNKNOWN does: the service will not remember it."""
        return self not in {TaskStatus.PENDING, TaskStatus.RUNNING}


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Image:
    """A finished picture, to be fetched from *url* within 24 hours.

    Attributes:
        index: Its place among the images asked for, from 0.
        url: Its signed URL: whoever has it can see the picture. The repr leaves the signature out.
        orig_prompt: The prompt as sent; older models don't repeat it.
        actual_prompt: The prompt as rewritten by the service, where it was asked to.
    """

    index: int
    url: str
    orig_prompt: str | None = None
    actual_prompt: str | None = None

    def __repr__(self) -> str:
        return f"Image(index={self.index}, url={without_query(self.url)!r})"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFailure:
    """A picture that was asked for and could not be made; it is not billed [documented]."""

    index: int
    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskError:
    """Why a task FAILED, in the service's words."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A task as one answer of the service showed it. It does not change; `fetch` gives a new one.

    Attributes:
        id: The task's id, valid for 24 hours.
        status: Where it stands.
        request_id: The id of the request that showed it: each poll has its own [observed].
        submit_time: When it was accepted. Times are aware, in the service's own UTC+8.
        scheduled_time: When it began to run.
        end_time: When it ended.
        images: One entry for each image asked for, once the task SUCCEEDED; one good image is
            enough for that, so look for an `ImageFailure` among them.
        usage_images: How many images are billed: the good ones.
        error: Why it FAILED.
    """

    id: str
    status: TaskStatus
    request_id: str | None = None
    submit_time: datetime | None = None
    scheduled_time: datetime | None = None
    end_time: datetime | None = None
    images: tuple[Image | ImageFailure, ...] = ()
    usage_images: int | None = None
    error: TaskError | None = None

    @property
    def good_images(self) -> tuple[Image, ...]:
        """The pictures that were made."""
        return tuple(image for image in self.images if isinstance(image, Image))

    @property
    def failed_images(self) -> tuple[ImageFailure, ...]:
        """The pictures that could not be made."""
        return tuple(image for image in self.images if isinstance(image, ImageFailure))


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSummary:
    """A line of the task list. It holds no images: `fetch` the task for them.

    Attributes:
        request_id: The id of the request that created the task.
    """

    id: str
    status: TaskStatus
    model: str | None = None
    request_id: str | None = None
    submit_time: datetime | None = None
    scheduled_time: datetime | None = None
    end_time: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskPage:
    """One page of the task list.

    Attributes:
        tasks: The tasks on this page.
        total: How many tasks match on all pages.
        page: The number of this page, from 1.
        page_size: How many tasks a page holds at most.
        total_pages: How many pages there are.
    """

    tasks: tuple[TaskSummary, ...]
    total: int
    page: int
    page_size: int
    total_pages: int


def without_query(url: str) -> str:
    """Return a signed URL without what makes it work: fit for a log or an error."""
    return url.partition("?")[0].partition("#")[0]
