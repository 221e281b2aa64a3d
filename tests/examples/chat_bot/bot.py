"""A chat bot that paints: ``/draw 一只戴草帽的橘猫``, for any number of users at once.

`Chat` is what a bot framework gives its handlers, here no more than what this one needs.
"""

import asyncio
import os
from typing import Protocol

import aiohttp

BEIJING = "https://dashscope.aliyuncs.com/api/v1"
MODEL = "wan2.2-t2i-flash"


class Chat(Protocol):
    async def say(self, text: str) -> None: ...

    async def show(self, picture: bytes, caption: str) -> None: ...


class PaintingError(Exception):
    """There will be no picture; the message says why."""


class Painter:
    """通义万相 over one aiohttp session, which all users share."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.base = os.environ.get("DASHSCOPE_HTTP_BASE_URL", BEIJING)
        self.headers = {"Authorization": f"Bearer {os.environ['DASHSCOPE_API_KEY']}"}

    async def paint(self, prompt: str) -> bytes:
        output = await self.wait(await self.order(prompt))
        if output["task_status"] != "SUCCEEDED":
            raise PaintingError(output.get("message", output["task_status"]))
        async with self.http.get(output["results"][0]["url"]) as picture:
            picture.raise_for_status()
            return await picture.read()

    async def order(self, prompt: str) -> str:
        """Create a task of one picture; its id."""
        order = {"model": MODEL, "input": {"prompt": prompt}, "parameters": {"n": 1}}
        async with self.http.post(
            f"{self.base}/services/aigc/text2image/image-synthesis",
            headers=self.headers | {"X-DashScope-Async": "enable"},
            json=order,
        ) as answer:
            if answer.status in {400, 429}:
                raise PaintingError((await answer.json())["message"])
            answer.raise_for_status()
            return (await answer.json())["output"]["task_id"]

    async def wait(self, task_id: str) -> dict:
        """Poll a task until it has ended; what the service then says of it."""
        for _ in range(60):  # ten minutes; one or two are usual
            await asyncio.sleep(10)
            output = await self.look(task_id)
            if output and output["task_status"] not in {"PENDING", "RUNNING"}:
                return output
        raise PaintingError("等了十分钟还没画完")

    async def look(self, task_id: str) -> dict | None:
        """Poll a task once; None if there is no answer now, which says nothing of the task."""
        try:
            async with self.http.get(
                f"{self.base}/tasks/{task_id}", headers=self.headers
            ) as answer:
                if answer.status == 429 or answer.status >= 500:
                    return None
                answer.raise_for_status()
                return (await answer.json())["output"]
        except aiohttp.ClientConnectionError:
            return None


class Bot:
    """What happens when somebody writes."""

    def __init__(self, painter: Painter) -> None:
        self.painter = painter

    async def on_message(self, chat: Chat, text: str) -> None:
        command, _, prompt = text.partition(" ")
        if command != "/draw" or not prompt:
            return await chat.say("写 /draw 加上你想看的画面")
        await chat.say("画着呢，大约一两分钟……")
        try:
            picture = await self.painter.paint(prompt)
        except (PaintingError, aiohttp.ClientError, TimeoutError) as error:
            return await chat.say(f"没画成：{error}")
        return await chat.show(picture, caption=prompt)
