"""Pictures for a menu: ``python batch.py menu.csv pictures``, again and again until all are there.

The CSV has the columns ``name`` and ``prompt``. What was ordered is noted in the folder before
anything else happens, so that a run after a crash goes on where the last one ended.
"""

import csv
import logging
import os
import sys
import time
from pathlib import Path

import httpx
from progress import Progress

API = "https://dashscope.aliyuncs.com/api/v1"
log = logging.getLogger("batch")


class RefusedError(Exception):
    """The service refuses a prompt, in its own words; correct it in the CSV and run again."""


class Batch:
    """The job: two pictures of each row, to choose from."""

    def __init__(self, key: str, folder: Path, http: httpx.Client) -> None:
        self.folder, self.http = folder, http
        self.headers = {"Authorization": f"Bearer {key}"}
        self.progress = Progress(folder / "progress.json")

    def run(self, rows: list[dict[str, str]]) -> None:
        for row in rows:
            if "done" not in self.progress[row["name"]]:
                try:
                    self.paint(row["name"], row["prompt"])
                except RefusedError as refused:
                    log.warning("%s: %s", row["name"], refused)

    def paint(self, name: str, prompt: str) -> None:
        output = self.wait(self.ordered(name, prompt))
        saved = self.save(name, output.get("results", []))
        self.progress.note(name, done=output["task_status"], pictures=saved)
        log.info("%s: %s, %d pictures", name, output["task_status"], len(saved))

    def ordered(self, name: str, prompt: str) -> str:
        """The id of the row's task; it is ordered only if that was not tried before."""
        row = self.progress[name]
        if "task_id" in row:
            return row["task_id"]
        if "ordering" in row:
            sys.exit(
                f"{name}：上次下单时中断，任务也许已经计费。查清后从 progress.json 删去这一行。"
            )
        self.progress.note(name, ordering=True)
        try:
            task_id = self.order(prompt)
        except RefusedError:
            self.progress.forget(name)  # surely not billed
            raise
        self.progress.note(name, task_id=task_id)
        return task_id

    def order(self, prompt: str) -> str:
        answer = self.http.post(
            f"{API}/services/aigc/text2image/image-synthesis",
            headers=self.headers | {"X-DashScope-Async": "enable"},
            json={
                "model": "wan2.2-t2i-flash",
                "input": {"prompt": prompt},
                "parameters": {"size": "800*800", "n": 2},
            },
        )
        if answer.is_client_error:
            raise RefusedError(answer.json()["message"])
        answer.raise_for_status()
        return answer.json()["output"]["task_id"]

    def wait(self, task_id: str) -> dict:
        """Poll a task until it has ended; what the service then says of it."""
        while True:
            answer = self.http.get(f"{API}/tasks/{task_id}", headers=self.headers)
            answer.raise_for_status()
            output = answer.json()["output"]
            if output["task_status"] not in {"PENDING", "RUNNING"}:
                return output
            time.sleep(10)

    def save(self, name: str, results: list[dict]) -> list[str]:
        """Save the good pictures; an entry for one that failed has code and message, no url."""
        saved = []
        for number, result in enumerate(results, 1):
            if "url" in result:
                picture = self.http.get(result["url"])
                picture.raise_for_status()
                (self.folder / f"{name}-{number}.png").write_bytes(picture.content)
                saved.append(f"{name}-{number}.png")
        return saved


def main(menu: Path, folder: Path, http: httpx.Client) -> None:
    with menu.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    folder.mkdir(exist_ok=True)
    Batch(os.environ["DASHSCOPE_API_KEY"], folder, http).run(rows)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    with httpx.Client(timeout=60) as connection:
        main(Path(sys.argv[1]), Path(sys.argv[2]), connection)
