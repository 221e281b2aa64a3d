"""A tool for an agent: ``draw_picture``, with the schema that its model is shown.

A model reads what a tool returns, so nothing is raised: each trouble becomes a sentence that says
what happened and what to do next.
"""

import json
from pathlib import Path
from typing import Any

from wanx_client import (
    AmbiguousSubmitError,
    AuthenticationError,
    ContentRejectedError,
    InvalidRequestError,
    QuotaError,
    RateLimitError,
    WanxClient,
    WanxError,
)

SCHEMA = {
    "type": "function",
    "function": {
        "name": "draw_picture",
        "description": "Paint one picture and save it as a file. Takes one to two minutes; costs money.",
        "parameters": {
            "type": "object",
            "properties": {
                "prompt": {"type": "string", "description": "What is to be seen; 中文 or English."},
                "size": {"type": "string", "enum": ["1024*1024", "1280*720", "720*1280"]},
            },
            "required": ["prompt"],
        },
    },
}

ADVICE: dict[type[WanxError], str] = {
    ContentRejectedError: "The prompt did not pass moderation and never will: ask the user for another.",
    AuthenticationError: "The user must set a key of this region, or the region of this key. Stop here.",
    QuotaError: "The account has no credit or quota: tell the user. Stop here.",
    InvalidRequestError: "Correct the arguments, then call again.",
    RateLimitError: "The service is busy: call again in a minute.",
    AmbiguousSubmitError: "The picture may exist and be paid for: ask the user before calling again.",
}
LAST_ADVICE = "Tell the user; call again only if they want you to."


class DrawingTool:
    """The tool, over a client and a folder for the pictures."""

    def __init__(self, client: WanxClient, folder: Path) -> None:
        self.client, self.folder = client, folder

    def draw_picture(self, prompt: str, size: str = "1024*1024") -> dict[str, Any]:
        try:
            task = self.client.generate(prompt, size=size)
            return {"files": [str(path) for path in self.client.download(task, self.folder)]}
        except WanxError as error:
            advice = (text for kind, text in ADVICE.items() if isinstance(error, kind))
            return {"error": str(error), "advice": next(advice, LAST_ADVICE)}

    def call(self, arguments: str) -> str:
        """Answer a call as a model makes it: JSON in, JSON out."""
        return json.dumps(self.draw_picture(**json.loads(arguments)), ensure_ascii=False)
