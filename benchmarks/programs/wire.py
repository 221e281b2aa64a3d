"""The requests that everybody is sent, and what is stored of their answers."""

from __future__ import annotations

import json

HOST = "https://dashscope.aliyuncs.com"
CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
TASKS = "/api/v1/tasks"
KEY = "sk-bench"
HEADERS = {"Authorization": f"Bearer {KEY}"}
CREATE_HEADERS = HEADERS | {
    "Content-Type": "application/json",
    "X-DashScope-Async": "enable",
}
PROMPT = "一间有着精致窗户的花店，漂亮的木质门，摆放着花朵"


def marker(number: int) -> str:
    """What tells one prompt from another; all are of one length."""
    return f"job-{number:07}"


def prompt(number: int) -> str:
    """One of many prompts."""
    return f"{PROMPT} {marker(number)}"


def body(text: str = PROMPT) -> bytes:
    """A create's body, as a careful client sends it."""
    parameters = {"size": "1024*1024", "n": 1, "prompt_extend": False, "watermark": False}
    request = {"model": "wan2.5-t2i-preview", "input": {"prompt": text}, "parameters": parameters}
    return json.dumps(request, ensure_ascii=False).encode()
