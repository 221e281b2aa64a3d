"""Links and pictures, the same on every face and in both stores."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from io import BytesIO
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

SIZE = "768*768"


@pytest.fixture
def link(api):
    (link,) = api.links(n=1, size=SIZE)
    return link


def problem(answer) -> ET.Element:
    assert answer.headers["content-type"] == "application/xml"
    error = ET.fromstring(answer.body)  # noqa: S314 - it is our own
    assert error.tag == "Error"
    assert answer.headers["x-oss-ec"] == error.findtext("EC")
    assert error.findtext("RecommendDoc").endswith(error.findtext("EC"))
    return error


def test_a_link_gives_the_picture(api, link):
    answer = api.get(link)
    assert answer.status == 200
    assert Image.open(BytesIO(answer.body)).size == (768, 768)


@pytest.mark.proves("oss.headers", "oss.content-type")
def test_a_picture_comes_with_the_image_hosts_headers(api, link):
    answer = api.get(link)
    digest = hashlib.md5(answer.body, usedforsecurity=False)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["etag"] == f'"{digest.hexdigest().upper()}"'
    assert answer.headers["content-md5"] == b64encode(digest.digest()).decode()
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["server"] == "AliyunOSS"


def test_a_picture_is_the_same_each_time(api, link):
    assert api.get(link).body == api.get(link).body


@pytest.mark.proves("links.hosts-region")
def test_links_point_to_where_they_can_be_loaded(api, face, link):
    parts = urlsplit(link)
    if face.own_host:
        assert f"{parts.scheme}://{parts.netloc}" == face.base
        assert parts.path.startswith("/oss/dashscope-result-bj/1d/")
    else:
        assert parts.scheme == "https"
        assert parts.netloc == "dashscope-result-bj.oss-cn-beijing.aliyuncs.com"
        assert parts.path.startswith("/1d/")


@pytest.mark.proves("links.query")
def test_a_link_carries_expires_key_id_and_signature_in_that_order(link, clock):
    query = parse_qs(urlsplit(link).query)
    assert list(query) == ["Expires", "OSSAccessKeyId", "Signature"]
    assert query["Expires"] == [str(int(clock.now()) + 86_399)]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-99", 0, 99), ("bytes=100-", 100, None), ("bytes=-50", -50, None)],
)
def test_a_range_gives_that_part(api, link, asked, first, last):
    whole = api.get(link).body
    part = api.get(link, {"Range": asked})
    assert part.status == 206
    assert part.body == whole[first : None if last is None else last + 1]
    start = first % len(whole)
    end = len(whole) - 1 if last is None else last
    assert part.headers["content-range"] == f"bytes {start}-{end}/{len(whole)}"


@pytest.mark.proves("oss.range")
@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=99999999-", "lines=1-2", "bytes=9-2"])
def test_any_other_range_gives_the_whole(api, link, asked):
    answer = api.get(link, {"Range": asked})
    assert answer.status == 200
    assert answer.body == api.get(link).body


@pytest.mark.proves("oss.head")
def test_a_link_is_signed_for_get_not_for_head(api, link):
    answer = api.get(link, method="HEAD")
    assert answer.status == 403
    assert answer.headers["x-oss-ec"] == "0002-00000040"
    assert answer.body == b""


@pytest.mark.proves("oss.signed-headers")
def test_a_content_type_breaks_the_signature(api, link):
    answer = api.get(link, {"Content-Type": "image/png"})
    assert answer.status == 403
    assert problem(answer).findtext("Code") == "SignatureDoesNotMatch"


def test_a_link_expires(api, clock, link):
    clock.advance(hours=24)
    answer = api.get(link)
    error = problem(answer)
    assert answer.status == 403
    assert error.findtext("Code") == "AccessDenied"
    assert error.findtext("Message") == "Request has expired."
    assert error.findtext("EC") == "0002-00000069"
    assert error.findtext("Expires") == "2025-10-29T03:59:59.000Z"
    assert error.findtext("ServerTime") == "2025-10-29T04:00:00.000Z"


def test_links_can_be_made_to_expire(api, sim, link):
    sim.expire_urls(sim.tasks.only.task_id)
    answer = api.get(link)
    assert answer.status == 403
    assert problem(answer).findtext("Message") == "Request has expired."


def test_a_wrong_signature_is_refused_with_what_was_signed(api, link):
    answer = api.get(link[: link.index("Signature=")] + "Signature=" + quote("bm90IGl0", safe=""))
    error = problem(answer)
    expires = parse_qs(urlsplit(link).query)["Expires"][0]
    path = urlsplit(link).path.removeprefix("/oss/dashscope-result-bj")
    signed = f"GET\n\n\n{expires}\n/dashscope-result-bj{path}"
    assert answer.status == 403
    assert error.findtext("Code") == "SignatureDoesNotMatch"
    assert error.findtext("SignatureProvided") == "bm90IGl0"
    assert error.findtext("StringToSign") == signed
    assert bytes.fromhex(error.findtext("StringToSignBytes")).decode() == signed


def test_a_path_that_was_not_signed_is_refused(api, link):
    answer = api.get(link.replace(".png?", "0.png?"))
    assert answer.status == 403
    assert problem(answer).findtext("Code") == "SignatureDoesNotMatch"


def test_a_signed_link_to_nothing_is_a_missing_key(api, sim, link):
    sim.reset()
    answer = api.get(link)
    error = problem(answer)
    assert answer.status == 404
    assert error.findtext("Code") == "NoSuchKey"
    assert error.findtext("Message") == "The specified key does not exist."
    assert error.findtext("Key").startswith("1d/")


def test_a_picture_cannot_be_had_without_a_signature(api, link):
    answer = api.get(link.partition("?")[0])
    assert answer.status == 403
    assert problem(answer).findtext("Code") == "AccessDenied"
