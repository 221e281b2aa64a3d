"""Who may ask: keys, each bound to a region."""

from __future__ import annotations

import pytest

from wanx_sim import Region, access
from wanx_sim.protocol import errors
from wanx_sim.protocol.errors import Refusal

KEYS = access.api_keys({"sk-b": "beijing", "sk-s": Region.SINGAPORE})


@pytest.mark.parametrize("header", ["Bearer sk-b", "bearer sk-b", "Bearer   sk-b ", "BEARER sk-b"])
def test_a_key_is_read_from_the_bearer_header(make_request, header):
    request = make_request(headers={"authorization": header})
    assert access.authenticate(request, Region.BEIJING, KEYS) == "sk-b"


def test_any_key_that_is_not_empty_will_do_without_a_mapping(make_request):
    request = make_request(headers={"authorization": "Bearer anything"})
    assert access.authenticate(request, Region.SINGAPORE, None) == "anything"


@pytest.mark.parametrize("headers", [{}, {"authorization": ""}, {"authorization": "  "}])
@pytest.mark.parametrize("keys", [None, KEYS])
def test_a_request_without_a_key_is_told_so(make_request, headers, keys):
    with pytest.raises(Refusal) as caught:
        access.authenticate(make_request(headers=headers), Region.BEIJING, keys)
    assert caught.value.row is errors.NO_API_KEY


@pytest.mark.parametrize(
    ("header", "keys"),
    [
        ("Bearer sk-x", KEYS),
        ("Bearer sk-s", KEYS),
        ("Basic sk-b", KEYS),
        ("sk-b", KEYS),
        ("Bearer", None),
        ("Bearer sk-b", {}),
    ],
    ids=["wrong", "other region", "other scheme", "no scheme", "empty", "none is valid"],
)
def test_any_other_key_is_refused_in_the_same_words(make_request, header, keys):
    with pytest.raises(Refusal) as caught:
        access.authenticate(make_request(headers={"authorization": header}), Region.BEIJING, keys)
    assert caught.value.row is errors.INVALID_API_KEY
