"""Where pictures lie, and the links that lead there."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from wanx_sim import Region
from wanx_sim.protocol import links
from wanx_sim.protocol.signing import signed_query

ID = "c7299bde-dac5-44d3-9b1f-8cb6e67c3e3d"
KEY = "1d/33/20250415/8928fb36/picture.png"
ENDED = 1_744_697_363.434


@pytest.mark.proves("links.key")
def test_an_object_key_is_shaped_as_observed():
    """Observed: 1d/33/20250415/8928fb36/c7299bde-dac5-44d3-9b1f-8cb6e67c3e3d881017700.png"""
    key = links.object_key(ID, 0, ENDED)
    assert re.fullmatch(rf"1d/[0-9a-f]{{2}}/20250415/[0-9a-f]{{8}}/{ID}\d{{9}}\.png", key)


@pytest.mark.parametrize("task_id", [ID, "t", "a-task-with-an-id-longer-than-those-of-the-service"])
def test_an_object_key_carries_the_id_of_its_task(task_id):
    assert links.task_id_of(links.object_key(task_id, 3, ENDED)) == task_id


def test_every_picture_of_a_task_has_a_key_of_its_own():
    assert len({links.object_key(ID, index, ENDED) for index in range(4)}) == 4


@pytest.mark.proves("links.lifetime")
def test_a_link_expires_as_long_after_the_task_as_observed(make_request):
    """Observed: a task that ended at 1744697363 gave links with Expires=1744783762."""
    url = links.link(make_request(), Region.BEIJING, KEY, ENDED)
    assert parse_qs(urlsplit(url).query)["Expires"] == ["1744783762"]


@pytest.mark.proves("links.hosts-region")
@pytest.mark.parametrize(
    ("region", "bucket", "host"),
    [
        ("beijing", "dashscope-result-bj", "dashscope-result-bj.oss-cn-beijing.aliyuncs.com"),
        (
            "singapore",
            "dashscope-result-sgp",
            "dashscope-result-sgp.oss-ap-southeast-1.aliyuncs.com",
        ),
    ],
)
def test_a_request_to_the_service_gets_a_link_to_the_regions_image_host(
    make_request, region, bucket, host
):
    url = links.link(make_request(), Region(region), KEY, ENDED)
    query = signed_query(links.KEY_ID, links.SECRET, f"/{bucket}/{KEY}", 1_744_783_762)
    assert url == f"https://{host}/{KEY}?{query}"


@pytest.mark.parametrize(
    ("host", "public_url", "expected"),
    [
        ("127.0.0.1:8965", None, "https://127.0.0.1:8965/oss/"),
        ("container:80", "http://localhost:9000/", "http://localhost:9000/oss/"),
        ("dashscope.aliyuncs.com", "http://localhost:9000", "http://localhost:9000/oss/"),
    ],
)
def test_any_other_link_begins_where_the_asker_can_load_it(
    make_request, host, public_url, expected
):
    request = make_request(host=host)
    url = links.link(request, Region.BEIJING, KEY, ENDED, public_url=public_url)
    assert url.partition("?")[0] == f"{expected}dashscope-result-bj/{KEY}"


@pytest.mark.parametrize("public_url", [None, "http://localhost:9000"])
def test_the_signature_is_of_bucket_and_key_wherever_the_link_begins(make_request, public_url):
    there = links.link(make_request(), Region.BEIJING, KEY, ENDED)
    here = links.link(make_request(host="x"), Region.BEIJING, KEY, ENDED, public_url=public_url)
    assert there.partition("?")[2] == here.partition("?")[2]


@pytest.mark.proves("links.hosts-spread")
def test_results_may_be_spread_over_the_white_list(make_request):
    keys = [links.object_key(ID, index, ENDED) for index in range(40)]
    hosts = {
        urlsplit(links.link(make_request(), Region.BEIJING, key, ENDED, hosts="spread")).netloc
        for key in keys
    }
    assert "dashscope-result-sh.oss-cn-shanghai.aliyuncs.com" in hosts
    assert all(re.fullmatch(r"dashscope-result-[a-z0-9-]+\.oss-cn-[a-z0-9-]+\.aliyuncs\.com", host) for host in hosts)  # fmt: skip
    assert len(hosts) > 5


@pytest.mark.proves("links.hosts-accelerate")
def test_results_may_lie_off_the_white_list(make_request):
    keys = [links.object_key(ID, index, ENDED) for index in range(20)]
    hosts = {links.place(Region.BEIJING, key, "accelerate")[1] for key in keys}
    assert hosts == {
        f"dashscope-{mark}.oss-accelerate.aliyuncs.com" for mark in ("7c2c", "a717", "463f")
    }


@pytest.mark.parametrize("hosts", ["region", "spread", "accelerate"])
def test_an_object_lies_in_the_same_place_each_time(hosts):
    assert links.place(Region.BEIJING, KEY, hosts) == links.place(Region.BEIJING, KEY, hosts)


@pytest.mark.proves("links.hosts-spread", "links.hosts-accelerate")
@pytest.mark.parametrize("hosts", ["region", "spread", "accelerate"])
@pytest.mark.parametrize("base", ["https://dashscope.aliyuncs.com", "http://localhost:80"])
def test_a_picture_can_be_had_wherever_it_lies(sim, connect, hosts, base):
    sim.result_hosts = hosts
    api = connect(sim, base)
    assert [api.get(url).status for url in api.links(n=4, size="768*768")] == [200] * 4


def test_a_link_outlives_a_change_of_the_hosts(sim, api):
    sim.result_hosts = "accelerate"
    (link,) = api.links(n=1, size="768*768")
    sim.result_hosts = "region"
    assert api.get(link).status == 200


def test_a_bucket_of_the_other_region_has_nothing(sim, api):
    (link,) = api.links(n=1, size="768*768")
    parts = urlsplit(link)
    bucket, key = "dashscope-result-sgp", parts.path.removeprefix("/")
    expires = int(parse_qs(parts.query)["Expires"][0])
    query = signed_query(links.KEY_ID, links.SECRET, f"/{bucket}/{key}", expires)
    url = f"https://{bucket}.oss-ap-southeast-1.aliyuncs.com/{key}?{query}"
    assert api.get(url).status == 404


def test_hosts_that_do_not_exist_are_refused_with_those_there_are(sim):
    with pytest.raises(ValueError, match="result_hosts cannot be 'moon'; known: region, spread"):
        sim.result_hosts = "moon"


@pytest.mark.parametrize(("hour", "date"), [(0, "20250415"), (15.99, "20250415"), (16, "20250416")])
def test_a_key_carries_the_date_in_beijing(hour, date):
    midnight = 1_744_675_200  # of 2025-04-15, in UTC
    assert f"/{date}/" in links.object_key(ID, 0, midnight + hour * 3600)
