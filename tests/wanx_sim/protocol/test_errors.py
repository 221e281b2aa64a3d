"""The error table: whole, well-formed, and the service's own words."""

from __future__ import annotations

import re

import pytest

from wanx_sim import Fault
from wanx_sim.protocol import errors
from wanx_sim.protocol.errors import ERRORS, NAMED, Refusal, by_code

every_row = pytest.mark.parametrize(
    "row", ERRORS, ids=lambda row: f"{row.code}: {row.message[:30]}"
)


@every_row
def test_a_row_has_a_code_a_text_and_an_http_status_of_an_error(row):
    assert re.fullmatch(r"[A-Z][A-Za-z]+(\.[A-Z][A-Za-z]+)*|NOT AUTHORIZED", row.code)
    assert row.status in {400, 401, 403, 404, 429, 500, 503}
    assert row.message == row.message.strip() != ""


@every_row
def test_a_row_says_when_it_arises_and_how_we_know(row):
    assert row.tag in {"documented", "observed", "assumed"}
    assert row.when
    assert row.source


@every_row
def test_throttling_is_429_and_nothing_else_but_billing_is(row):
    billing = {"CommodityNotPurchased", "PrepaidBillOverdue", "PostpaidBillOverdue"}
    assert (row.status == 429) == (row.code.startswith("Throttling") or row.code in billing)


def test_no_two_rows_say_the_same():
    assert len({(row.code, row.message) for row in ERRORS}) == len(ERRORS)


def test_every_constant_of_the_module_is_in_the_table_once():
    constants = [value for value in vars(errors).values() if isinstance(value, errors.ErrorRow)]
    assert list(ERRORS) == constants


@every_row
def test_a_row_is_found_by_its_code(row):
    assert by_code(row.code).code == row.code


@pytest.mark.parametrize("name", NAMED)
def test_a_row_is_found_by_its_name(name):
    assert by_code(name) is NAMED[name]


@pytest.mark.parametrize("row", [errors.ACCESS_DENIED, errors.INVALID_PARAMETER])
def test_a_code_of_several_rows_finds_the_general_one(row):
    assert by_code(row.code) is row


def test_the_table_is_whole():
    """The error table of the wire truth has these codes, and no others."""
    assert {row.code for row in ERRORS} == {
        "AccessDenied",
        "AccessDenied.Unpurchased",
        "AllocationQuota.FreeTierOnly",
        "Arrearage",
        "BadRequest.EmptyInput",
        "BadRequest.EmptyModel",
        "BadRequest.EmptyParameters",
        "BadRequest.IllegalInput",
        "CommodityNotPurchased",
        "DataInspectionFailed",
        "IPInfringementSuspect",
        "InternalError",
        "InternalError.Algo",
        "InternalError.Timeout",
        "InternalError.Upload",
        "InvalidApiKey",
        "InvalidParameter",
        "InvalidURL",
        "Model.AccessDenied",
        "ModelNotFound",
        "ModelServingError",
        "ModelUnavailable",
        "NOT AUTHORIZED",
        "NotFound",
        "PostpaidBillOverdue",
        "PrepaidBillOverdue",
        "RequestTimeOut",
        "RewriteFailed",
        "SystemError",
        "Throttling",
        "Throttling.AllocationQuota",
        "Throttling.BurstRate",
        "Throttling.RateQuota",
        "UnsupportedOperation",
        "Workspace.AccessDenied",
    }


@pytest.mark.proves("error.*")
@pytest.mark.parametrize("name", NAMED)
def test_every_row_can_be_met_on_the_wire(api, sim, name):
    row = NAMED[name]
    sim.faults.add(Fault(on="create", code=name))
    answer = api.create()
    assert answer.status == row.status
    assert answer.json["code"] == row.code
    assert answer.json["message"].startswith(row.message)
    assert len(sim.tasks) == 0


# Each of these arises by itself, from what is asked.
ARISING = {
    "no-async-header": {"headers": {"X-DashScope-Async": None}},
    "sync-only": {"model": "qwen-image-max"},
    "url-error": {"model": "wan2.6-t2i"},
    "model-not-exist": {"model": "wan9"},
    "no-api-key": {"headers": {"Authorization": None}},
    "invalid-api-key": {"headers": {"Authorization": "Bearer"}},
    "invalid-body": {"body": b"{"},
    "not-json": {"headers": {"Content-Type": "text/plain"}},
    "empty-input": {"body": {"model": "wan2.5-t2i-preview"}},
    "empty-model": {"body": {"input": {"prompt": "花店"}}},
    "prompt-missing": {"prompt": None, "negative_prompt": "人物"},
    "prompt-empty": {"prompt": " "},
    "size-malformed": {"size": "1024x1024"},
    "size-outside": {"model": "wan2.2-t2i-flash", "size": "7*7"},
    "n-outside": {"n": 5},
    "one-image-only": {"model": "qwen-image", "n": 2},
    "seed-outside": {"seed": -1},
    "wrong-type": {"n": "1"},
    "input-rejected": {"prompt": "[[moderation]]"},
}


