"""Where the requests go."""

import pytest

from wanx_client import Region
from wanx_client.regions import region_of, resolve_base_url

BEIJING = "https://dashscope.aliyuncs.com/api/v1"
SINGAPORE = "https://dashscope-intl.aliyuncs.com/api/v1"
LOCAL = "http://127.0.0.1:8965/api/v1"


@pytest.mark.parametrize(
    ("region", "base_url", "environ", "expected"),
    [
        pytest.param(None, None, {}, BEIJING, id="Beijing by default"),
        pytest.param(Region.SINGAPORE, None, {}, SINGAPORE, id="region as a member"),
        pytest.param("Singapore", None, {}, SINGAPORE, id="region as a string"),
        pytest.param(None, None, {"WANX_REGION": "singapore"}, SINGAPORE, id="region from env"),
        pytest.param(
            "beijing", None, {"WANX_REGION": "singapore"}, BEIJING, id="argument beats env"
        ),
        pytest.param("singapore", LOCAL, {}, LOCAL, id="base URL beats region"),
        pytest.param(None, None, {"DASHSCOPE_HTTP_BASE_URL": LOCAL}, LOCAL, id="base URL from env"),
        pytest.param(
            None,
            LOCAL,
            {"DASHSCOPE_HTTP_BASE_URL": SINGAPORE},
            LOCAL,
            id="base URL argument beats env",
        ),
        pytest.param(
            "singapore",
            None,
            {"DASHSCOPE_HTTP_BASE_URL": LOCAL},
            LOCAL,
            id="an app that names its region can still be redirected",
        ),
        pytest.param(None, LOCAL + "/", {}, LOCAL, id="slash at the end"),
        pytest.param(
            None,
            None,
            {"DASHSCOPE_HTTP_BASE_URL": "", "WANX_REGION": ""},
            BEIJING,
            id="empty variables are unset",
        ),
    ],
)
def test_the_base_url(region, base_url, environ, expected):
    assert resolve_base_url(region, base_url, environ) == expected


def test_an_unknown_region_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'tokyo'.*beijing, singapore"):
        resolve_base_url("tokyo", None, {})


@pytest.mark.parametrize(
    "url",
    [
        "dashscope.aliyuncs.com/api/v1",
        "ftp://host/api/v1",
        "https://",
        "http://h:port",
        "http://h?q=1",
    ],
)
def test_a_base_url_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="URL"):
        resolve_base_url(None, url, {})


def test_a_password_in_a_base_url_is_refused_and_not_repeated():
    with pytest.raises(ValueError, match="password") as caught:
        resolve_base_url(None, "https://me:hunter2@host/api/v1", {})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "region"), [(BEIJING, "beijing"), (SINGAPORE, "singapore"), (LOCAL, None)]
)
def test_a_public_host_tells_its_region(url, region):
    assert region_of(url) == region
