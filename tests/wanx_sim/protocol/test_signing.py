"""OSS V1 signed URLs, against sums made here and the example of OSS's own documentation."""

from __future__ import annotations

import hmac
from base64 import b64encode
from hashlib import sha1
from urllib.parse import parse_qs, quote, unquote

import pytest

from wanx_sim.protocol import signing

RESOURCE = "/dashscope-result-bj/1d/63/20251028/521f586d/花 店.png"


def hand_made(secret: str, text: str) -> str:
    return b64encode(hmac.new(secret.encode(), text.encode("utf-8"), sha1).digest()).decode()


def test_oss_own_example_is_signed_as_it_prints():
    """The example of OSS's page on signing headers: secret, string and signature are its own."""
    text = signing.string_to_sign(
        "PUT",
        "Thu, 17 Nov 2005 18:49:58 GMT",
        "/oss-example/nelson",
        content_md5="ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM=",
        content_type="text/html",
        oss_headers="x-oss-magic:abracadabra\nx-oss-meta-author:foo@bar.com\n",
    )
    made = signing.signature("OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV", text)
    assert made == "26NBxoKdsyly4EDv6inkoDft/yA="


def test_a_plain_get_is_signed_over_verb_expires_and_resource():
    """The string that a SignatureDoesNotMatch answer of OSS echoed [observed]."""
    assert signing.string_to_sign("GET", "1744783762", "/bucket/key") == (
        "GET\n\n\n1744783762\n/bucket/key"
    )


def test_a_signature_is_the_base64_of_an_hmac_sha1():
    text = f"GET\n\n\n1744783762\n{RESOURCE}"
    assert signing.signature("a secret", text) == hand_made("a secret", text)


def test_a_query_carries_its_three_parts_in_order():
    query = signing.signed_query("LTAI5tKey", "a secret", RESOURCE, 1744783762)
    assert list(parse_qs(query)) == ["Expires", "OSSAccessKeyId", "Signature"]
    assert parse_qs(query)["Expires"] == ["1744783762"]
    assert parse_qs(query)["OSSAccessKeyId"] == ["LTAI5tKey"]


@pytest.mark.proves("oss.key-unencoded", "links.query")
def test_the_key_is_signed_unencoded_and_the_signature_is_encoded_in_the_query():
    made = hand_made("a secret", f"GET\n\n\n5\n{RESOURCE}")
    signature = signing.signed_query("K", "a secret", RESOURCE, 5).partition("Signature=")[2]
    assert unquote(signature) == made
    assert not set("+/=") & set(signature)


def test_another_secret_verb_expiry_or_resource_gives_another_signature():
    def sign(secret="s", verb="GET", expires="5", resource="/b/k"):
        return signing.signature(secret, signing.string_to_sign(verb, expires, resource))

    others = [sign("t"), sign(verb="HEAD"), sign(expires="6"), sign(resource="/b/K")]
    assert len({sign(), *others}) == 5


def test_whatever_a_signature_holds_is_quoted_as_a_query_wants_it():
    queries = [signing.signed_query("id", "secret", f"/b/{n}", n) for n in range(200)]
    signatures = [query.partition("&Signature=")[2] for query in queries]
    assert {quote(unquote(one), safe="") for one in signatures} == set(signatures)
    assert all(any(code in one for one in signatures) for code in ("%2B", "%2F", "%3D"))
