"""Which error a refusal of the service becomes."""

import pytest

from wanx_client import (
    AuthenticationError,
    ContentRejectedError,
    InvalidRequestError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    ResponseFormatError,
    ServiceError,
    WanxError,
)
from wanx_client.errors import class_of_code, error_class

# Every refusal that the service's pages or recorded answers show.
REFUSALS = [
    (401, "InvalidApiKey", AuthenticationError),
    (403, "AccessDenied", PermissionDeniedError),
    (403, "AccessDenied.Unpurchased", PermissionDeniedError),
    (403, "Model.AccessDenied", PermissionDeniedError),
    (403, "Workspace.AccessDenied", PermissionDeniedError),
    (400, "InvalidParameter", InvalidRequestError),
    (400, "BadRequest.IllegalInput", InvalidRequestError),
    (400, "BadRequest.EmptyInput", InvalidRequestError),
    (400, "BadRequest.EmptyModel", InvalidRequestError),
    (400, "BadRequest.EmptyParameters", InvalidRequestError),
    (400, "InvalidURL", InvalidRequestError),
    (404, "ModelNotFound", InvalidRequestError),
    (404, "NotFound", InvalidRequestError),
    (400, "UnsupportedOperation", InvalidRequestError),
    (400, "DataInspectionFailed", ContentRejectedError),
    (400, "IPInfringementSuspect", ContentRejectedError),
    (429, "Throttling", RateLimitError),
    (429, "Throttling.RateQuota", RateLimitError),
    (429, "Throttling.BurstRate", RateLimitError),
    (429, "Throttling.AllocationQuota", QuotaError),
    (429, "CommodityNotPurchased", QuotaError),
    (429, "PrepaidBillOverdue", QuotaError),
    (429, "PostpaidBillOverdue", QuotaError),
    (400, "Arrearage", QuotaError),
    (403, "AllocationQuota.FreeTierOnly", QuotaError),
    (500, "InternalError", ServiceError),
    (500, "InternalError.Algo", ServiceError),
    (500, "InternalError.Timeout", ServiceError),
    (500, "InternalError.Upload", ServiceError),
    (500, "SystemError", ServiceError),
    (500, "RequestTimeOut", ServiceError),
    (500, "RewriteFailed", ServiceError),
    (503, "ModelServingError", ServiceError),
    (503, "ModelUnavailable", ServiceError),
]


@pytest.mark.parametrize(("status", "code", "kind"), REFUSALS)
def test_a_known_code_has_a_class_of_its_own_in_the_table(status, code, kind):
    assert class_of_code(code) is kind
    assert error_class(status, code) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, ResponseFormatError),
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, InvalidRequestError),
        (408, ServiceError),
        (418, InvalidRequestError),
        (429, RateLimitError),
        (500, ServiceError),
        (502, ServiceError),
        (504, ServiceError),
    ],
)
@pytest.mark.parametrize("code", [None, "SomethingNew"])
def test_an_unknown_code_falls_back_to_the_http_status(status, code, kind):
    assert error_class(status, code) is kind


def test_the_text_of_an_error_tells_what_support_will_ask_for():
    error = WanxError("No.", code="Arrearage", http_status=400, request_id="r-1", task_id="t-1")
    assert str(error) == "No. (code Arrearage, HTTP 400, request_id r-1, task_id t-1)"


def test_the_text_of_an_error_without_facts_is_its_message():
    assert str(WanxError("No.")) == "No."
