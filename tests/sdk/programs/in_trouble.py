"""A program whose every call goes wrong, each in its own way."""

import json
import sys

from dashscope import ImageSynthesis
from dashscope.version import __version__

MODEL = "wan2.5-t2i-preview"


def attempt(function, *arguments, **options):
    """What the SDK returned; or the name and text of what it raised."""
    try:
        return function(*arguments, **options)
    except Exception as error:  # noqa: BLE001 - which exceptions there are is what is asked
        return {"raised": type(error).__name__, "text": str(error)}


submit, call = ImageSynthesis.async_call, ImageSynthesis.call
json.dump(
    {
        "sdk": __version__,
        "wrong key": attempt(submit, MODEL, "花店", n=1, api_key="sk-wrong"),
        "wrong key, call": attempt(call, MODEL, "花店", n=1, api_key="sk-wrong"),
        "bad size": attempt(submit, MODEL, "花店", n=1, size="7*7"),
        "no model": attempt(submit, None, "花店", n=1),
        "no such model": attempt(submit, "wan0", "花店", n=1),
        "synchronous": attempt(ImageSynthesis.sync_call, MODEL, "花店", n=1),
        "moderated": attempt(submit, MODEL, "[[moderation]] 花店", n=1),
        "throttled": attempt(submit, MODEL, "[[throttle:1]] 花店", n=1),
        "failed": attempt(call, MODEL, "[[fail:InternalError.Algo]] 花店", n=1),
        "partial": attempt(call, MODEL, "[[partial:1]] 花店", n=2),
        "lost": attempt(submit, MODEL, "[[lost-response]] 花店", n=1),
        "429 on a poll": attempt(call, MODEL, "[[fault:poll-429]] 花店", n=1),
        "504 on a poll": attempt(call, MODEL, "[[fault:poll-504]] 花店", n=1),
        "no JSON on a poll": attempt(call, MODEL, "[[fault:not-json]] 花店", n=1),
        "no status on a poll": attempt(call, MODEL, "[[fault:no-task-status]] 花店", n=1),
        "unknown": attempt(ImageSynthesis.wait, "0385dc79-5ff8-4d82-bcb6-000000000000"),
        "tasks": ImageSynthesis.list(page_size=100).output["total"],
    },
    sys.stdout,
)
