"""The OpenAPI document says what the application does: every route, every answer, made-up requests."""

from __future__ import annotations

import json
import re
from typing import get_args

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from starlette.testclient import TestClient

from wanx_sim import Fault, Simulator
from wanx_sim.faces.control import CONTROLS
from wanx_sim.faces.openapi import document
from wanx_sim.protocol import catalogue, routes
from wanx_sim.protocol.errors import ERRORS
from wanx_sim.wire import Request

BASE = "https://dashscope.aliyuncs.com"
DOCUMENT = document()
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
SERVICE = [name for name, (_, path, _) in OPERATIONS.items() if not path.startswith("/_sim")]


def resolved(schema):
    """A schema that can stand alone: the components go with it."""
    text = json.dumps({"components": DOCUMENT["components"]} | schema)
    return json.loads(text)


def schema_of(operation, status):
    answer = operation["responses"][str(status)]
    if "$ref" in answer:
        answer = DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    (content,) = answer["content"].values()
    return resolved(content["schema"])


def check(name, status, body):
    """Whether an answer is as the document says."""
    _, _, operation = OPERATIONS[name]
    jsonschema_rs.validate(schema_of(operation, status), body, validate_formats=True)


# --- the document -------------------------------------------------------------------------------


def test_it_is_openapi_3_1():
    assert DOCUMENT["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_every_schema_of_it_is_a_json_schema():
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_every_reference_leads_somewhere():
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT)):
        place = DOCUMENT
        for name in reference.split("/"):
            place = place[name]


def test_no_operation_is_named_twice():
    found = sum(len(methods) for methods in DOCUMENT["paths"].values())
    assert len(OPERATIONS) == found


def test_it_is_what_the_application_serves(sim):
    assert TestClient(sim.asgi_app()).get("/_sim/openapi.json").json() == DOCUMENT


def test_it_has_every_operation_of_the_service_and_no_other():
    assert {*SERVICE, "other"} == set(get_args(routes.Operation))


@pytest.mark.parametrize("name", SERVICE)
def test_the_service_has_each_of_them_at_that_path_and_by_that_method(name):
    method, path, _ = OPERATIONS[name]
    request = Request(method=method, path=path.format(task_id="1", bucket="b", key="k/l.png"))
    assert routes.route(request).operation == name


def test_it_has_every_control_and_no_other():
    controls = {(one.method, one.path) for one in CONTROLS}
    assert {OPERATIONS[name][:2] for name in OPERATIONS.keys() - set(SERVICE)} == controls


def test_it_has_every_model_of_every_profile():
    known = DOCUMENT["components"]["schemas"]["Create"]["properties"]["model"]["enum"]
    assert set(known) == {
        name for profile in catalogue.PROFILES for name in catalogue.load(profile).models
    }


def test_it_has_every_status_that_the_service_refuses_with():
    for name in set(SERVICE) - {"image"}:
        answers = OPERATIONS[name][2]["responses"]
        assert {int(status) for status in answers} == {200} | {row.status for row in ERRORS}
        for row in ERRORS:
            assert row.code in answers[str(row.status)]["description"]


def test_it_has_every_filter_of_the_list():
    given = {parameter.get("name") for parameter in OPERATIONS["list"][2]["parameters"]}
    assert given >= {"task_id", "start_time", "end_time", "model_name", "status", "page_no"}


# --- the answers of the service -----------------------------------------------------------------


@pytest.fixture(params=catalogue.PROFILES)
def profiled(request, sim, api):
    sim.profile = request.param
    return api


def test_a_job_s_answers_are_as_it_says(profiled):
    created = profiled.create(n=2, prompt_extend=True).json
    check("create", 200, created)
    statuses = []
    for _ in range(3):
        answer = profiled.poll(created["output"]["task_id"]).json
        check("query", 200, answer)
        statuses.append(answer["output"]["task_status"])
    assert statuses == ["PENDING", "RUNNING", "SUCCEEDED"]


@pytest.mark.parametrize(
    ("prompt", "status"),
    [("[[fail:InternalError.Algo]]", "FAILED"), ("[[partial:1]]", "SUCCEEDED")],
)
def test_the_answers_of_a_job_that_fails_are_as_it_says(profiled, prompt, status):
    task_id = profiled.submit(prompt, n=2)
    assert profiled.history(task_id)[-1]["task_status"] == status
    check("query", 200, profiled.poll(task_id).json)


@pytest.mark.parametrize("shape", ["full", "metrics", "plain"])
def test_each_shape_of_a_failure_is_as_it_says(sim, api, shape):
    sim.failed_shape = shape
    task_id = api.submit("[[fail:InternalError]]")
    assert api.history(task_id)[-1]["task_status"] == "FAILED"
    check("query", 200, api.poll(task_id).json)


@pytest.mark.parametrize("model", sorted(catalogue.load().models))
def test_the_answers_of_every_model_are_as_it_says(sim, connect, model):
    region = next(iter(catalogue.load().models[model].price))
    hosts = {place: host for host, place in catalogue.API_HOSTS.items()}
    api = connect(sim, f"https://{hosts[region]}")
    task_id = api.submit(model=model, n=1)
    for _ in range(3):
        check("query", 200, api.poll(task_id).json)
    assert api.status(task_id) == "SUCCEEDED"


def test_the_answers_to_a_cancel_are_as_it_says(profiled):
    task_id = profiled.submit()
    check("cancel", 200, profiled.cancel(task_id).json)
    check("query", 200, profiled.poll(task_id).json)
    check("cancel", 400, profiled.cancel(task_id).json)


def test_a_task_that_is_unknown_is_as_it_says(profiled):
    check("query", 200, profiled.poll("1111").json)


