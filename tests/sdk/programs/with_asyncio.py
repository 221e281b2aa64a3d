"""A program on the SDK's asyncio client."""

import asyncio
import json
import sys
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlparse
from urllib.request import urlopen

from dashscope.aigc.image_synthesis import AioImageSynthesis
from dashscope.version import __version__

MODEL = "wan2.5-t2i-preview"


def save(url):
    name = PurePosixPath(unquote(urlparse(url).path)).parts[-1]
    with urlopen(url, timeout=30) as answer:  # noqa: S310 - the simulator gave it
        Path(name).write_bytes(answer.read())
    return name


async def main():
    called = await AioImageSynthesis.call(
        MODEL, "一间有着精致窗户的花店", n=1, size="960*1280", seed=7, prompt_extend=False
    )
    submitted = await AioImageSynthesis.async_call(MODEL, "漂亮的木质门", n=1)
    waited = await AioImageSynthesis.wait(submitted)
    doomed = await AioImageSynthesis.async_call(MODEL, "[[pending:60s]] 摆放着花朵", n=1)
    fetched = await AioImageSynthesis.fetch(doomed)
    canceled = await AioImageSynthesis.cancel(doomed)
    listed = await AioImageSynthesis.list(page_size=100)
    return {
        "sdk": __version__,
        "called": called,
        "files": [save(result["url"]) for result in called.output["results"]],
        "submitted": submitted,
        "waited": waited,
        "doomed": doomed,
        "fetched": fetched,
        "canceled": canceled,
        "listed": {task["task_id"]: task["status"] for task in listed.output["data"]},
    }


json.dump(asyncio.run(main()), sys.stdout)
