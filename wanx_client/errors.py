"""Everything that can go wrong, as one tree.

    WanxError
    ├── AuthenticationError      the key is missing, wrong, revoked, or of the other region
    ├── PermissionDeniedError    the key is good, but not for this model, workspace or mode
    ├── InvalidRequestError      the request is wrong as it stands; sending it again won't help
    ├── ContentRejectedError     the prompt did not pass moderation
    ├── RateLimitError           too fast; the same request is welcome later
    ├── QuotaError               no quota or no credit left; a person has to act
    ├── ServiceError             the service, a gateway or an image host failed
    ├── ConnectionFailedError    no answer arrived, or only a part of one
    ├── ResponseFormatError      an answer arrived that is not what the service is known to say
    ├── AmbiguousSubmitError     a create may or may not have been accepted, and billed
    ├── ExpiredUrlError          a picture's URL is older than 24 hours
    └── TaskOutcomeError         there is a task, and it has no pictures for you
        ├── TaskFailedError      it ended FAILED
        ├── TaskCanceledError    it was canceled
        ├── TaskUnknownError     the service does not know it (any more)
        ├── TaskNotFinishedError it is still PENDING or RUNNING
        └── WaitTimeoutError     it was still PENDING or RUNNING when your patience ended

`error_class` finds the class of a refusal in two tables: first by the service's code, then by the
HTTP status. Both come from the service's error pages and from recorded answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wanx_client.models import Task


class WanxError(Exception):
    """Base of all errors of this package: catch it to catch them all.

    Attributes:
        message: What happened, in one or a few sentences; the service's own words where it spoke.
        code: The service's error code, such as `InvalidParameter`.
        http_status: The HTTP status of the answer that led here.
        request_id: The service's id of the request; its support asks for it.
        task_id: The task concerned.
        retry_after: Seconds that the service asked to wait. It is not known to ask [observed].
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        task_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.http_status = http_status
        self.request_id = request_id
        self.task_id = task_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        facts = {
            "code": self.code,
            "HTTP": self.http_status,
            "request_id": self.request_id,
            "task_id": self.task_id,
        }
        known = ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
        return f"{self.message} ({known})" if known else self.message


class AuthenticationError(WanxError):
    """The key is missing, wrong, revoked, or belongs to the other region."""


class PermissionDeniedError(WanxError):
    """The key is good, but may not use this model, this workspace, or this way of calling."""


class InvalidRequestError(WanxError):
    """The service refuses the request as it stands; sending it again won't help."""


class ContentRejectedError(WanxError):
    """The prompt did not pass the service's moderation."""


class RateLimitError(WanxError):
    """Too many requests in too little time, even after the retries."""


class QuotaError(WanxError):
    """No quota or no credit is left; waiting won't help, the console or a payment will."""


class ServiceError(WanxError):
    """The service, a gateway before it, or an image host failed."""


class ConnectionFailedError(WanxError):
    """No answer arrived, or only a part of one, even after the retries.

    Attributes:
        sent: Whether the request may have reached the service.
    """

    def __init__(self, message: str, *, sent: bool = True, task_id: str | None = None) -> None:
        super().__init__(message, task_id=task_id)
        self.sent = sent


class ResponseFormatError(WanxError):
    """The answer is not what the service is known to say, so nothing can be concluded from it."""


class AmbiguousSubmitError(WanxError):
    """The answer to a create was lost: the task may exist and be billed.

    The service takes no idempotency key, so `submit` never repeats such a request by itself.
    Look for the task with `client.tasks()` before you send it again.
    """


class ExpiredUrlError(WanxError):
    """A picture's URL is older than the 24 hours it lives [documented].

    Attributes:
        url: The URL without its query, which holds the signature.
    """

    def __init__(
        self,
        message: str,
        *,
        url: str = "",
        code: str | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        task_id: str | None = None,
    ) -> None:
        super().__init__(
            message, code=code, http_status=http_status, request_id=request_id, task_id=task_id
        )
        self.url = url


class TaskOutcomeError(WanxError):
    """There is a task, and it has no pictures for you.

    Attributes:
        task: The task as it was last seen.
    """

    def __init__(
        self,
        message: str,
        *,
        task: Task | None = None,
        code: str | None = None,
        request_id: str | None = None,
        task_id: str | None = None,
    ) -> None:
        super().__init__(message, code=code, request_id=request_id, task_id=task_id)
        self.task = task


class TaskFailedError(TaskOutcomeError):
    """The task ended FAILED; `code` and `message` are the service's. It is not billed."""


class TaskCanceledError(TaskOutcomeError):
    """The task was canceled before it ran."""


class TaskUnknownError(TaskOutcomeError):
    """The service does not know the task: a wrong id, older than 24 hours, or another account."""


class TaskNotFinishedError(TaskOutcomeError):
    """The task is still PENDING or RUNNING, so it has nothing to download yet."""


class WaitTimeoutError(TaskOutcomeError):
    """The task was still PENDING or RUNNING at the deadline; it goes on, and can be waited for."""


# A dotted code that is not listed is looked up by what stands before its first dot.
_BY_CODE: dict[str, type[WanxError]] = {
    "InvalidApiKey": AuthenticationError,
    "AccessDenied": PermissionDeniedError,  # with `.Unpurchased` as its dotted relative
    "Model.AccessDenied": PermissionDeniedError,
    "Workspace.AccessDenied": PermissionDeniedError,
    "InvalidParameter": InvalidRequestError,
    "InvalidURL": InvalidRequestError,
    "BadRequest": InvalidRequestError,  # .IllegalInput .EmptyInput .EmptyModel .EmptyParameters
    "ModelNotFound": InvalidRequestError,
    "NotFound": InvalidRequestError,
    "UnsupportedOperation": InvalidRequestError,
    "DataInspectionFailed": ContentRejectedError,
    "IPInfringementSuspect": ContentRejectedError,
    "Throttling": RateLimitError,  # .RateQuota .BurstRate
    "Throttling.AllocationQuota": QuotaError,
    "AllocationQuota": QuotaError,  # .FreeTierOnly
    "CommodityNotPurchased": QuotaError,
    "PrepaidBillOverdue": QuotaError,
    "PostpaidBillOverdue": QuotaError,
    "Arrearage": QuotaError,
    "InternalError": ServiceError,  # .Algo .Timeout .Upload
    "SystemError": ServiceError,
    "RequestTimeOut": ServiceError,
    "RewriteFailed": ServiceError,
    "ModelServingError": ServiceError,
    "ModelUnavailable": ServiceError,
}

_BY_STATUS: dict[int, type[WanxError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    408: ServiceError,
    429: RateLimitError,
}

_BY_STATUS_CLASS: dict[int, type[WanxError]] = {4: InvalidRequestError, 5: ServiceError}


def class_of_code(code: str) -> type[WanxError] | None:
    """Return the class that the table gives a code of the service, or None if it has none."""
    return _BY_CODE.get(code) or _BY_CODE.get(code.partition(".")[0])


def error_class(http_status: int, code: str | None) -> type[WanxError]:
    """Return the class for a refusal: by its code where that is known, else by its HTTP status."""
    by_code = class_of_code(code) if code else None
    by_status = _BY_STATUS.get(http_status) or _BY_STATUS_CLASS.get(http_status // 100)
    return by_code or by_status or ResponseFormatError
