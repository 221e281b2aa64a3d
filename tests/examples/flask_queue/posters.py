"""A poster shop: the view orders and answers at once, a worker waits for the pictures.

Run it with ``flask --app posters run``, and beside it ``flask --app posters work``, under a
supervisor that starts it again: it ends when no job is open, or when the service cannot be asked.
"""

import sqlite3
import time
from contextlib import closing

from flask import Flask, Response, request, url_for
from painter import Painter, Refused


class Jobs:
    """The orders, in SQLite: a restart of shop or worker loses none."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.run("CREATE TABLE IF NOT EXISTS jobs (task_id PRIMARY KEY, status, png)")

    def run(self, statement: str, *values: object) -> list[tuple]:
        with closing(sqlite3.connect(self.path)) as database, database:
            return database.execute(statement, values).fetchall()

    def add(self, task_id: str) -> None:
        self.run("INSERT INTO jobs VALUES (?, 'OPEN', NULL)", task_id)

    def open(self) -> list[str]:
        return [row[0] for row in self.run("SELECT task_id FROM jobs WHERE status = 'OPEN'")]

    def close(self, task_id: str, status: str, png: bytes | None) -> None:
        self.run("UPDATE jobs SET status = ?, png = ? WHERE task_id = ?", status, png, task_id)

    def find(self, task_id: str) -> tuple[str, bytes | None] | None:
        rows = self.run("SELECT status, png FROM jobs WHERE task_id = ?", task_id)
        return rows[0] if rows else None


class Worker:
    """Brings every open job to its end."""

    # UNKNOWN is an end too: a task is forgotten after 24 hours, and no poll brings it back.
    ended = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN"})

    def __init__(self, jobs: Jobs, painter: Painter) -> None:
        self.jobs, self.painter = jobs, painter

    def run(self) -> None:
        while jobs := self.jobs.open():
            for task_id in jobs:
                self.attend(task_id)
            time.sleep(10)

    def attend(self, task_id: str) -> None:
        output = self.painter.look(task_id)
        status = output["task_status"]
        if status in self.ended:
            good = status == "SUCCEEDED"
            png = self.painter.fetch(output["results"][0]["url"]) if good else None
            self.jobs.close(task_id, status, png)


def create_app(database: str = "posters.sqlite", worker: type[Worker] = Worker) -> Flask:
    app = Flask("posters")
    jobs, painter = Jobs(database), Painter()

    @app.post("/posters")
    def order():
        task_id = painter.order(request.form["prompt"])
        jobs.add(task_id)
        return {"poster": url_for("show", task_id=task_id)}, 202

    @app.get("/posters/<task_id>")
    def show(task_id: str):
        match jobs.find(task_id):
            case None:
                return {"status": "UNHEARD OF"}, 404
            case ("OPEN", _):
                return {"status": "OPEN"}, 202, {"Retry-After": "10"}
            case ("SUCCEEDED", png):
                return Response(png, mimetype="image/png")
            case (status, _):
                return {"status": status}, 410

    @app.errorhandler(Refused)
    def refuse(refused: Refused):
        return {"error": str(refused)}, 422

    app.cli.command("work")(worker(jobs, painter).run)
    return app
