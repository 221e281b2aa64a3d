"""Lives of a recorder, one after another: each line on stdin begins one, and ends it by SIGKILL.

A line holds a cassette and how long to live, in jobs. All are forked from one process that has recorded
a job already, so that a life is spent on recording and not on imports. Each task that its client saw finished is told on
stdout before the recorder goes on; an empty line says that the life is over.
"""

import os
import signal
import sys
import time
from tempfile import TemporaryDirectory

import httpx

from wanx_sim import Recorder, Simulator

BEIJING = "https://dashscope.aliyuncs.com/api/v1"
HEADERS = {"authorization": "Bearer sk-any-key-at-all", "x-dashscope-async": "enable"}
ASKED = {"n": 1, "size": "512*512", "prompt_extend": False}


def record(cassette, seed, tell):
    recorder = Recorder(Simulator(timing="polls:1,1", seed=seed), cassette)
    client = httpx.Client(transport=recorder.transport(), headers=HEADERS)
    create = f"{BEIJING}/services/aigc/text2image/image-synthesis"
    while True:
        body = {"model": "wan2.2-t2i-flash", "input": {"prompt": "花店"}, "parameters": ASKED}
        task_id = client.post(create, json=body).json()["output"]["task_id"]
        status = "PENDING"
        while status != "SUCCEEDED":
            status = client.get(f"{BEIJING}/tasks/{task_id}").json()["output"]["task_status"]
        if tell is None:
            return
        tell(f"{task_id}\n".encode())


with TemporaryDirectory() as folder:
    record(f"{folder}/first", 0, None)
    began = time.monotonic()
    record(f"{folder}/second", 0, None)
    one_job = time.monotonic() - began
for number, line in enumerate(sys.stdin, start=1):
    path, jobs = line.split("\t")
    child = os.fork()
    if child == 0:
        record(path, number, lambda said: os.write(1, said))
    time.sleep(float(jobs) * one_job)  # not to wait for anything: it is the moment that was drawn
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.write(1, b"\n")
