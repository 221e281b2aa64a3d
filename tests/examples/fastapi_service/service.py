"""A picture service: order a picture of a prompt, and get it when it is painted.

Run it with ``uvicorn --factory service:production``.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import httpx
from fastapi import BackgroundTasks, FastAPI, HTTPException, Response
from painter import Painter, PaintingError
from pydantic import BaseModel


class Gallery:
    """The pictures, as bytes, in SQLite."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run("CREATE TABLE IF NOT EXISTS pictures (id PRIMARY KEY, png, trouble)")

    def run(self, statement: str, *values: object) -> tuple | None:
        with closing(sqlite3.connect(self.path)) as database, database:
            return database.execute(statement, values).fetchone()

    def add(self) -> str:
        picture_id = uuid4().hex
        self.run("INSERT INTO pictures (id) VALUES (?)", picture_id)
        return picture_id

    def keep(self, picture_id: str, png: bytes) -> None:
        self.run("UPDATE pictures SET png = ? WHERE id = ?", png, picture_id)

    def give_up(self, picture_id: str, trouble: str) -> None:
        self.run("UPDATE pictures SET trouble = ? WHERE id = ?", trouble, picture_id)

    def find(self, picture_id: str) -> tuple[bytes | None, str | None] | None:
        return self.run("SELECT png, trouble FROM pictures WHERE id = ?", picture_id)


class Order(BaseModel):
    prompt: str


def create_app(painter: Painter, gallery: Gallery) -> FastAPI:
    app = FastAPI(title="Pictures")

    async def paint(picture_id: str, prompt: str) -> None:
        try:
            gallery.keep(picture_id, await painter.paint(prompt))
        except (PaintingError, httpx.HTTPError) as error:
            gallery.give_up(picture_id, str(error))

    @app.post("/pictures", status_code=202)
    async def order(order: Order, background: BackgroundTasks) -> dict[str, str]:
        picture_id = gallery.add()
        background.add_task(paint, picture_id, order.prompt)
        return {"url": f"/pictures/{picture_id}"}

    @app.get("/pictures/{picture_id}")
    async def show(picture_id: str) -> Response:
        match gallery.find(picture_id):
            case None:
                raise HTTPException(404)
            case (None, None):
                return Response(status_code=202, headers={"Retry-After": "10"})
            case (None, trouble):
                raise HTTPException(502, trouble)
            case (png, _):
                return Response(png, media_type="image/png")

    return app


def production() -> FastAPI:
    painter = Painter(os.environ["DASHSCOPE_API_KEY"], httpx.AsyncClient(timeout=60))
    return create_app(painter, Gallery(Path("pictures.sqlite")))
