"""The script against a job that was recorded once: `wanx_cassette` stands where the service stood.

Recorded from a simulator, since this repository has no key. With one of yours:
``DASHSCOPE_API_KEY=sk-… pytest test_recorded.py --wanx-record=all --wanx-budget=0.20``
"""

import os

import postcard
import pytest
import requests


@pytest.mark.wanx_cassette("postcard", pictures="placeholder")
def test_a_recorded_postcard_is_saved(path, wanx_cassette):
    postcard.main("雪地，白色小教堂，极光", path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert len(wanx_cassette.requests.creates) == 1


@pytest.mark.wanx_cassette("postcard")
def test_the_link_of_a_recorded_picture_dies_after_a_day(wanx_cassette):
    base = os.environ["DASHSCOPE_HTTP_BASE_URL"]
    with postcard.connected() as session:
        link = postcard.wait(session, base, postcard.order(session, base, "雪地，白色小教堂，极光"))
    wanx_cassette.clock.advance(hours=24)
    assert requests.get(link, timeout=60).status_code == 403
