"""Every refusal the service knows, as data, and the exception that carries one.

``tag`` says how we know a row: `documented` (a page of the service), `observed` (somebody's
recording of a real answer) or `assumed`. ``source`` names the page or the recording's finder.
Misspellings ("occured") are the service's own.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Tag = Literal["documented", "observed", "assumed"]


class ErrorRow(msgspec.Struct, frozen=True):
    """One refusal: HTTP status, `code`, `message`, when it arises, and how we know."""

    status: int
    code: str
    message: str
    when: str
    tag: Tag
    source: str


class Refusal(Exception):  # noqa: N818 - the service refuses; nothing of ours went wrong
    """A request the service answers with an error; the message may say more than its row."""

    def __init__(self, row: ErrorRow, message: str | None = None) -> None:
        self.row = row
        self.message = message or row.message
        super().__init__(f"{row.status} {row.code}: {self.message}")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.row.status

    @property
    def code(self) -> str:
        """The service's own `code`."""
        return self.row.code


_PAGE = "error-code page, 2025-12-26"
_row = ErrorRow

NO_ASYNC_HEADER = _row(
    403, "AccessDenied", "current user api does not support synchronous calls",
    "X-DashScope-Async is absent or not `enable`", "documented", "seed §11; error-code page",
)  # fmt: skip
INVALID_API_KEY = _row(
    401, "InvalidApiKey", "Invalid API-key provided.",
    "the key is wrong, revoked, or of the other region", "observed",
    "seed §6, §11; cnblogs recording",
)  # fmt: skip
NO_API_KEY = _row(
    401, "InvalidApiKey", "No API-key provided.",
    "there is no Authorization header", "documented", _PAGE,
)  # fmt: skip
MODEL_NOT_EXIST = _row(
    400, "InvalidParameter", "Model not exist.",
    "the model is unknown, or not offered in the region", "observed", "live probes of 2026",
)  # fmt: skip
INVALID_PARAMETER = _row(
    400, "InvalidParameter", "The request parameter is invalid.",
    "a parameter breaks a rule; the message says which", "documented",
    "seed §11 (resolution); the texts are assumed",
)  # fmt: skip
INVALID_BODY = _row(
    400, "InvalidParameter", "Required body invalid, please check the request body format.",
    "the body is not JSON, or not a JSON object", "documented", _PAGE,
)  # fmt: skip
NOT_JSON = _row(
    400, "BadRequest.IllegalInput", "The input parameter requires json format.",
    "the Content-Type is not application/json", "documented", _PAGE,
)  # fmt: skip
EMPTY_INPUT = _row(
    400, "BadRequest.EmptyInput", "Required input parameter missing from request.",
    "`input` is absent or empty", "documented", _PAGE,
)  # fmt: skip
EMPTY_MODEL = _row(
    400, "BadRequest.EmptyModel", 'Required parameter "model" missing from request.',
    "`model` is absent or empty", "documented", _PAGE,
)  # fmt: skip
INPUT_REJECTED = _row(
    400, "DataInspectionFailed", "Input data may contain inappropriate content.",
    "the prompt is refused by moderation", "observed", "live wan2.2-t2i-flash answers of 2026",
)  # fmt: skip
OUTPUT_REJECTED = _row(
    400, "DataInspectionFailed", "Output data may contain inappropriate content.",
    "a finished picture is refused by moderation (in the task)", "documented",
    "sketch-to-image page",
)  # fmt: skip
IP_SUSPECT = _row(
    400, "IPInfringementSuspect",
    "Input data is suspected of being involved in IP infringement.",
    "the prompt names protected works", "documented", _PAGE,
)  # fmt: skip
WRONG_METHOD = _row(
    400, "InvalidParameter", "Request method 'GET' is not supported.",
    "the path exists, the method does not", "documented", _PAGE,
)  # fmt: skip
NOT_FOUND = _row(404, "NotFound", "Not found!", "the path does not exist", "documented", _PAGE)
INVALID_URL = _row(
    400, "InvalidURL", "Invalid URL provided in your request.", "a URL is malformed",
    "documented", _PAGE,
)  # fmt: skip
CANCEL_REFUSED = _row(
    400, "UnsupportedOperation",
    "Failed to cancel the task, please confirm if the task is in PENDING status.",
    "cancelling a task that is not PENDING", "observed", "cnblogs recording",
)  # fmt: skip
THROTTLING = _row(
    429, "Throttling", "Requests throttling triggered.", "throttled", "documented", _PAGE
)
RATE_QUOTA = _row(
    429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later.",
    "too many requests a second", "documented", _PAGE,
)  # fmt: skip
BURST_RATE = _row(
    429, "Throttling.BurstRate",
    "Request rate increased too quickly. To ensure system stability, please adjust your client "
    "logic to scale requests more smoothly over time.",
    "the request rate jumped", "observed", _PAGE,
)  # fmt: skip
ALLOCATION_QUOTA = _row(
    429, "Throttling.AllocationQuota",
    "Allocated quota exceeded, please increase your quota limit.",
    "the account's quota is used up", "documented", _PAGE,
)  # fmt: skip
COMMODITY_NOT_PURCHASED = _row(
    429, "CommodityNotPurchased", "Commodity has not purchased yet.",
    "the service is not bought", "documented", "error-code page (code); the text is assumed",
)  # fmt: skip
PREPAID_BILL_OVERDUE = _row(
    429, "PrepaidBillOverdue", "The prepaid bill is overdue.",
    "a prepaid bill is open", "documented", "error-code page (code); the text is assumed",
)  # fmt: skip
POSTPAID_BILL_OVERDUE = _row(
    429, "PostpaidBillOverdue", "The postpaid bill is overdue.",
    "a postpaid bill is open", "documented", "error-code page (code); the text is assumed",
)  # fmt: skip
ARREARAGE = _row(
    400, "Arrearage", "Access denied, please make sure your account is in good standing.",
    "the account owes money", "documented", _PAGE,
)  # fmt: skip
ACCESS_DENIED = _row(403, "AccessDenied", "Access denied.", "denied", "documented", _PAGE)
UNPURCHASED = _row(
    403, "AccessDenied.Unpurchased",
    "Access to model denied. Please make sure you are eligible for using the model.",
    "the service is not activated", "documented", _PAGE,
)  # fmt: skip
MODEL_ACCESS_DENIED = _row(
    403, "Model.AccessDenied", "Model access denied.",
    "the workspace was not granted the model", "documented", _PAGE,
)  # fmt: skip
WORKSPACE_ACCESS_DENIED = _row(
    403, "Workspace.AccessDenied", "Workspace access denied.",
    "the key may not use the workspace", "documented", _PAGE,
)  # fmt: skip
FREE_TIER_ONLY = _row(
    403, "AllocationQuota.FreeTierOnly",
    "The free tier of the model has been exhausted. If you wish to continue access the model on "
    'a paid basis, please disable the "use free tier only" mode in the management console.',
    "the free pictures are used up and paying is switched off", "documented", _PAGE,
)  # fmt: skip
INTERNAL_ERROR = _row(
    500, "InternalError",
    "An internal error has occured, please try again later or contact service support.",
    "the service broke", "documented", _PAGE,
)  # fmt: skip
INTERNAL_ALGO = _row(
    500, "InternalError.Algo",
    "An internal error has occured during execution, please try again later or contact service "
    "support.",
    "the model broke (usually in the task)", "documented", _PAGE,
)  # fmt: skip
INTERNAL_TIMEOUT = _row(
    500, "InternalError.Timeout",
    "An internal timeout error has occured during execution, please try again later or contact "
    "service support.",
    "a task or a picture gave no result in three hours", "documented", _PAGE,
)  # fmt: skip
INTERNAL_UPLOAD = _row(
    500, "InternalError.Upload", "Failed to upload result.", "storing a result failed",
    "documented", _PAGE,
)  # fmt: skip
SYSTEM_ERROR = _row(
    500, "SystemError", "An system error has occured, please try again later.",
    "the service broke", "documented", _PAGE,
)  # fmt: skip
REQUEST_TIMEOUT = _row(
    500, "RequestTimeOut", "Request timed out, please try again later.",
    "the service took too long", "documented", _PAGE,
)  # fmt: skip
REWRITE_FAILED = _row(
    500, "RewriteFailed", "Failed to rewrite content for prompt.",
    "prompt_extend failed", "documented", _PAGE,
)  # fmt: skip
MODEL_SERVING_ERROR = _row(
    503, "ModelServingError",
    "Too many requests. Your requests are being throttled due to system capacity limits. Please "
    "try again later.",
    "the model is overloaded", "documented", _PAGE,
)  # fmt: skip
MODEL_UNAVAILABLE = _row(
    503, "ModelUnavailable", "Model is unavailable, please try again later.",
    "the model is down", "documented", _PAGE,
)  # fmt: skip

ERRORS: tuple[ErrorRow, ...] = tuple(
    value for value in globals().values() if isinstance(value, ErrorRow)
)
"""The whole table, in the order above."""


def by_code(code: str) -> ErrorRow:
    """The first row of a code.

    Raises:
        ValueError: if no row has it, with the nearest that do.
    """
    found = next((row for row in ERRORS if row.code == code), None)
    if found is None:
        known = ", ".join(dict.fromkeys(row.code for row in ERRORS))
        raise ValueError(f"the service has no error code {code!r}; known: {known}")
    return found
