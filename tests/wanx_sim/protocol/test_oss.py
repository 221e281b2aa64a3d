"""The image host: the order of its checks, and each of its refusals."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from xml.etree import ElementTree as ET

import pytest

from wanx_sim.protocol import oss
from wanx_sim.protocol.crc64 import crc64
from wanx_sim.protocol.links import KEY_ID, SECRET
from wanx_sim.protocol.signing import signed_query

BUCKET = "dashscope-result-bj"
HOST = f"{BUCKET}.oss-cn-beijing.aliyuncs.com"
KEY = "1d/63/20251028/521f586d/picture.png"
MODIFIED_AT = 999_000.0  # 13:30:00
NOW, EXPIRES = 1_000_000.0, 1_000_100
CONTENT = bytes(range(256))


def signed(expires):
    return signed_query(KEY_ID, SECRET, f"/{BUCKET}/{KEY}", expires)


@pytest.fixture
def ask(make_request):
    """Asks for an object; `query` replaces the signed one, `found` what lies there."""

    def asked(
        *, query=None, now=NOW, cut=False, missing=False, key=KEY, method="GET", headers=None
    ):
        query = signed(EXPIRES) if query is None else query
        request = make_request(f"/{key}?{query}", method, HOST, headers=headers or {})
        found = None if missing else oss.StoredObject(lambda: CONTENT, MODIFIED_AT, cut)
        return oss.respond(request, BUCKET, key, now, lambda *_: found)

    return asked


def error(response):
    return {element.tag: element.text for element in ET.fromstring(response.body)}  # noqa: S314


def test_a_signed_link_gives_the_object(ask):
    response = ask()
    assert (response.status, response.body) == (200, CONTENT)
    assert response.header("etag") == f'"{hashlib.md5(CONTENT).hexdigest().upper()}"'  # noqa: S324


def test_a_link_works_up_to_the_very_second_it_names(ask):
    assert ask(now=float(EXPIRES)).status == 200
    assert ask(now=EXPIRES + 0.001).status == 403


@pytest.mark.proves("oss.expired", "oss.xml")
def test_an_expired_link_says_when_it_expired_and_what_time_it_is(ask):
    answer = error(ask(now=EXPIRES + 5.7))
    assert list(answer) == [
        "Code",
        "Message",
        "RequestId",
        "HostId",
        "Expires",
        "ServerTime",
        "EC",
        "RecommendDoc",
    ]
    assert answer["Expires"] == "1970-01-12T13:48:20.000Z"
    assert answer["ServerTime"] == "1970-01-12T13:48:25.000Z"
    assert answer["HostId"] == HOST


@pytest.mark.proves("oss.expires-malformed")
@pytest.mark.parametrize(
    ("query", "ec"),
    [
        ("OSSAccessKeyId=K&Signature=S", "0002-00000067"),
        ("Expires=&OSSAccessKeyId=K&Signature=S", "0002-00000068"),
        ("Expires=%20&OSSAccessKeyId=K&Signature=S", "0002-00000068"),
        ("Expires=soon&OSSAccessKeyId=K&Signature=S", "0002-00000070"),
        ("Expires=-5&OSSAccessKeyId=K&Signature=S", "0002-00000070"),
        ("Expires=²&OSSAccessKeyId=K&Signature=S", "0002-00000070"),
        ("Expires=999999999999&OSSAccessKeyId=K&Signature=S", "0002-00000070"),
    ],
)
def test_an_expiry_that_is_absent_blank_or_no_number_is_denied(ask, query, ec):
    response = ask(query=query)
    assert (response.status, error(response)["Code"]) == (403, "AccessDenied")
    assert response.header("x-oss-ec") == ec


@pytest.mark.proves("oss.key-id", "oss.order")
def test_an_unknown_key_id_is_refused_before_the_signature_is_looked_at(ask):
    response = ask(query=f"Expires={EXPIRES}&OSSAccessKeyId=LTAIother&Signature=bad")
    assert (response.status, error(response)["Code"]) == (403, "InvalidAccessKeyId")
    assert error(response)["OSSAccessKeyId"] == "LTAIother"


@pytest.mark.proves("oss.order")
def test_expiry_is_tested_before_the_signature(ask):
    query = f"Expires={EXPIRES}&OSSAccessKeyId={KEY_ID}&Signature=bad"
    assert error(ask(query=query))["Code"] == "SignatureDoesNotMatch"
    assert error(ask(query=query, now=EXPIRES + 1.0))["Message"] == "Request has expired."


@pytest.mark.proves("oss.order")
def test_the_signature_is_tested_before_the_object_is_looked_for(ask):
    query = f"Expires={EXPIRES}&OSSAccessKeyId={KEY_ID}&Signature=bad"
    assert error(ask(query=query, missing=True))["Code"] == "SignatureDoesNotMatch"


def test_an_expired_link_to_a_missing_object_says_expired(ask):
    response = ask(missing=True, now=EXPIRES + 1.0)
    assert (response.status, error(response)["Message"]) == (403, "Request has expired.")


@pytest.mark.proves("oss.missing")
def test_a_good_link_to_a_missing_object_says_so(ask):
    response = ask(missing=True)
    assert (response.status, error(response)["Code"]) == (404, "NoSuchKey")
    assert error(response)["Key"] == KEY


def test_a_link_that_was_cut_says_it_expired_before_now(ask):
    answer = error(ask(cut=True))
    assert answer["Message"] == "Request has expired."
    assert answer["Expires"] < answer["ServerTime"]


@pytest.mark.proves("oss.signature")
def test_a_link_that_asks_for_another_object_is_refused(ask):
    assert error(ask(key=KEY.replace("picture", "other")))["Code"] == "SignatureDoesNotMatch"


def test_an_expiry_that_was_moved_breaks_the_signature(ask):
    query = signed(EXPIRES).replace(str(EXPIRES), str(EXPIRES + 1))
    assert error(ask(query=query))["Code"] == "SignatureDoesNotMatch"


def test_a_signature_whose_plus_became_a_space_is_refused(ask):
    """A proxy that decodes ``%2B`` breaks links (jeecgboot#3711); so it does here."""
    expires = next(
        moment for moment in range(EXPIRES, EXPIRES + 500)
        if "%2B" in signed(moment)
    )  # fmt: skip
    query = signed(expires)
    assert ask(query=query).status == 200
    assert error(ask(query=query.replace("%2B", "+")))["Code"] == "SignatureDoesNotMatch"


@pytest.mark.proves("oss.signed-headers")
@pytest.mark.parametrize(
    "headers",
    [{"content-type": "image/png"}, {"content-md5": "x"}, {"x-oss-security-token": "x"}],
    ids=lambda headers: next(iter(headers)),
)
def test_a_header_that_is_signed_breaks_a_link_signed_without_it(ask, headers):
    assert error(ask(headers=headers))["Code"] == "SignatureDoesNotMatch"


@pytest.mark.proves("oss.head")
def test_head_breaks_a_link_signed_for_get_and_is_answered_without_a_body(ask):
    response = ask(method="HEAD")
    assert (response.status, response.body) == (403, b"")


def test_what_is_not_xml_is_escaped(ask):
    assert error(ask(query="Expires=1000100&OSSAccessKeyId=%3C%26%3E&Signature=x"))[
        "OSSAccessKeyId"
    ] == ("<&>")


@pytest.mark.proves("oss.no-signature")
def test_an_object_cannot_be_had_without_a_signature(ask):
    response = ask(query="")
    assert (response.status, response.header("x-oss-ec")) == (403, "0003-00000001")


@pytest.mark.proves("oss.range")
@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=0-0", 206, CONTENT[:1]),
        ("bytes=250-", 206, CONTENT[250:]),
        ("bytes=-6", 206, CONTENT[250:]),
        ("bytes=-999", 206, CONTENT),
        ("bytes=0-999", 206, CONTENT),
        ("bytes=256-", 200, CONTENT),
        ("bytes=-0", 200, CONTENT),
        ("bytes=-", 200, CONTENT),
        ("bytes=0-1,3-4", 200, CONTENT),
    ],
)
def test_one_range_that_is_there_gives_a_part_and_anything_else_the_whole(
    ask, asked, status, content
):
    response = ask(headers={"range": asked})
    assert (response.status, response.body) == (status, content)


