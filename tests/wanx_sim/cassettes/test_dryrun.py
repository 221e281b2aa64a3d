"""The dry run: what a recording would buy, told beforehand, while a simulator answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from wanx_client import WanxClient
from wanx_sim import CachedService, ManualClock, SecretFoundError, Simulator
from wanx_sim.cassettes.cache import Cache
from wanx_sim.cassettes.dryrun import DryRun
from wanx_sim.upstream import Upstream

SMALL = {"model": "wan2.2-t2i-flash", "size": "512*512"}
INTL = "https://dashscope-intl.aliyuncs.com"


@pytest.fixture
def told():
    return []


@pytest.fixture
def dry(told):
    """A dry run in front of a service that must not be asked."""

    def never(request):
        raise AssertionError(request)

    def made(url="https://dashscope.aliyuncs.com", **more):
        upstream = Upstream(url, transport=httpx.MockTransport(never))
        return DryRun(upstream, tell=told.append, **more)

    return made


def test_a_whole_program_runs_through_and_each_create_says_what_it_would_buy(dry, told, tmp_path):
    clock = ManualClock()
    service = dry(clock=clock)
    with WanxClient("sk-a", transport=service.transport(), sleep=clock.sleep) as client:
        for n in (1, 2):
            task = client.generate("一间花店", n=n, model="wan2.5-t2i-preview")
            assert len(client.download(task, tmp_path)) == n
    service.close()
    assert told == [
        "would buy 1 × wan2.5-t2i-preview, ¥0.20",
        "would buy 2 × wan2.5-t2i-preview, ¥0.40",
        "a recording would buy 3 image(s) for ¥0.60; nothing was bought",
    ]


def test_prices_are_those_of_the_upstream_s_region(dry, talk, told):
    talk(dry(INTL)).ask("GET", "/api/v1/tasks")
    client = talk(dry(INTL))
    client.base = INTL
    client.submit()
    assert told == ["would buy 1 × wan2.2-t2i-flash, ¥0.18"]


def test_what_would_be_refused_is_said_and_costs_nothing(dry, talk, told):
    service = dry()
    assert talk(service).create(size="1*1").status_code == 400
    service.close()
    assert told == [
        "would be refused with 400 InvalidParameter: 1 × wan2.2-t2i-flash, ¥0.14",
        "a recording would buy 0 image(s) for ¥0.00; nothing was bought",
    ]


def test_a_total_beyond_the_budget_is_said(dry, talk, told):
    service = dry(budget=0.2)
    talk(service).submit(n=2)
    service.close()
    assert told[-1] == (
        "a recording would buy 2 image(s) for ¥0.28, which is more than the budget of ¥0.2; "
        "nothing was bought"
    )


def test_marks_in_prompts_are_words_like_others(dry, talk):
    assert talk(dry()).create("[[moderation]] 花店").status_code == 200


def test_what_a_recorder_would_refuse_to_write_is_refused(dry, talk):
    with pytest.raises(SecretFoundError, match="a recorder would not send this create"):
        talk(dry()).create("写信给 someone@example.com")


def test_without_a_key_nothing_would_be_bought(dry, talk, told):
    path = "/api/v1/services/aigc/text2image/image-synthesis"
    headers = {"authorization": "", "x-dashscope-async": "enable"}
    assert talk(dry()).ask("POST", path, json={}, headers=headers).status_code == 401
    assert [line[:24] for line in told] == ["would be refused with 40"]


def test_what_the_cache_holds_would_not_be_bought(dry, talk, told, library, tmp_path):
    cache = Cache(tmp_path / "cache")
    live, clock = Simulator(timing="instant"), ManualClock(datetime.now(UTC))
    url = "https://dashscope.aliyuncs.com"
    recorded = CachedService(
        url, library / "shop", cache=cache, transport=live.transport(), clock=clock
    )
    talk(recorded).job("一间花店")
    client = talk(dry(cache=cache))
    for prompt in ("一间花店", "一间书店", "一间书店"):
        client.submit(prompt)
    assert [line.partition(":")[0] for line in told] == [
        "would come from the cache",
        "would buy 1 × wan2.2-t2i-flash, ¥0.14",
        "would come from the cache",
    ]
    talk(dry(cache=cache, max_age=timedelta(0))).submit("一间花店")
    assert told[-1].startswith("would buy")
    recorded.close()


def test_nothing_is_written(dry, talk, tmp_path):
    talk(dry(cache=Cache(tmp_path / "cache"))).submit()
    assert list(tmp_path.iterdir()) == []
