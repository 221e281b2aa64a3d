"""A thin client for Alibaba's 通义万相 text-to-image service (DashScope).

    from wanx_client import WanxClient

    with WanxClient() as client:  # the key comes from DASHSCOPE_API_KEY
        task = client.generate("一间有着精致窗户的花店", size="1024*1024", seed=7)
        paths = client.download(task, "out/")

Where a docstring says [documented], [observed] or [assumed], it names the ground it stands on: the
service's own pages, a recorded answer, or neither.
"""

__version__ = "0.1.0"

from wanx_client.async_client import AsyncWanxClient
from wanx_client.client import WanxClient
from wanx_client.errors import (
    AmbiguousSubmitError,
    AuthenticationError,
    ConnectionFailedError,
    ContentRejectedError,
    ExpiredUrlError,
    InvalidRequestError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    ResponseFormatError,
    ServiceError,
    TaskCanceledError,
    TaskFailedError,
    TaskNotFinishedError,
    TaskOutcomeError,
    TaskUnknownError,
    WaitTimeoutError,
    WanxError,
)
from wanx_client.models import (
    Image,
    ImageFailure,
    Task,
    TaskError,
    TaskPage,
    TaskStatus,
    TaskSummary,
)
from wanx_client.regions import Region

__all__ = [
    "AmbiguousSubmitError",
    "AsyncWanxClient",
    "AuthenticationError",
    "ConnectionFailedError",
    "ContentRejectedError",
    "ExpiredUrlError",
    "Image",
    "ImageFailure",
    "InvalidRequestError",
    "PermissionDeniedError",
    "QuotaError",
    "RateLimitError",
    "Region",
    "ResponseFormatError",
    "ServiceError",
    "Task",
    "TaskCanceledError",
    "TaskError",
    "TaskFailedError",
    "TaskNotFinishedError",
    "TaskOutcomeError",
    "TaskPage",
    "TaskStatus",
    "TaskSummary",
    "TaskUnknownError",
    "WaitTimeoutError",
    "WanxClient",
    "WanxError",
    "__version__",
]