def test_the_list_is_as_it_says(profiled):
    for _ in range(3):
        profiled.job()
    profiled.submit()
    check("list", 200, profiled.listed("page_size=2").json)
    check("list", 200, profiled.listed("status=PENDING").json)
    check("list", 400, profiled.listed("status=DREAMING").json)


@pytest.mark.parametrize("row", ERRORS, ids=lambda row: f"{row.status}-{row.code}")
def test_every_refusal_is_as_it_says(sim, api, row):
    sim.faults.add(Fault(on="create", code=row.code))
    answer = api.create()
    check("create", answer.status, answer.json)


def test_a_picture_and_its_refusals_are_as_it_says(api):
    (url,) = api.links(n=1)
    answers = OPERATIONS["image"][2]["responses"]
    for asked, status in ((url, 200), (url.partition("?")[0], 403), (f"{url}0", 403)):
        answer = api.get(asked)
        assert answer.status == status
        named = answers[str(status)]
        if "$ref" in named:
            named = DOCUMENT["components"]["responses"][named["$ref"].rpartition("/")[2]]
        assert list(named["content"]) == [answer.headers["content-type"]]
    assert str(api.get(url, {"range": "bytes=0-9"}).status) in answers


# --- the answers of the controls ----------------------------------------------------------------

ORDERS = {
    "change_settings": {"timing": "manual"},
    "move_clock": {"advance": 1},
    "arm": {"on": "query", "code": "InternalError"},
    "change_task": {"finish": True},
}


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - set(SERVICE) - {"openapi", "picture"}))
def test_the_answers_of_a_control_are_as_it_says(sim, api, name):
    sim.session("one")
    sim.faults.add(Fault(on="image", code="InternalError"))
    task_id = api.submit()
    method, path, operation = OPERATIONS[name]
    client = TestClient(sim.asgi_app())
    order = {"json": ORDERS[name]} if "requestBody" in operation else {}

    good = client.request(method, path.format(task_id=task_id, name="one"), **order)
    assert good.status_code == 200
    check(name, 200, good.json())

    lost = client.request(method, path.format(task_id="1", name="none"), **order)
    assert ("404" in operation["responses"]) is (lost.status_code == 404)
    untyped = client.request(method, path.format(task_id=task_id, name="one"), content=b"{}")
    assert ("415" in operation["responses"]) is (untyped.status_code == 415)
    for answer in (lost, untyped):
        check(name, answer.status_code, answer.json())


def test_a_picture_of_a_task_is_as_it_says(sim, api):
    task_id = api.submit(n=1)
    _, path, operation = OPERATIONS["picture"]
    client = TestClient(sim.asgi_app())
    lost = client.get(path.format(task_id=task_id, index="0"))
    check("picture", 404, lost.json())
    sim.finish(task_id)
    good = client.get(path.format(task_id=task_id, index="0"))
    assert [good.headers["content-type"]] == list(operation["responses"]["200"]["content"])


def test_a_denial_is_as_it_says(sim):
    client = TestClient(sim.asgi_app(admin_token="t0ken"))
    check("health", 401, client.get("/_sim/health").json())


# --- made-up requests ---------------------------------------------------------------------------

MODES = {"right": GenerationMode.POSITIVE, "wrong": GenerationMode.NEGATIVE}


class Fresh:
    """An application whose simulator can be made anew: no request suffers from those before it."""

    def renew(self):
        self.app = Simulator().asgi_app()
        return self.app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def schema():
    """The document as a maker of requests."""
    made = schemathesis.openapi.from_dict(DOCUMENT)
    made.app = Fresh()
    return made


def made_up(schema, name, mode, examples):
    """Runs a function with made-up requests for an operation, the same ones every time."""
    method, path, _ = OPERATIONS[name]
    configured = settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    cases = schema[path][method].as_strategy(generation_mode=MODES[mode])
    return lambda function: configured(given(case=cases)(function))()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_no_made_up_request_is_answered_by_trouble(schema, name, mode):
    """No 5xx that no fault asked for; what is refused is refused in the words it should be."""

    @made_up(schema, name, mode, examples=15 if name in SERVICE else 5)
    def asked(case):
        schema.app.renew()
        # The image host refuses whoever brings a key.
        answer = case.call(headers={} if name == "image" else {"Authorization": "Bearer sk-test"})
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            (kind,) = answer.headers["content-type"]
            assert well_formed(answer.text, kind, name), answer.text


def well_formed(text, kind, name):
    """Whether an error's body is one of the three that there are."""
    if kind == "application/xml":
        error = r"<Error>.*<Code>\w+</Code>.*<RequestId>.*</Error>"
        return name == "image" and re.search(error, text, re.DOTALL)
    body = json.loads(text)
    if list(body) == ["error"]:
        return name not in SERVICE and body["error"]
    return {"code", "message", "request_id"} == body.keys() and all(body.values())


@pytest.mark.parametrize("name", ["change_settings", "move_clock"])
def test_whatever_is_set_a_job_has_no_trouble(schema, make_api, make_answer, name):
    @made_up(schema, name, "right", examples=20)
    def asked(case):
        client = TestClient(schema.app.renew())
        case.call()

        def call(method, url, headers, *, content=None):
            answer = client.request(method, url, headers=headers, content=content)
            assert answer.status_code < 500, answer.text
            return make_answer(answer.status_code, answer.headers, answer.content)

        api = make_api(call, "http://testserver")
        created = api.create(n=1)
        task_id = created.output["task_id"] if created.status == 200 else "none"
        for _ in range(3):
            api.poll(task_id)
        api.listed()