@pytest.mark.parametrize("name", ARISING)
def test_a_row_arises_in_its_own_words(api, name):
    row = NAMED[name]
    status, code, message = api.create(**ARISING[name]).refusal
    assert (status, code) == (row.status, row.code)
    assert message.startswith(row.message)


@pytest.mark.proves("elsewhere.wan2.6-t2i", "elsewhere.wan2.6-image")
@pytest.mark.parametrize("model", ["wan2.6-t2i", "wan2.6-image"])
def test_a_model_of_another_endpoint_is_a_url_error(api, model):
    says = (
        "url error, please check url！ For details, see: "
        "https://help.aliyun.com/zh/model-studio/error-code#error-url"
    )
    assert api.create(model=model).refusal == (400, "InvalidParameter", says)


@pytest.mark.proves("elsewhere.qwen-image-max")
def test_a_model_without_asynchronous_calls_says_so(api):
    says = "current user api does not support asynchronous calls"
    assert api.create(model="qwen-image-max").refusal == (403, "AccessDenied", says)


HELP = {
    "beijing": "https://help.aliyun.com/zh/model-studio/error-code",
    "singapore": "https://www.alibabacloud.com/help/en/model-studio/error-code",
}


@pytest.mark.proves("errors.help-links")
@pytest.mark.parametrize("region", HELP)
@pytest.mark.parametrize(
    ("name", "anchor"),
    [
        ("invalid-api-key", "apikey-error"),
        ("input-rejected", "inappropriate-content"),
        ("rate-quota", "rate-limit"),
        ("url-error", "error-url"),
    ],
)
def test_a_message_may_end_in_a_link_to_the_regions_page(api, sim, region, name, anchor):
    sim.help_links, sim.region, api.base = True, region, "http://localhost"
    sim.faults.add(Fault(on="create", code=name))
    says = f"{NAMED[name].message} For details, see: {HELP[region]}#{anchor}"
    assert api.create().json["message"] == says


def test_without_help_links_a_message_is_the_bare_text(api):
    assert api.create(prompt="[[moderation]]").json["message"] == errors.INPUT_REJECTED.message


def test_a_row_without_an_anchor_has_no_link(api, sim):
    sim.help_links = True
    assert api.create(n=9).json["message"] == "Range of n should be [1, 4]"


def test_an_unknown_code_is_refused_with_those_there_are():
    with pytest.raises(
        ValueError, match=r"no error code 'Nope'; known: AccessDenied, AccessDenied.Unpurchased"
    ):
        by_code("Nope")


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "AccessDenied", "current user api does not support synchronous calls"),
        (401, "InvalidApiKey", "Invalid API-key provided."),
        (401, "InvalidApiKey", "No API-key provided."),
        (400, "InvalidParameter", "Model not exist."),
        (400, "InvalidParameter", "Required body invalid, please check the request body format."),
        (400, "BadRequest.EmptyInput", "Required input parameter missing from request."),
        (400, "DataInspectionFailed", "Input data may contain inappropriate content."),
        (400, "DataInspectionFailed", "Output data may contain inappropriate content."),
        (404, "NotFound", "Not found!"),
        (
            400,
            "UnsupportedOperation",
            "Failed to cancel the task, please confirm if the task is in PENDING status.",
        ),
        (429, "Throttling", "Requests throttling triggered."),
        (429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later."),
        (
            429,
            "Throttling.AllocationQuota",
            "Allocated quota exceeded, please increase your quota limit.",
        ),
        (400, "Arrearage", "Access denied, please make sure your account is in good standing."),
        (
            500,
            "InternalError",
            "An internal error has occured, please try again later or contact service support.",
        ),
        (
            500,
            "InternalError.Timeout",
            (
                "An internal timeout error has occured during execution, please try again later "
                "or contact service support."
            ),
        ),
        (500, "SystemError", "An system error has occured, please try again later."),
        (503, "ModelUnavailable", "Model is unavailable, please try again later."),
    ],
)
def test_the_table_has_the_services_own_words(status, code, message):
    assert (status, code, message) in {(row.status, row.code, row.message) for row in ERRORS}


def test_a_refusal_may_say_more_than_its_row():
    refusal = Refusal(errors.INVALID_PARAMETER, "Range of n should be [1, 4]")
    assert (refusal.status, refusal.code) == (400, "InvalidParameter")
    assert str(refusal) == "400 InvalidParameter: Range of n should be [1, 4]"
