"""The application under test: it orders a picture, waits for it and fetches it, by httpx.

Its client is made once a process, in both suites: making one costs 28 ms, which would hide what is
compared. It does not sleep between polls, which neither suite would let it.
"""

from __future__ import annotations

import httpx

from ..programs.wire import CREATE, CREATE_HEADERS, HEADERS, HOST, TASKS, body

CLIENT = httpx.Client()


def picture(prompt: str) -> bytes:
    """A picture of a prompt; seven requests, if the fifth poll shows its end."""
    created = CLIENT.post(HOST + CREATE, content=body(prompt), headers=CREATE_HEADERS)
    task_id = created.raise_for_status().json()["output"]["task_id"]
    while True:
        polled = CLIENT.get(f"{HOST}{TASKS}/{task_id}", headers=HEADERS)
        output = polled.raise_for_status().json()["output"]
        if output["task_status"] == "SUCCEEDED":
            return CLIENT.get(output["results"][0]["url"]).raise_for_status().content
