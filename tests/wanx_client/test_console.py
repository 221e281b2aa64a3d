"""Exit codes, and errors as documents."""

import pytest

import wanx_client
from wanx_client import AuthenticationError, WanxError
from wanx_client.console import error_document, exit_code

CODES = {
    1: {"TaskFailedError", "TaskCanceledError", "TaskUnknownError"},
    2: {"TaskNotFinishedError"},
    3: {
        "WanxError",
        "TaskOutcomeError",
        "AuthenticationError",
        "PermissionDeniedError",
        "InvalidRequestError",
        "ContentRejectedError",
        "RateLimitError",
        "QuotaError",
        "ServiceError",
        "ResponseFormatError",
        "ExpiredUrlError",
    },
    4: {"WaitTimeoutError"},
    5: {"ConnectionFailedError", "AmbiguousSubmitError"},
}


@pytest.mark.parametrize(
    "name", [name for name in wanx_client.__all__ if name.endswith("Error") and name != "TaskError"]
)
def test_every_error_has_the_exit_code_of_its_kind(name):
    error = getattr(wanx_client, name)("…")
    error.http_status = 400
    assert name in CODES[exit_code(error)]


def test_a_missing_key_is_wrong_usage_since_nobody_refused_it():
    assert exit_code(AuthenticationError("No API key")) == 2


def test_an_error_document_holds_what_is_known():
    error = WanxError("No.", code="Arrearage", http_status=400)
    assert error_document(error, 3) == {
        "error": {
            "type": "WanxError",
            "message": "No.",
            "code": "Arrearage",
            "http_status": 400,
            "exit_code": 3,
        }
    }
