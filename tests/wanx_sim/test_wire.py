"""What travels between a face and a service."""

from __future__ import annotations

import pytest

from wanx_sim import Clock, ManualClock
from wanx_sim.wire import Delivery, Request, Response


@pytest.mark.parametrize(
    ("host", "hostname"),
    [
        ("dashscope.aliyuncs.com", "dashscope.aliyuncs.com"),
        ("DashScope.Aliyuncs.com:443", "dashscope.aliyuncs.com"),
        ("localhost:8965", "localhost"),
        ("[::1]:8965", "[::1]"),
        ("[::1]", "[::1]"),
    ],
)
def test_a_hostname_is_the_host_without_its_port(host, hostname):
    assert Request(method="GET", host=host).hostname == hostname


def test_a_path_stays_as_it_came_and_can_be_decoded():
    request = Request(method="GET", path="/a%20b/%E8%8A%B1")
    assert (request.path, request.decoded_path) == ("/a%20b/%E8%8A%B1", "/a b/花")


def test_of_a_repeated_parameter_the_last_one_counts():
    request = Request(method="GET", query="a=1&a=2&b=&c=%E8%8A%B1")
    assert request.parameters == {"a": "2", "b": "", "c": "花"}


def test_a_header_is_found_in_any_case():
    response = Response(200, (("content-type", "image/png"), ("Content-Type", "other")))
    assert response.header("CONTENT-TYPE") == "image/png"
    assert response.header("etag") is None


def test_more_headers_leave_the_first_response_as_it_was():
    response = Response(200, (("a", "1"),), b"body")
    assert response.with_headers(("b", "2")) == Response(200, (("a", "1"), ("b", "2")), b"body")
    assert response.headers == (("a", "1"),)


# --- how an answer travels ----------------------------------------------------------------------


def test_more_headers_keep_how_a_response_travels():
    delivery = Delivery(clock=ManualClock(), delay=1)
    response = Response(200, (), b"", delivery).with_headers(("b", "2"))
    assert response.delivery == delivery


def test_a_body_usually_comes_at_once():
    assert list(Delivery(clock=ManualClock()).pieces(b"body")) == [(0.0, b"body")]


def test_a_slow_body_comes_in_pieces_ten_times_a_second():
    pieces = list(Delivery(clock=ManualClock(), rate=20).pieces(b"12345"))
    assert pieces == [(0.1, b"12"), (0.1, b"34"), (0.05, b"5")]


def test_a_very_slow_body_comes_byte_by_byte():
    assert list(Delivery(clock=ManualClock(), rate=0.5).pieces(b"ab")) == [(2.0, b"a"), (2.0, b"b")]


@pytest.mark.parametrize(("clock", "seconds"), [(Clock(speed=60), 300), (ManualClock(), 5)])
def test_a_clients_patience_is_counted_on_the_clock(clock, seconds):
    assert Delivery(clock=clock).patience(5) == seconds
