"""通义万相, from a prompt to the bytes of a picture."""

import asyncio

import httpx

API = "https://dashscope.aliyuncs.com/api/v1"


class PaintingError(Exception):
    """There will be no picture; the message says why."""


class Painter:
    """One HTTP client for all pictures; only the service sees the key, not the image host."""

    def __init__(self, key: str, http: httpx.AsyncClient) -> None:
        self.http, self.headers = http, {"Authorization": f"Bearer {key}"}

    async def paint(self, prompt: str) -> bytes:
        link = await self.wait(await self.order(prompt))
        picture = await self.http.get(link)
        picture.raise_for_status()
        return picture.content

    async def order(self, prompt: str) -> str:
        """Create a task of one picture; its id."""
        answer = await self.http.post(
            f"{API}/services/aigc/text2image/image-synthesis",
            headers=self.headers | {"X-DashScope-Async": "enable"},
            json={
                "model": "wan2.5-t2i-preview",
                "input": {"prompt": prompt},
                "parameters": {"size": "1024*1024", "n": 1},
            },
        )
        if answer.status_code == httpx.codes.BAD_REQUEST:
            raise PaintingError(answer.json()["message"])
        answer.raise_for_status()
        return answer.json()["output"]["task_id"]

    async def wait(self, task_id: str) -> str:
        """Poll a task to its end; the link to its picture, which dies after 24 hours."""
        for _ in range(60):  # ten minutes; one or two are usual
            match await self.look(task_id):
                case {"task_status": "SUCCEEDED", "results": [{"url": link}]}:
                    return link
                case None | {"task_status": "PENDING" | "RUNNING"}:
                    await asyncio.sleep(10)
                case output:
                    raise PaintingError(output.get("message", output["task_status"]))
        raise PaintingError("the picture took longer than ten minutes")

    async def look(self, task_id: str) -> dict | None:
        """Poll a task once; None if there is no answer now, which says nothing of the task."""
        answer = await self.http.get(f"{API}/tasks/{task_id}", headers=self.headers)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
            return None
        answer.raise_for_status()
        return answer.json()["output"]
