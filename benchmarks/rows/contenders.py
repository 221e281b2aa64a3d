"""The servers of the socket rows: ours on each store, the bare limit, and the peers.

Each does the nearest that it offers to a create and a poll of a finished task:

ours        `wanx-sim serve --timing instant` with one accepted key; everything else as it comes:
            validation, journal and ledger on
reference   the same work in a bare ASGI callable (`programs.reference`)
aimock      its BytePlus Ark video task: submit and poll an asynchronous task of another cloud,
            answered from one recorded envelope; a real state machine, the nearest there is
WireMock    two stubs, answered by response templates (the id out of the path, a random id); no
            state; with its request journal, as it comes
mountebank  two stubs with fixed answers; no state; it keeps no requests, as it comes
moto        SQS: SendMessage stores and answers an id, GetQueueAttributes reads it back; moto has
            no task that a client polls over plain HTTP

Like is held against like: ours is measured with its journal on, so WireMock is too (its own has no
limit as it comes; ours keeps the newest 10,000). Without one, which a user has to ask for
(`--no-request-journal`), a user could no longer ask it what it was sent. That is measured as well,
and shown beside the peers (`SHOWN`); once both are warm it makes little difference.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..harness.bench import Bench, wanx_sim
from ..harness.load import Request
from ..harness.peers import program
from ..harness.processes import Server, free_port, get
from ..programs.wire import CREATE, CREATE_HEADERS, HEADERS, KEY, TASKS, body, prompt

_TASKS = 100
"""Tasks that are polled in turn, and prompts that are created in turn."""

_ARK = "/api/v3/contents/generations/tasks"
_JSON = {"Content-Type": "application/json"}
_QUEUE = "http://127.0.0.1/123456789012/bench"


@dataclass(frozen=True)
class Contender:
    """A server, and how it is asked.

    Attributes:
        start: makes the servers, not yet started: the one that is asked, last those that it needs.
        creates: what is sent in turn to create.
        polls: what is sent in turn to poll, given the answers to all creates.
        before: what is sent once before all that.
        warm: rounds that do not count; a JVM compiles meanwhile.
    """

    start: Callable[[Bench], Sequence[Server]]
    creates: Sequence[Request]
    polls: Callable[[list[bytes]], Sequence[Request]]
    before: Sequence[Request] = ()
    warm: int = 1


def _output_ids(answers: list[bytes]) -> list[Request]:
    ids = [json.loads(answer)["output"]["task_id"] for answer in answers]
    return [Request("GET", f"{TASKS}/{task_id}", HEADERS) for task_id in ids]


_CREATES = [Request("POST", CREATE, CREATE_HEADERS, body(prompt(n))) for n in range(_TASKS)]


# --- ours -----------------------------------------------------------------------------------------


def ours(store: str) -> Server:
    """`wanx-sim serve` on a store."""
    port = free_port()
    options = ["--port", str(port), "--timing", "instant", "--store", store, "--api-key", KEY]
    return Server(wanx_sim("serve", *options), port=port, hello=get(f"{TASKS}/none", HEADERS))


def _redis(bench: Bench) -> tuple[Server, str]:
    port = free_port()
    command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    command += ["--appendonly", "no", "--dir", str(bench.folder)]
    return Server(command, port=port, hello=b"PING\r\n"), f"redis://127.0.0.1:{port}/0"


def _on_redis(bench: Bench) -> Sequence[Server]:
    redis, url = _redis(bench)
    return ours(url), redis


# --- the bare limit -------------------------------------------------------------------------------


def _reference(_: Bench) -> Sequence[Server]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.programs.reference", str(port)]
    return [Server(command, port=port, hello=get(f"{TASKS}/none", HEADERS))]


# --- peers ----------------------------------------------------------------------------------------


def aimock(bench: Bench) -> Server:
    """aimock with one recorded Ark task."""
    main = bench.peers.node("@copilotkit/aimock", "dist/cli.js")
    envelope = {
        "id": "cgt-recorded",
        "model": "seedance",
        "status": "succeeded",
        "content": {"video_url": "https://example.com/video.mp4?" + "signature" * 30},
        "usage": {"completion_tokens": 1, "total_tokens": 1},
        "created_at": 1790000000,
        "updated_at": 4000000000,  # else it warns that the link has expired
    }
    fixture = {"match": {"endpoint": "video"}, "response": {"json": envelope}}
    file = _written(bench, "ark.json", {"fixtures": [fixture]})
    port = free_port()
    command = [program("node"), str(main), "--port", str(port), "--fixtures", str(file)]
    command += ["--log-level", "silent"]
    return Server(command, port=port, hello=get(f"{_ARK}/none", HEADERS))


def _ark_ids(answers: list[bytes]) -> list[Request]:
    return [Request("GET", f"{_ARK}/{json.loads(answer)['id']}", HEADERS) for answer in answers]


def _wiremock(bench: Bench, *options: str) -> Sequence[Server]:
    jar = bench.peers.node("wiremock", "build/wiremock-standalone-*.jar")
    create = _stub("POST", CREATE, {"output": {"task_id": "{{randomValue type='UUID'}}"}})
    poll = _stub("GET", f"{TASKS}/[^/]+", _finished("{{request.pathSegments.[3]}}"))
    port = free_port()
    root = _written(bench, f"wiremock-{port}/mappings/stubs.json", {"mappings": [create, poll]})
    command = [program("java"), "-jar", str(jar), "--port", str(port), "--disable-banner"]
    command += ["--root-dir", str(root.parents[1]), *options]
    return [Server(command, port=port, hello=get(f"{TASKS}/none"))]


def _stub(method: str, path: str, answer: object) -> dict[str, Any]:
    response = {"status": 200, "headers": _JSON, "body": json.dumps(answer)}
    return {
        "request": {"method": method, "urlPathPattern": path},
        "response": response | {"transformers": ["response-template"]},
    }


def _mountebank(bench: Bench) -> Sequence[Server]:
    main = bench.peers.node("mountebank", "bin/mb")
    port, own = free_port(), free_port()
    answers = {"POST": {"output": {"task_id": "1"}}, "GET": _finished("1")}
    stubs = [
        {
            "predicates": [{"equals": {"method": method}}],
            "responses": [{"is": {"headers": _JSON, "body": json.dumps(answer)}}],
        }
        for method, answer in answers.items()
    ]
    imposter = {"port": port, "protocol": "http", "stubs": stubs, "recordRequests": False}
    file = _written(bench, "mountebank.json", {"imposters": [imposter]})
    command = [program("node"), str(main), "start", "--port", str(own), "--nologfile"]
    command += ["--configfile", str(file), "--loglevel", "error"]
    command += ["--pidfile", str(bench.folder / "mountebank.pid")]
    return [Server(command, port=port)]


def _finished(task_id: str) -> dict[str, Any]:
    """A poll's answer of the usual size."""
    result = {"orig_prompt": prompt(0), "url": "https://example.com/picture.png?" + "x" * 200}
    output = {"task_id": task_id, "task_status": "SUCCEEDED", "results": [result]}
    return {"request_id": task_id, "output": output, "usage": {"image_count": 1}}


