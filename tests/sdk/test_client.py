"""`dashscope.Client`, new in 2.0: it is built on httpx, so it needs no socket."""

from __future__ import annotations

import asyncio
import io
import warnings

import httpx
import pytest
from PIL import Image

from wanx_sim import Simulator

pytestmark = pytest.mark.sdk

BASE = "https://dashscope.aliyuncs.com/api/v1"
# The SDK's own interval between polls is a second.
ORDER = {"model": "wan2.5-t2i-preview", "n": 1, "size": "1024x768", "poll_interval": 0.01}


@pytest.fixture
def dashscope(monkeypatch, tmp_path):
    """The module, blind to the settings of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WORKSPACE", "REGION", "TIMEOUT", "MAX_RETRIES", "CONFIG"):
        monkeypatch.delenv(f"DASHSCOPE_{name}", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK's own, at its import
        import dashscope  # noqa: PLC0415

    return dashscope


@pytest.fixture
def sim():
    return Simulator(timing="instant", api_keys={"sk-right": "beijing"})


def handed_in(kind, sim, key="sk-right"):
    """The httpx client that is handed to the SDK; it must know the address and the key itself."""
    return kind(
        transport=sim.transport(), base_url=BASE, headers={"Authorization": f"Bearer {key}"}
    )


@pytest.fixture
def client(dashscope, sim):
    with handed_in(httpx.Client, sim) as http:
        yield dashscope.Client(api_key="sk-right", base_url=BASE, http_client=http)


def size_of(url, sim):
    with httpx.Client(transport=sim.transport()) as http:
        picture = Image.open(io.BytesIO(http.get(url).raise_for_status().content))
    picture.load()
    return picture.size


def test_generate_over_a_transport_gives_a_picture_of_the_size_asked(client, sim):
    job = client.images.generate(prompt="一间花店", **ORDER)

    assert job.succeeded
    (url,) = job.image_urls
    assert size_of(url, sim) == (1024, 768)
    assert sim.ledger.images == 1


def test_generate_inside_intercept_needs_no_client_handed_in(dashscope, sim):
    with sim.intercept(), dashscope.Client(api_key="sk-right", base_url=BASE) as client:
        job = client.images.generate(prompt="一间花店", **ORDER)

    assert job.succeeded
    assert size_of(job.result_url, sim) == (1024, 768)


def test_its_asynchronous_twin_takes_the_same_transport(dashscope, sim):
    async def generate():
        async with handed_in(httpx.AsyncClient, sim) as http:
            client = dashscope.AsyncClient(api_key="sk-right", base_url=BASE, http_client=http)
            return await client.images.generate(prompt="一间花店", **ORDER)

    job = asyncio.run(generate())

    assert job.succeeded
    assert len(job.image_urls) == 1


def test_a_wrong_key_is_an_authentication_error(dashscope, sim):
    with handed_in(httpx.Client, sim, "sk-wrong") as http:
        client = dashscope.Client(api_key="sk-wrong", base_url=BASE, http_client=http)
        with pytest.raises(
            dashscope.v2.errors.AuthenticationError, match="Invalid API-key"
        ) as caught:
            client.images.generate(prompt="一间花店", **ORDER)

    assert caught.value.status_code == 401
    assert caught.value.code == "InvalidApiKey"
    assert len(sim.requests) == 1


def test_a_bad_parameter_is_a_bad_request_error(dashscope, client):
    with pytest.raises(dashscope.v2.errors.BadRequestError, match="size"):
        client.images.generate(prompt="一间花店", **ORDER | {"size": "7*7"})


def test_a_failed_task_raises_with_the_service_s_code(dashscope, client):
    with pytest.raises(dashscope.v2.errors.DashScopeError) as caught:
        client.images.generate(prompt="[[fail:InternalError.Algo]]", **ORDER)

    assert caught.value.code == "InternalError.Algo"


def test_a_failed_image_is_a_result_without_a_link(client):
    job = client.images.generate(prompt="[[partial:1]]", **ORDER | {"n": 2})

    assert job.succeeded
    assert len(job.results) == 2
    assert len(job.image_urls) == 1


def test_a_lost_answer_makes_it_order_twice(client, sim):
    """It sends the create again, and both tasks are paid for: why `wanx_client` does not."""
    job = client.images.generate(prompt="[[lost-response]]", **ORDER)

    assert job.succeeded
    assert len(sim.tasks) == 2
    assert sim.ledger.images == 2
