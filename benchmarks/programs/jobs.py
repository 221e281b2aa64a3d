"""What an application does, by httpx: whole jobs that are recorded, and their requests again."""

from __future__ import annotations

from random import Random

import httpx

from .wire import CREATE, CREATE_HEADERS, HEADERS, TASKS, body, prompt

POLLS = 3
"""Of a job: it is PENDING, RUNNING, SUCCEEDED."""

REQUESTS = 1 + POLLS
"""Of a job that is replayed: a create and its polls."""


def record(client: httpx.Client, base: str, count: int) -> None:
    """Do so many jobs, pictures included."""
    for number in range(count):
        created = client.post(base + CREATE, content=body(prompt(number)), headers=CREATE_HEADERS)
        task_id = created.raise_for_status().json()["output"]["task_id"]
        for _ in range(POLLS):
            polled = client.get(f"{base}{TASKS}/{task_id}", headers=HEADERS).raise_for_status()
        for result in polled.json()["output"]["results"]:
            client.get(result["url"]).raise_for_status()


class Again:
    """The requests of recorded jobs, in no order.

    Args:
        client: sends them.
        base: where.
        jobs: how many were recorded.
    """

    def __init__(self, client: httpx.Client, base: str, jobs: int) -> None:
        self._client, self._base, self._jobs = client, base, jobs
        self._random = Random(1)

    def create(self, number: int) -> None:
        """Create one of them."""
        sent = self._client.post(
            self._base + CREATE, content=body(prompt(number)), headers=CREATE_HEADERS
        )
        assert sent.status_code == 200, sent.text

    def middle(self) -> None:
        """Create the one in the middle."""
        self.create(self._jobs // 2)

    def requests(self, count: int) -> None:
        """Send so many requests: whole jobs, drawn from all."""
        for _ in range(count // REQUESTS):
            number = self._random.randrange(self._jobs)
            self.create(number)
            for _ in range(POLLS):
                url = f"{self._base}{TASKS}/{number:08x}-0000-4000-8000-000000000000"
                assert self._client.get(url, headers=HEADERS).status_code == 200
