"""The bug, brought back: the database keeps the link, which dies after 24 hours."""

import pytest
import test_service
from fastapi import FastAPI, Response
from service import Order

pytestmark = pytest.mark.anyio


@pytest.fixture
def app(painter):
    app, links = FastAPI(), {}

    @app.post("/pictures", status_code=202)
    async def order(order: Order):
        task_id = await painter.order(order.prompt)
        links[task_id] = await painter.wait(task_id)
        return {"url": f"/pictures/{task_id}"}

    @app.get("/pictures/{task_id}")
    async def show(task_id: str):
        picture = await painter.http.get(links[task_id])
        return Response(picture.content, picture.status_code, media_type="image/png")

    return app


async def test_on_the_first_day_nothing_shows(client, wanx_sim):
    await test_service.test_a_picture_is_painted_once_and_shown(client, wanx_sim)


async def test_the_suite_sees_that_a_link_dies(client, wanx_sim):
    with pytest.raises(AssertionError, match="403"):
        await test_service.test_a_picture_is_still_there_the_next_day(client, wanx_sim)
