"""Recordings of the real service, played by a plain HTTP server: recorded here, and replayed.

They are somebody else's and lie outside the repository; where they are not, answers of the shapes
that they prove (`fixtures/wire`) are made up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from wanx_sim import Cassette, Player, Recorder

ROOT = Path(__file__).parents[3]
RECORDINGS = ROOT.parent / "shared" / "protocol" / "observed"
FACTS = ROOT / "fixtures" / "wire"
PICTURES = [path.read_bytes() for path in sorted((ROOT / "fixtures/pictures").glob("*.png"))]

CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
HEADERS = {"authorization": "Bearer sk-any-key-at-all", "x-dashscope-async": "enable"}
BODY = {
    "model": "wanx-v1",
    "input": {"prompt": "一只奔跑的猫"},
    "parameters": {"style": "<sketch>", "size": "1024*1024", "n": 4, "seed": 42},
}
IMAGE_HOST = re.compile(r"https://dashscope-[a-z0-9-]+\.oss-[a-z0-9-]+\.aliyuncs\.com")
FRAMING = ("content-encoding", "transfer-encoding", "content-length", "connection")

# What is asked, in this order, and the fact that is the answer.
TALK = [
    ("POST", CREATE, "wrong-key"),
    ("POST", CREATE, "bad-parameter"),
    ("POST", CREATE, "create"),
    ("GET", "/api/v1/tasks/{task_id}", "query-running"),
    ("GET", "/api/v1/tasks/{task_id}", "query-succeeded"),
    ("GET", "/api/v1/tasks", "list"),
    ("GET", "/api/v1/tasks/1111", "query-unknown"),
    ("POST", "/api/v1/tasks/2222/cancel", "cancel-refused"),
]


class Answers(ThreadingHTTPServer):
    """Gives answers out in their order; at any path that is no API's lies a picture."""

    daemon_threads = True

    def __init__(self, answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.given = []
        self.answers = [(status, headers, self.own(body)) for status, headers, body in answers]

    def own(self, body):
        """A body whose pictures lie here, and not at the real image hosts."""
        text = json.dumps(body, ensure_ascii=False)
        return IMAGE_HOST.sub(self.url, text).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.startswith("/api/"):
            status, headers, body = self.server.answers.pop(0)
            self.server.given.append(body)
        else:
            status, headers, body = 200, {"content-type": "image/png"}, picture(self.path)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - http.server's names

    def log_message(self, *_):
        pass


def picture(path):
    path = path.partition("?")[0]
    return PICTURES[int(sha256(path.encode()).hexdigest(), 16) % len(PICTURES)]


@contextmanager
def served(answers) -> Iterator[Answers]:
    with Answers(answers) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def talk(transport, host, task_id):
    """The answers to the whole talk, and the pictures of the job in it."""
    answers = {}
    with httpx.Client(transport=transport, base_url=host) as client:
        for method, path, fact in TALK:
            body = {"json": BODY} if path == CREATE else {}
            url = path.format(task_id=task_id)
            answers[fact] = client.request(method, url, headers=HEADERS, **body)
        results = answers["query-succeeded"].json()["output"]["results"]
        pictures = [client.get(result["url"]) for result in results]
    assert {answer.status_code for answer in pictures} == {200}
    return answers, [answer.content for answer in pictures]


def check(folder, answers):
    """Record the talk, replay it, and compare both with what the server gave."""
    facts = {fact: answer for (_, _, fact), answer in zip(TALK, answers, strict=True)}
    task_id = facts["create"][2]["output"]["task_id"]
    with served(answers) as server:
        recorder = Recorder(server.url, folder / "observed", budget=2.0)
        live, pictures = talk(recorder.transport(), server.url, task_id)
        recorder.close()
        assert [answer.content for answer in live.values()] == server.given
    assert {fact: answer.status_code for fact, answer in live.items()} == {
        fact: status for fact, (status, _, _) in facts.items()
    }

    cassette = Cassette.load(folder / "observed")
    (job,) = cassette.jobs
    assert (job.complete, [state.task_status for state in job.states]) == (
        True,
        ["RUNNING", "SUCCEEDED"],
    )
    assert [cassette.image(image) for image in job.images] == pictures
    written = cassette.path.read_text("utf-8")
    rows = [*facts["list"][2]["data"]]
    for row in rows:
        assert row["caller_uid"] not in written
        assert row["user_api_unique_key"] not in written

    player = Player(folder / "observed")
    replayed, again = talk(player.transport(), "https://dashscope.aliyuncs.com", task_id)
    assert again == pictures
    for fact in ("wrong-key", "bad-parameter", "create", "cancel-refused"):
        assert replayed[fact].status_code == live[fact].status_code
        assert replayed[fact].json() == live[fact].json()
    for fact in ("query-running", "query-succeeded", "query-unknown"):
        assert lasting(replayed[fact].json()) == lasting(live[fact].json())


def lasting(body):
    """What of an answer to a poll is no moment, no link and no id of the one request."""
    moments = ("submit_time", "scheduled_time", "end_time")
    output = {name: value for name, value in body["output"].items() if name not in moments}
    output["results"] = [{**result, "url": ""} for result in output.get("results", [])]
    return {**body, "output": output, "request_id": ""}


def test_what_was_recorded_of_the_real_service_is_recorded_and_replayed(tmp_path):
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings lie outside the repository")
    answers = []
    for _, _, fact in TALK:
        name = json.loads((FACTS / f"{fact}.json").read_text("utf-8"))["recording"]
        found = json.loads((RECORDINGS / f"{name}.json").read_text("utf-8"))["response"]
        headers = {name.lower(): value for name, value in found["headers"]}
        kept = {name: value for name, value in headers.items() if name not in FRAMING}
        answers.append((found["status"], kept, found["body"]))
    check(tmp_path, answers)


ascii_letters = st.characters(min_codepoint=32, max_codepoint=126)


def made_up(draw, pattern):
    """A value of the shape that a fact says."""
    if isinstance(pattern, dict):
        return {key: made_up(draw, value) for key, value in pattern.items()}
    if isinstance(pattern, list):
        return [made_up(draw, value) for value in pattern]
    kind, _, shape = pattern.partition(" ")
    text = draw(st.from_regex(shape, fullmatch=True, alphabet=ascii_letters))
    if text.startswith("https://"):
        return text.partition("?")[0]  # a query of any characters is no query
    return int(text) if kind == "integer" else text


@st.composite
def some_answers(draw):
    answers = []
    for _, _, name in TALK:
        fact = json.loads((FACTS / f"{name}.json").read_text("utf-8"))
        body = made_up(draw, fact["body"])
        kind = fact["headers"].get("content-type", "application/json")
        answers.append((fact["status"], {"content-type": kind}, body))
    task_id = answers[2][2]["output"]["task_id"]
    for _, _, body in answers[3:5]:
        body["output"]["task_id"] = task_id
    return answers


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(answers=some_answers())
def test_answers_of_the_shapes_that_they_prove_are_recorded_and_replayed(tmp_path_factory, answers):
    check(tmp_path_factory.mktemp("library"), answers)