def _moto(bench: Bench) -> Sequence[Server]:
    bench.peers.needed("moto.server")
    port = free_port()
    command = [str(bench.peers.python.with_name("moto_server")), "--port", str(port)]
    return [Server(command, port=port)]


def _sqs(action: str, **parameters: str | list[str]) -> Request:
    scope = "20260101/us-east-1/sqs/aws4_request"
    headers = {
        "X-Amz-Target": f"AmazonSQS.{action}",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": f"AWS4-HMAC-SHA256 Credential=x/{scope}, SignedHeaders=host, Signature=0",
    }
    return Request("POST", "/", headers, json.dumps(parameters, ensure_ascii=False).encode())


_MAKE_QUEUE = _sqs("CreateQueue", QueueName="bench")
_SEND = [
    _sqs("SendMessage", QueueUrl=_QUEUE, MessageBody=body(prompt(n)).decode())
    for n in range(_TASKS)
]
_ASK = _sqs("GetQueueAttributes", QueueUrl=_QUEUE, AttributeNames=["All"])


def _written(bench: Bench, name: str, content: object) -> Path:
    file = bench.folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return file


_ARK_CREATES = [
    Request(
        "POST",
        _ARK,
        CREATE_HEADERS,
        json.dumps(
            {"model": "seedance", "content": [{"type": "text", "text": prompt(n)}]},
            ensure_ascii=False,
        ).encode(),
    )
    for n in range(_TASKS)
]

CONTENDERS = {
    "memory": Contender(lambda _: [ours("memory://")], _CREATES, _output_ids),
    "disk": Contender(
        lambda bench: [ours(f"disk:{bench.folder / 'tasks'}")], _CREATES, _output_ids
    ),
    "redis": Contender(_on_redis, _CREATES, _output_ids),
    "reference": Contender(_reference, _CREATES, _output_ids),
    "aimock": Contender(lambda bench: [aimock(bench)], _ARK_CREATES, _ark_ids),
    "WireMock": Contender(_wiremock, _CREATES, _output_ids, warm=4),
    "WireMock without a journal": Contender(
        lambda bench: _wiremock(bench, "--no-request-journal"), _CREATES, _output_ids, warm=4
    ),
    "mountebank": Contender(_mountebank, _CREATES, _output_ids),
    "moto": Contender(_moto, _SEND, lambda _: [_ASK], before=[_MAKE_QUEUE]),
}
PEERS = ("aimock", "WireMock", "mountebank", "moto")
"""Whom the goal is held against: the fastest of them."""

SHOWN = ("WireMock without a journal",)
"""Who is measured and shown beside them."""
