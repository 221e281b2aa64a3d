"""Fixtures for tests of the simulator's parts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from wanx_sim import Region
from wanx_sim.protocol.lifecycle import Leg, Plan, begin
from wanx_sim.protocol.requests import Order
from wanx_sim.protocol.task import Task
from wanx_sim.wire import Request

TEN_SECONDS, TWENTY_SECONDS = Leg(seconds=10.0), Leg(seconds=20.0)
ID = "00000000-0000-4000-8000-{:012d}"


@pytest.fixture
def make_plan():
    """Makes a plan; 10 s PENDING and 20 s RUNNING from 1000 on, unless told otherwise."""

    def made(submitted=1000.0, pending=TEN_SECONDS, running=TWENTY_SECONDS, **more):
        return begin(Plan(submitted=submitted, pending=pending, running=running, **more))

    return made


@pytest.fixture
def make_task(make_plan):
    """Makes a task; `number` becomes part of its id, what is no field of a task goes to its order."""

    def made(number=1, *, plan=None, region=Region.BEIJING, price="0.20", **order):
        filled = {
            "model": "wan2.5-t2i-preview",
            "prompt": "一间花店",
            "prompt_limit": 2000,
            "width": 1024,
            "height": 1024,
            "n": 2,
            "prompt_extend": False,
            "watermark": False,
        } | order
        return Task(
            task_id=ID.format(number),
            request_id=f"request-{number}",
            region=region,
            order=Order(**filled),
            seed=7,
            plan=plan or make_plan(),
            price=Decimal(price),
        )

    return made


@pytest.fixture
def make_request():
    """Makes a GET of a path at Beijing's host, unless told otherwise."""

    def made(path="/", method="GET", host="dashscope.aliyuncs.com", **more):
        path, _, query = path.partition("?")
        return Request(method=method, scheme="https", host=host, path=path, query=query, **more)

    return made