@pytest.mark.proves("oss.headers")
def test_an_object_has_its_checksums(ask):
    response = ask()
    assert response.header("x-oss-hash-crc64ecma") == str(crc64(CONTENT))
    assert response.header("content-md5") == b64encode(hashlib.md5(CONTENT).digest()).decode()  # noqa: S324


@pytest.mark.proves("oss.headers")
def test_an_object_has_the_headers_of_a_plain_one(ask):
    response = ask()
    expected = {
        "server": "AliyunOSS",
        "accept-ranges": "bytes",
        "last-modified": "Mon, 12 Jan 1970 13:30:00 GMT",
        "x-oss-object-type": "Normal",
        "x-oss-storage-class": "Standard",
    }
    assert {name: response.header(name) for name in expected} == expected
    assert re.fullmatch("[0-9A-F]{24}", response.header("x-oss-request-id"))
    assert response.header("x-oss-server-time").isdigit()


def test_a_part_has_the_checksum_of_the_whole(ask):
    part = ask(headers={"range": "bytes=0-9"})
    assert part.header("x-oss-hash-crc64ecma") == str(crc64(CONTENT))
    assert part.header("content-md5") is None


def test_a_checksum_is_worked_out_once_for_a_content(ask, monkeypatch):
    ask()
    monkeypatch.setattr(oss, "crc64", None)
    assert ask().header("x-oss-hash-crc64ecma") == str(crc64(CONTENT))


