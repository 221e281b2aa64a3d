"""The client for ordinary code, as an object."""

import time

import httpx
import pytest

from wanx_client import WanxClient


def test_the_repr_shows_the_place_and_not_the_key(connect, script, answer):
    client = connect(script(answer.created()), region="singapore")
    assert repr(client) == "WanxClient(base_url='https://dashscope-intl.aliyuncs.com/api/v1')"


def test_settings_come_from_the_environment(monkeypatch, script, answer):
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-env")
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "http://127.0.0.1:8965/api/v1")
    service = script(answer.created())
    WanxClient(transport=httpx.MockTransport(service)).submit("一间花店")
    [request] = service.requests
    assert request.headers["Authorization"] == "Bearer sk-env"
    assert str(request.url).startswith("http://127.0.0.1:8965/api/v1/services/")


def test_a_client_closes_its_transport():
    closed = []

    class Transport(httpx.BaseTransport):
        def close(self):
            closed.append(True)

    with WanxClient("sk-a", transport=Transport()) as client:
        assert client.base_url == "https://dashscope.aliyuncs.com/api/v1"
    assert closed == [True]


def test_every_request_has_a_timeout(connect, script, answer):
    service = script(answer.created())
    connect(service, timeout=7).submit("一间花店")
    assert service.requests[0].extensions["timeout"]["read"] == 7


def test_without_a_sleep_of_its_own_it_is_time_sleep(monkeypatch, script, answer):
    """Looked up when it is needed, so that a test may replace it at any time."""
    service = script(answer.polled("RUNNING"), answer.succeeded())
    client = WanxClient("sk-a", transport=httpx.MockTransport(service))
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    client.wait("t-1", poll_interval=3)
    assert slept == [3]


def test_cookies_of_the_service_do_not_reach_an_image_host(connect, script, answer, tmp_path):
    cookie = {"Set-Cookie": "acw_tc=1;path=/;HttpOnly;Max-Age=1800"}
    poll = answer.succeeded("one.png")().json()
    service = script(lambda: httpx.Response(200, json=poll, headers=cookie), answer.picture())
    connect(service).download("t-1", tmp_path)
    assert "Cookie" not in service.requests[1].headers


def test_an_argument_that_does_not_exist_is_refused(connect, script, answer):
    with pytest.raises(TypeError, match="colour"):
        connect(script(answer.created())).submit("一间花店", colour="red")
