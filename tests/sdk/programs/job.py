"""A program that asks for one job, polls it every 50 ms, and loads its pictures.

Beside that it asks for one job more than it may buy, if PROMPT_TOO_MANY names one.
"""

import hashlib
import json
import os
import sys
import time

import requests
from dashscope import ImageSynthesis
from dashscope.version import __version__

ASKED = {"n": 2, "size": "512*512", "seed": 7, "prompt_extend": False}
MODEL = "wan2.2-t2i-flash"

created = ImageSynthesis.async_call(MODEL, "一间花店", **ASKED)
task_id, states, answer = created.output.task_id, [], None
while not states or states[-1] in ("PENDING", "RUNNING"):
    answer = ImageSynthesis.fetch(task_id)
    if states[-1:] != [answer.output.task_status]:
        states.append(answer.output.task_status)
    time.sleep(0.05)
pictures = [requests.get(result.url, timeout=30).content for result in answer.output.results]
seen = {
    "sdk": __version__,
    "task_id": task_id,
    "states": states,
    "pictures": [hashlib.sha256(content).hexdigest() for content in pictures],
}
if "PROMPT_TOO_MANY" in os.environ:
    seen["too many"] = ImageSynthesis.async_call(MODEL, os.environ["PROMPT_TOO_MANY"], **ASKED)
json.dump(seen, sys.stdout)
