"""A program on the SDK's blocking calls: submit, wait, fetch, list, cancel, download."""

import json
import sys
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlparse

import requests
from dashscope import ImageSynthesis
from dashscope.version import __version__

MODEL = "wan2.5-t2i-preview"


def save(url):
    """As the samples of the service's own pages do it."""
    name = PurePosixPath(unquote(urlparse(url).path)).parts[-1]
    Path(name).write_bytes(requests.get(url, timeout=30).content)
    return name


called = ImageSynthesis.call(
    model=MODEL, prompt="一间有着精致窗户的花店", n=2, size="1280*960", seed=7, watermark=False
)
submitted = ImageSynthesis.async_call(MODEL, "[[running:2polls]] 漂亮的木质门", n=1)
fetched = ImageSynthesis.fetch(submitted)
waited = ImageSynthesis.wait(submitted)
doomed = ImageSynthesis.async_call(MODEL, "[[pending:60s]] 摆放着花朵", n=1)
canceled = ImageSynthesis.cancel(doomed)
after_cancel = ImageSynthesis.fetch(doomed.output.task_id)
canceled_again = ImageSynthesis.cancel(doomed)
listed = ImageSynthesis.list(page_size=100)

json.dump(
    {
        "sdk": __version__,
        "called": called,
        "files": [save(result.url) for result in called.output.results],
        "submitted": submitted,
        "fetched": fetched,
        "waited": waited,
        "doomed": doomed,
        "canceled": canceled,
        "after_cancel": after_cancel,
        "canceled_again": canceled_again,
        "listed": {task["task_id"]: task["status"] for task in listed.output["data"]},
    },
    sys.stdout,
)