@pytest.mark.proves("oss.two-signatures")
def test_a_signature_in_the_header_and_another_in_the_url_are_one_too_many(ask):
    response = ask(headers={"authorization": "Bearer sk-forwarded"})
    assert (response.status, error(response)["Code"]) == (400, "InvalidArgument")
    assert response.header("x-oss-ec") == "0002-00000039"


@pytest.mark.proves("oss.subresources")
@pytest.mark.parametrize(
    "more",
    ["x-oss-process=image/resize,w_100", "response-content-type=text/plain", "acl"],
)
def test_a_parameter_that_is_signed_breaks_a_link_signed_without_it(ask, more):
    answer = error(ask(query=f"{signed(EXPIRES)}&{more}"))
    assert answer["Code"] == "SignatureDoesNotMatch"
    assert answer["StringToSign"].endswith(f"/{BUCKET}/{KEY}?{more}")


@pytest.mark.proves("oss.subresources")
def test_a_parameter_that_was_signed_is_accepted(ask):
    more = "x-oss-process=image/info"
    query = signed_query(KEY_ID, SECRET, f"/{BUCKET}/{KEY}?{more}", EXPIRES)
    assert ask(query=f"{query}&{more}").status == 200


def test_any_other_parameter_plays_no_part(ask):
    assert ask(query=f"{signed(EXPIRES)}&utm=1").status == 200


@pytest.mark.proves("oss.no-cors")
def test_a_page_of_another_origin_may_not_read_it(ask):
    response = ask(headers={"origin": "https://example.com"})
    assert [name for name, _ in response.headers if name.startswith("access-control")] == []


# --- conditional requests -------------------------------------------------------------------------

ETAG = f'"{hashlib.md5(CONTENT).hexdigest().upper()}"'  # noqa: S324
BEFORE, MODIFIED, AFTER = (f"Mon, 12 Jan 1970 13:{minute}:00 GMT" for minute in (29, 30, 31))


@pytest.mark.proves("oss.conditional")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if-none-match": ETAG}, 304),
        ({"if-none-match": f'"other", W/{ETAG.lower()}'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"other"'}, 200),
        ({"if-none-match": '"other"', "if-modified-since": AFTER}, 200),
        ({"if-modified-since": MODIFIED}, 304),
        ({"if-modified-since": BEFORE}, 200),
        ({"if-modified-since": "yesterday"}, 200),
        ({"if-match": ETAG}, 200),
        ({"if-match": '"other"'}, 412),
        ({"if-unmodified-since": MODIFIED}, 200),
        ({"if-unmodified-since": BEFORE}, 412),
        ({"if-unmodified-since": "yesterday"}, 200),
        ({"if-match": ETAG, "range": "bytes=0-9"}, 206),
    ],
)
def test_a_client_that_has_the_object_need_not_load_it_again(ask, headers, status):
    response = ask(headers=headers)
    assert response.status == status
    assert (response.body == b"") == (status == 304)
    assert status == 412 or response.header("etag") == ETAG


def test_a_condition_that_does_not_hold_is_named(ask):
    answer = error(ask(headers={"if-match": '"other"'}))
    assert (answer["Code"], answer["Condition"]) == ("PreconditionFailed", "If-Match")
