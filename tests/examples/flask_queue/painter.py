"""通义万相, as far as the shop needs it."""

import os

import requests

BEIJING = "https://dashscope.aliyuncs.com/api/v1"


class Refused(Exception):  # noqa: N818 - it is the prompt that is wrong, not the program
    """The service refuses the prompt; the message is its own."""


class Painter:
    """One picture at a time; whoever orders keeps the id and looks again later."""

    def __init__(self) -> None:
        self.base = os.environ.get("DASHSCOPE_HTTP_BASE_URL", BEIJING)
        self.headers = {"Authorization": f"Bearer {os.environ['DASHSCOPE_API_KEY']}"}

    def order(self, prompt: str) -> str:
        """Create a task of one picture; its id."""
        answer = requests.post(
            f"{self.base}/services/aigc/text2image/image-synthesis",
            headers=self.headers | {"X-DashScope-Async": "enable"},
            json={
                "model": "wan2.2-t2i-flash",
                "input": {"prompt": prompt},
                "parameters": {"size": "720*1280", "n": 1},
            },
            timeout=60,
        )
        if answer.status_code == 400:
            raise Refused(answer.json()["message"])
        answer.raise_for_status()
        return answer.json()["output"]["task_id"]

    def look(self, task_id: str) -> dict:
        """Poll a task once."""
        answer = requests.get(f"{self.base}/tasks/{task_id}", headers=self.headers, timeout=60)
        answer.raise_for_status()
        return answer.json()["output"]

    def fetch(self, url: str) -> bytes:
        picture = requests.get(url, timeout=60)  # without the key: the link is signed
        picture.raise_for_status()
        return picture.content
