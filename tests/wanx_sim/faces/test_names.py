"""Which hosts are the service's, and which addresses are this machine's alone."""

from __future__ import annotations

import pytest

from wanx_sim.faces.names import loopback_address, reaches
from wanx_sim.protocol.catalogue import API_HOSTS


@pytest.mark.parametrize(
    "host",
    [
        *API_HOSTS,
        "DashScope.aliyuncs.com",
        "llm-1a2b.ap-southeast-1.maas.aliyuncs.com",
        "dashscope-result-bj.oss-cn-beijing.aliyuncs.com",
        "dashscope-result-wlcb-acdr-1.oss-cn-wulanchabu-acdr-1.aliyuncs.com",
        "dashscope-result-sgp.oss-ap-southeast-1.aliyuncs.com",
        "dashscope-7c2c.oss-accelerate.aliyuncs.com",
    ],
)
def test_a_host_of_the_service_is_reached(host):
    assert reaches(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "aliyuncs.com",
        "ecs.aliyuncs.com",
        "dashscope.aliyuncs.com.example.com",
        "a.dashscope.aliyuncs.com",
        "*.cn-beijing.maas.aliyuncs.com.example.com",
        "cn-beijing.maas.aliyuncs.com",
        "somebody.oss-cn-beijing.aliyuncs.com",  # a bucket of anybody's
        "dashscope-result-bj.example.com",
        "localhost",
        "127.0.0.1",
    ],
)
def test_another_host_is_not(host):
    assert not reaches(host)


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0", "::"])  # noqa: S104
def test_a_host_that_is_certified_anyway_needs_no_address_of_its_own(host):
    assert loopback_address(host) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1"])
def test_a_loopback_address_is_certified_as_it_is(host):
    assert loopback_address(host) == host


@pytest.mark.parametrize("host", ["192.168.1.5", "fe80::1", "wanx.internal"])
def test_an_address_that_others_reach_is_refused_by_name(host):
    with pytest.raises(ValueError, match=host):
        loopback_address(host)
