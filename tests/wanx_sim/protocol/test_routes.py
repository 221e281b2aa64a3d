"""Which operation a request asks for, and of which region."""

from __future__ import annotations

import pytest

from wanx_sim import Region
from wanx_sim.protocol import routes
from wanx_sim.protocol.errors import Refusal

CREATE = "/api/v1/services/aigc/text2image/image-synthesis"


@pytest.mark.proves(
    "routes.create",
    "routes.query",
    "routes.cancel",
    "routes.list",
    "routes.trailing-slash",
)
@pytest.mark.parametrize(
    ("method", "path", "operation", "task_id"),
    [
        ("POST", CREATE, "create", ""),
        ("POST", CREATE + "/", "create", ""),
        ("GET", "/api/v1/tasks/1111", "query", "1111"),
        ("GET", "/api/v1/tasks/1111/", "query", "1111"),
        ("GET", "/api/v1/tasks/1111/?size=1024*1024", "query", "1111"),
        ("GET", "/api/v1/tasks/a%20b", "query", "a b"),
        ("POST", "/api/v1/tasks/1111/cancel", "cancel", "1111"),
        ("POST", "/api/v1/tasks/1111/cancel/", "cancel", "1111"),
        ("GET", "/api/v1/tasks", "list", ""),
        ("GET", "/api/v1/tasks/?page_no=1", "list", ""),
    ],
)
def test_a_path_and_a_method_are_an_operation(make_request, method, path, operation, task_id):
    found = routes.route(make_request(path, method))
    assert (found.operation, found.task_id) == (operation, task_id)


@pytest.mark.parametrize(
    "path", ["/", "/api/v1", "/api/v1/tasks/1/2", "/api/v1/tasks/1/cancel/2", "/API/v1/tasks/1"]
)
def test_any_other_path_is_not_found(make_request, path):
    with pytest.raises(Refusal) as caught:
        routes.route(make_request(path))
    assert (caught.value.status, caught.value.code) == (404, "NotFound")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
@pytest.mark.parametrize("path", [CREATE, "/api/v1/tasks/1111/cancel"])
def test_a_method_that_a_path_does_not_know_is_named(make_request, method, path):
    with pytest.raises(Refusal, match=f"Request method '{method}' is not supported"):
        routes.route(make_request(path, method))


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("dashscope-result-bj.oss-cn-beijing.aliyuncs.com", "dashscope-result-bj"),
        (
            "dashscope-result-wlcb-acdr-1.oss-cn-wulanchabu-acdr-1.aliyuncs.com",
            "dashscope-result-wlcb-acdr-1",
        ),
        ("dashscope-result-sgp.oss-ap-southeast-1.aliyuncs.com", "dashscope-result-sgp"),
        ("dashscope-7c2c.oss-accelerate.aliyuncs.com", "dashscope-7c2c"),
        ("DASHSCOPE-RESULT-BJ.oss-cn-beijing.aliyuncs.com:443", "dashscope-result-bj"),
    ],
)
def test_a_request_to_an_image_host_asks_for_an_image(make_request, host, bucket):
    found = routes.route(make_request("/1d/aa/x.png?Expires=1", host=host))
    assert (found.operation, found.bucket, found.key) == ("image", bucket, "1d/aa/x.png")


def test_a_path_below_oss_asks_for_an_image_at_any_host(make_request):
    found = routes.route(make_request("/oss/dashscope-result-bj/1d/aa/x.png", host="127.0.0.1:80"))
    assert (found.operation, found.bucket, found.key) == (
        "image",
        "dashscope-result-bj",
        "1d/aa/x.png",
    )


@pytest.mark.parametrize(
    "host", ["evil.com", "x.dashscope.aliyuncs.com", "dashscope-a.oss-cn-beijing.aliyuncs.com.evil"]
)
def test_other_hosts_are_no_image_hosts(host):
    assert routes.IMAGE_HOST.fullmatch(host) is None


@pytest.mark.proves("routes.hosts")
@pytest.mark.parametrize(
    ("host", "default", "expected"),
    [
        ("dashscope.aliyuncs.com", "singapore", "beijing"),
        ("dashscope.aliyuncs.com:443", "singapore", "beijing"),
        ("dashscope-intl.aliyuncs.com", "beijing", "singapore"),
        ("llm-abc.ap-southeast-1.maas.aliyuncs.com", "beijing", "singapore"),
        ("127.0.0.1:8965", "beijing", "beijing"),
        ("localhost", "singapore", "singapore"),
    ],
)
def test_the_region_is_the_hosts_else_the_simulators_own(make_request, host, default, expected):
    assert routes.region_of(make_request(host=host), Region(default)) is Region(expected)
