"""Every refusal the service knows, as data.

``tag`` says how we know a row: `documented` (a page of the service), `observed` (somebody's
recording of a real answer) or `assumed`. ``source`` names the page or the recording's finder.
Misspellings ("occured") are the service's own. Where a message depends on the request, the row
has a typical one.
"""

from __future__ import annotations

from .refusal import ErrorRow as ErrorRow, Refusal as Refusal  # noqa: PLC0414 - they belong here

PAGE = "error-code page, 2025-12-26"
_row = ErrorRow

ACCESS_DENIED = _row(403, "AccessDenied", "Access denied.", "denied", "documented", PAGE)
UNPURCHASED = _row(
    403, "AccessDenied.Unpurchased",
    "Access to model denied. Please make sure you are eligible for using the model.",
    "the service is not activated", "documented", PAGE,
)  # fmt: skip
NO_ASYNC_HEADER = _row(
    403, "AccessDenied", "current user api does not support synchronous calls",
    "X-DashScope-Async is absent or not `enable`", "documented", "seed §11; error-code page",
    variants=("current user api does not support synchronous calls.",),
)  # fmt: skip
SYNC_ONLY = _row(
    403, "AccessDenied", "current user api does not support asynchronous calls",
    "the model has no asynchronous calls", "observed", "spring-ai-extensions#166",
)  # fmt: skip
INVALID_API_KEY = _row(
    401, "InvalidApiKey", "Invalid API-key provided.",
    "the key is wrong, revoked, or of the other region", "observed",
    "seed §6, §11; cnblogs recording", anchor="apikey-error",
)  # fmt: skip
NO_API_KEY = _row(
    401, "InvalidApiKey", "No API-key provided.",
    "there is no Authorization header", "documented", PAGE, anchor="apikey-error",
)  # fmt: skip
INVALID_PARAMETER = _row(
    400, "InvalidParameter", "The request parameter is invalid.",
    "a parameter breaks a rule; the message says which", "documented",
    "seed §11; the text is assumed",
)  # fmt: skip
MODEL_NOT_EXIST = _row(
    400, "InvalidParameter", "Model not exist.",
    "the model is unknown, or not offered in the region", "observed", "live probes of 2026",
)  # fmt: skip
MODEL_NOT_FOUND = _row(
    404, "ModelNotFound", "Model can not be found.",
    "the model is unknown, on the OpenAI-compatible routes: here it is the row above",
    "documented", PAGE, variants=("The model xxx does not exist.",),
)  # fmt: skip
URL_ERROR = _row(
    400, "InvalidParameter", "url error, please check url！",
    "the model lives on another endpoint", "observed", "spring-ai-extensions#251",
    anchor="error-url", linked=True, variants=("url error, please check url!",),
)  # fmt: skip
PROMPT_MISSING = _row(
    400, "InvalidParameter", "Field required: input.prompt",
    "`input` has no `prompt`", "observed", "live probes of 2026, in tasks of newer models",
)  # fmt: skip
PROMPT_EMPTY = _row(
    400, "InvalidParameter", "prompt must contain words",
    "the prompt is empty or blank", "observed", "a reseller's log of a FAILED task",
)  # fmt: skip
SIZE_MALFORMED = _row(
    400, "InvalidParameter",
    "The size '1024x1024' is not valid: it must be written width*height, as in 1024*1024.",
    "`size` is not spelt W*H", "assumed", "seed §5.3 has the spelling; the text is ours",
)  # fmt: skip
SIZE_OUTSIDE = _row(
    400, "InvalidParameter",
    "The size 7*7 is not allowed for wan2.2-t2i-flash: width and height must each be within "
    "[512, 1440].",
    "`size` is beyond the model's area, ratio or sides", "assumed",
    "seed §11 has the refusal; the text is ours",
)  # fmt: skip
SIZE_NOT_LISTED = _row(
    400, "InvalidParameter",
    "The size is not match the allowed size ['1024*1024', '720*1280', '1280*720']",
    "`size` is not one of the model's", "documented", "sketch-to-image page",
)  # fmt: skip
STYLE_NOT_LISTED = _row(
    400, "InvalidParameter", "The style is not match the allowed style ['<auto>', '<sketch>']",
    "`style` is not one of wanx-v1's", "assumed", "formed as the text about sizes",
)  # fmt: skip
N_OUTSIDE = _row(
    400, "InvalidParameter", "Range of n should be [1, 4]",
    "`n` is beyond its range", "assumed", "error-code page has the text for language models",
)  # fmt: skip
ONE_IMAGE_ONLY = _row(
    400, "InvalidParameter", "num_images_per_prompt must be 1",
    "`n` is not 1, of qwen-image", "documented", "qwen-image page of 2025",
)  # fmt: skip
SEED_OUTSIDE = _row(
    400, "InvalidParameter", "Range of seed should be [0, 2147483647]",
    "`seed` is beyond its range", "assumed", "error-code page has the text for language models",
)  # fmt: skip
WRONG_TYPE = _row(
    400, "InvalidParameter", "parameters.n: expected integer, got string",
    "a value is of another JSON type", "assumed", "no source; the text is ours",
)  # fmt: skip
LIST_FILTER = _row(
    400, "InvalidParameter", "status must be one of PENDING, RUNNING, SUCCEEDED, …, not 'DONE'",
    "a filter of the task list cannot be read", "assumed", "no source; the text is ours",
)  # fmt: skip
INVALID_BODY = _row(
    400, "InvalidParameter", "Required body invalid, please check the request body format.",
    "the body is not JSON, or not a JSON object", "documented", PAGE,
)  # fmt: skip
NOT_JSON = _row(
    400, "BadRequest.IllegalInput", "The input parameter requires json format.",
    "the Content-Type is not application/json", "documented", PAGE,
)  # fmt: skip
EMPTY_INPUT = _row(
    400, "BadRequest.EmptyInput", "Required input parameter missing from request.",
    "`input` is absent or empty", "documented", PAGE,
)  # fmt: skip
EMPTY_MODEL = _row(
    400, "BadRequest.EmptyModel", 'Required parameter "model" missing from request.',
    "`model` is absent or empty", "documented", PAGE,
)  # fmt: skip
EMPTY_PARAMETERS = _row(
    400, "BadRequest.EmptyParameters", 'Required parameter "parameters" missing from request.',
    "`parameters` is absent, where it is required: not here", "documented", PAGE,
)  # fmt: skip
INPUT_REJECTED = _row(
    400, "DataInspectionFailed", "Input data may contain inappropriate content.",
    "the prompt is refused by moderation", "observed", "live wan2.2-t2i-flash answers of 2026",
    anchor="inappropriate-content",
    variants=(
        "Green net check rejected text (input)",
        "Input or output data may contain inappropriate content.",
    ),
)  # fmt: skip
OUTPUT_REJECTED = _row(
    400, "DataInspectionFailed", "Output data may contain inappropriate content.",
    "a finished picture is refused by moderation (in the task)", "documented",
    "sketch-to-image page",
)  # fmt: skip
IP_SUSPECT = _row(
    400, "IPInfringementSuspect",
    "Input data is suspected of being involved in IP infringement.",
    "the prompt names protected works", "documented", PAGE,
)  # fmt: skip
WRONG_METHOD = _row(
    400, "InvalidParameter", "Request method 'GET' is not supported.",
    "the path exists, the method does not", "documented", PAGE,
)  # fmt: skip
NOT_FOUND = _row(404, "NotFound", "Not found!", "the path does not exist", "documented", PAGE)
INVALID_URL = _row(
    400, "InvalidURL", "Invalid URL provided in your request.", "a URL is malformed",
    "documented", PAGE,
    variants=("Required URL is missing or invalid, please check the request URL.",),
)  # fmt: skip
CANCEL_REFUSED = _row(
    400, "UnsupportedOperation",
    "Failed to cancel the task, please confirm if the task is in PENDING status.",
    "cancelling a task that is not PENDING", "observed", "cnblogs recording",
)  # fmt: skip
THROTTLING = _row(
    429, "Throttling", "Requests throttling triggered.", "throttled", "documented", PAGE,
    anchor="rate-limit",
)  # fmt: skip
RATE_QUOTA = _row(
    429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later.",
    "too many requests a second", "documented", PAGE, anchor="rate-limit",
    variants=(
        "You have exceeded your request limit.",
        "You have exceeded your current request limit.",
    ),
)  # fmt: skip
BURST_RATE = _row(
    429, "Throttling.BurstRate",
    "Request rate increased too quickly. To ensure system stability, please adjust your client "
    "logic to scale requests more smoothly over time.",
    "the request rate jumped", "observed", PAGE, anchor="rate-limit",
)  # fmt: skip
ALLOCATION_QUOTA = _row(
    429, "Throttling.AllocationQuota",
    "Allocated quota exceeded, please increase your quota limit.",
    "the account's quota is used up", "documented", PAGE, anchor="rate-limit",
    variants=("Free allocated quota exceeded.",),
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
    "the account owes money", "documented", PAGE,
    variants=("Access denied, plesase make sure your account is in good standing.",),
)  # fmt: skip
MODEL_ACCESS_DENIED = _row(
    403, "Model.AccessDenied", "Model access denied.",
    "the workspace was not granted the model", "documented", PAGE,
)  # fmt: skip
WORKSPACE_ACCESS_DENIED = _row(
    403, "Workspace.AccessDenied", "Workspace access denied.",
    "the key may not use the workspace", "documented", PAGE,
)  # fmt: skip
WORKSPACE_NOT_AUTHORIZED = _row(
    401, "NOT AUTHORIZED",
    "Access denied: Either you are not authorized to access this workspace, or the workspace does "
    "not exist. Please:\nVerify the workspace configuration.\nCheck your API endpoint settings. "
    "Ensure you are targeting the correct environment.",
    "the workspace or the endpoint is wrong", "documented", PAGE,
)  # fmt: skip
FREE_TIER_ONLY = _row(
    403, "AllocationQuota.FreeTierOnly",
    "The free tier of the model has been exhausted. If you wish to continue access the model on "
    'a paid basis, please disable the "use free tier only" mode in the management console.',
    "the free pictures are used up and paying is switched off", "documented", PAGE,
    variants=("Free quota exhausted.",),
)  # fmt: skip
INTERNAL_ERROR = _row(
    500, "InternalError",
    "An internal error has occured, please try again later or contact service support.",
    "the service broke", "documented", PAGE,
)  # fmt: skip
INTERNAL_ALGO = _row(
    500, "InternalError.Algo",
    "An internal error has occured during execution, please try again later or contact service "
    "support.",
    "the model broke (usually in the task)", "documented", PAGE,
    variants=("inference internal error.",),
)  # fmt: skip
INTERNAL_TIMEOUT = _row(
    500, "InternalError.Timeout",
    "An internal timeout error has occured during execution, please try again later or contact "
    "service support.",
    "a task or a picture gave no result in three hours", "documented", PAGE,
)  # fmt: skip
INTERNAL_UPLOAD = _row(
    500, "InternalError.Upload", "Failed to upload result.", "storing a result failed",
    "documented", PAGE,
)  # fmt: skip
SYSTEM_ERROR = _row(
    500, "SystemError", "An system error has occured, please try again later.",
    "the service broke", "documented", PAGE,
)  # fmt: skip
REQUEST_TIMEOUT = _row(
    500, "RequestTimeOut", "Request timed out, please try again later.",
    "the service took too long", "documented", PAGE,
)  # fmt: skip
REWRITE_FAILED = _row(
    500, "RewriteFailed", "Failed to rewrite content for prompt.",
    "prompt_extend failed", "documented", PAGE,
)  # fmt: skip
MODEL_SERVING_ERROR = _row(
    503, "ModelServingError",
    "Too many requests. Your requests are being throttled due to system capacity limits. Please "
    "try again later.",
    "the model is overloaded", "documented", PAGE,
)  # fmt: skip
MODEL_UNAVAILABLE = _row(
    503, "ModelUnavailable", "Model is unavailable, please try again later.",
    "the model is down", "documented", PAGE,
)  # fmt: skip

NAMED: dict[str, ErrorRow] = {
    name.lower().replace("_", "-"): value
    for name, value in globals().items()
    if isinstance(value, ErrorRow)
}
"""The whole table, in the order above, by the rows' names, such as ``no-async-header``."""

ERRORS: tuple[ErrorRow, ...] = tuple(NAMED.values())


def by_code(code: str) -> ErrorRow:
    """The row of a name, or the first one of a code.

    Raises:
        ValueError: if no row has it, with the codes there are.
    """
    found = NAMED.get(code) or next((row for row in ERRORS if row.code == code), None)
    if found is None:
        known = ", ".join(dict.fromkeys(row.code for row in ERRORS))
        raise ValueError(f"the service has no error code {code!r}; known: {known}")
    return found
