"""The recorder: what passes through it is untouched, and the jobs in it are written down."""

from __future__ import annotations

import json
from decimal import Decimal

import httpx
import httpx2
import pytest

from wanx_client import AsyncWanxClient, WanxClient
from wanx_sim import (
    Cassette,
    CassetteError,
    ManualClock,
    Recorder,
    Simulator,
)
from wanx_sim.upstream import Upstream

BEIJING = "https://dashscope.aliyuncs.com"
CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
TASKS = "/api/v1/tasks"
SMALL = {"model": "wan2.2-t2i-flash", "size": "512*512"}
PRICE = 0.14

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


def seen(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """An answer without the framing of one hop."""
    kept = [(name, value) for name, value in answer.headers.multi_items() if name not in HOP]
    return answer.status_code, kept, answer.content


# --- what passes ----------------------------------------------------------------------------------


def conversation(talk):
    """One of everything that can be asked, and what was answered."""
    yield talk.create("花店", n=2)
    yield talk.ask("GET", f"{TASKS}/no-such-task")
    yield talk.ask("GET", TASKS, params={"page_no": "1"})
    yield talk.ask("POST", f"{TASKS}/no-such-task/cancel")
    yield talk.create(size="1*1")
    yield talk.create(prompt="[[moderation]]")
    yield talk.ask("POST", CREATE, content=b"no JSON", headers={"x-dashscope-async": "enable"})
    yield talk.ask("GET", TASKS, headers={"authorization": ""})
    yield talk.ask("GET", "/no/such/path")
    yield talk.ask("DELETE", TASKS)
    # Last, since the recorder asks for the pictures itself, and every request draws an id.
    task_id = talk.submit("[[partial:1]]", n=2)
    for _ in range(3):
        answer = talk.ask("GET", f"{TASKS}/{task_id}")
        yield answer
    link = answer.json()["output"]["results"][0]["url"]
    yield talk.client.get(link)
    yield talk.client.get(link, headers={"range": "bytes=1-3"})
    yield talk.client.get(link.replace("Signature=", "Signature=a"))


def test_answers_pass_through_byte_for_byte(talk, start, library):
    direct = Simulator(clock=ManualClock(start))
    recorded = Simulator(clock=ManualClock(start))
    recorder = Recorder(recorded, library / "all", clock=recorded.clock)
    for there, here in zip(conversation(talk(direct)), conversation(talk(recorder)), strict=True):
        status, headers, body = seen(here)
        assert (status, headers[:-1], body) == seen(there)
        assert headers[-1] == ("x-wanx-source", "live")


def test_answers_pass_through_byte_for_byte_over_sockets(talk, start, library):
    def simulator():
        # With a public URL, links do not depend on the port.
        return Simulator(clock=ManualClock(start), public_url="http://pictures.test")

    def asked(client):
        yield client.create("花店")
        task_id = client.submit("[[fail:InternalError.Timeout]] 花店")
        for _ in range(3):
            yield client.ask("GET", f"{TASKS}/{task_id}")
        yield client.ask("GET", TASKS)
        yield client.create(size="1*1")
        yield client.ask("GET", "/no/such/path")

    with simulator().serve() as direct, simulator().serve() as upstream:
        recorder = Recorder(upstream.base_url, library / "all")
        with recorder.serve() as proxy:
            both = zip(asked(talk(direct.url)), asked(talk(proxy.url)), strict=True)
            for there, here in both:
                status, headers, body = seen(here)
                assert (status, headers[:-1], body) == seen(there)
                assert headers[-1] == ("x-wanx-source", "live")
        recorder.close()


def test_a_compressed_answer_is_passed_on_uncompressed_and_says_so(library, talk):
    def upstream(request):
        assert request.headers["accept-encoding"] == "identity"
        body = json.dumps({"request_id": "r"}).encode()
        return httpx.Response(200, content=body, headers={"x-more": "kept"})

    recorder = Recorder(BEIJING, library / "any", transport=httpx.MockTransport(upstream))
    answer = talk(recorder).ask("GET", TASKS, headers={"accept-encoding": "gzip"})
    assert answer.json() == {"request_id": "r"}
    assert answer.headers["x-more"] == "kept"
    recorder.close()


def test_the_upstream_is_asked_at_its_own_address_with_the_client_s_own_key(library, talk):
    asked = []

    def upstream(request):
        asked.append(request)
        return httpx.Response(200, json={})

    transport = httpx.MockTransport(upstream)
    recorder = Recorder("https://dashscope-intl.aliyuncs.com/api/v1", library, transport=transport)
    talk(recorder).ask("GET", f"{TASKS}?page_no=2")
    assert str(asked[0].url) == "https://dashscope-intl.aliyuncs.com/api/v1/tasks?page_no=2"
    assert asked[0].headers["host"] == "dashscope-intl.aliyuncs.com"
    assert asked[0].headers["authorization"].startswith("Bearer sk-")
    recorder.close()


@pytest.mark.parametrize("url", ["dashscope.aliyuncs.com", "ftp://host", "https://", ""])
def test_an_upstream_that_is_no_url_is_refused_with_an_example(library, url):
    with pytest.raises(ValueError, match=r"such as https://dashscope\.aliyuncs\.com"):
        Recorder(url, library / "any")


# --- what is written ------------------------------------------------------------------------------


def test_a_job_is_written_with_its_request_its_states_and_its_pictures(recorder, talk):
    client = talk(recorder)
    task_id = client.submit("一间花店", n=2)
    pictures = client.pictures(client.history(task_id)[-1])
    (job,) = Cassette.load(recorder.cassette.path).jobs
    assert job.task_id == task_id
    assert job.request["input"] == {"prompt": "一间花店"}
    assert job.request["parameters"] == {
        "n": 2,
        "prompt_extend": False,
        "seed": 7,
        "size": "512*512",
        "watermark": False,
    }
    assert [state.body["output"]["task_status"] for state in job.states] == [
        "PENDING",
        "RUNNING",
        "SUCCEEDED",
    ]
    assert [recorder.cassette.image(image) for image in job.images] == pictures
    assert [(image.index, image.width, image.media_type) for image in job.images] == [
        (0, 512, "image/png"),
        (1, 512, "image/png"),
    ]
    assert job.price == Decimal("0.28")
    assert job.complete


def test_only_distinct_states_are_written_with_their_offsets_on_the_clock(recorder, talk, sim):
    sim.timing = "seconds:10,20"
    client = talk(recorder)
    task_id = client.submit()
    while client.poll(task_id)["output"]["task_status"] != "SUCCEEDED":
        sim.clock.advance(seconds=4)
    states = recorder.cassette.jobs[0].states
    assert [(state.offset, state.body["output"]["task_status"]) for state in states] == [
        (0.0, "PENDING"),
        (12.0, "RUNNING"),
        (32.0, "SUCCEEDED"),
    ]


def test_a_job_is_written_once_however_often_its_end_is_polled(recorder, talk):
    client = talk(recorder)
    task_id = client.submit()
    client.history(task_id)
    client.poll(task_id)
    client.poll(task_id)
    recorder.close()
    assert len(recorder.cassette.jobs) == 1


def test_each_new_state_is_written_at_once(recorder, talk):
    client = talk(recorder)
    task_id, seen = client.submit(), []
    for _ in range(3):
        client.poll(task_id)
        (job,) = Cassette.load(recorder.cassette.path).jobs
        seen.append([state.task_status for state in job.states])
    assert seen == [["PENDING", "RUNNING", "SUCCEEDED"][:count] for count in (1, 2, 3)]


def test_pictures_are_fetched_at_once_and_not_when_the_client_asks(recorder, talk, sim):
    job = talk(recorder).job(n=3)
    assert [entry.status for entry in sim.requests.images] == [200] * 3
    assert len(list(recorder.cassette.images_folder.iterdir())) == 3
    sim.clock.advance(hours=25)
    assert talk(recorder).client.get(job["results"][0]["url"]).status_code == 403
    assert len(recorder.cassette.jobs[0].images) == 3


def test_only_good_pictures_of_a_partial_failure_are_written_with_their_place(recorder, talk):
    talk(recorder).job("[[partial:2]] 花店", n=4)
    (job,) = recorder.cassette.jobs
    assert [image.index for image in job.images] == [0, 1]
    results = job.states[-1].body["output"]["results"]
    assert [result.get("code") for result in results[2:]] == ["InternalError.Timeout"] * 2


def test_a_failed_job_is_complete_and_has_no_pictures(recorder, talk):
    talk(recorder).job("[[fail:InternalError.Algo]]")
    (job,) = recorder.cassette.jobs
    assert (job.complete, job.images) == (True, [])
    assert job.states[-1].body["output"]["code"] == "InternalError.Algo"


def test_a_create_that_the_service_refuses_is_written_as_a_refusal(recorder, talk):
    answer = talk(recorder).create(size="1*1")
    (entry,) = recorder.cassette.interactions
    assert (entry.status, entry.body) == (400, answer.json())
    assert entry.request["parameters"]["size"] == "1*1"


def test_a_body_that_is_no_request_is_passed_on_and_known_by_its_bytes(recorder, talk):
    headers = {"x-dashscope-async": "enable", "content-type": "application/json"}
    answer = talk(recorder).ask("POST", CREATE, content=b"{", headers=headers)
    assert answer.status_code == 400
    (entry,) = recorder.cassette.interactions
    assert (entry.status, list(entry.request)) == (400, ["malformed"])


def test_jobs_are_added_to_those_that_a_cassette_holds(sim, clock, talk, library):
    for _ in range(2):
        recorder = Recorder(sim, library / "flower-shop", clock=clock)
        talk(recorder).job()
        recorder.close()
    assert len(Cassette.load(library / "flower-shop").jobs) == 2


def test_what_another_client_created_is_passed_on_and_not_written(recorder, sim, talk, library):
    task_id = talk(sim).submit()
    assert talk(recorder).history(task_id)[-1]["task_status"] == "SUCCEEDED"
    recorder.close()
    assert not library.exists()


def test_closing_writes_the_jobs_that_have_not_ended_as_incomplete(recorder, talk):
    client = talk(recorder)
    client.submit("never polled")
    client.poll(client.submit("polled once"))
    recorder.close()
    recorder.close()
    jobs = Cassette.load(recorder.cassette.path).jobs
    assert [(job.complete, len(job.states), job.images) for job in jobs] == [
        (False, 0, []),
        (False, 1, []),
    ]


def test_a_cassette_that_cannot_be_written_is_said_and_the_next_poll_tries_again(
    recorder, talk, library
):
    client = talk(recorder)
    task_id = client.submit()
    assert [client.poll(task_id)["output"]["task_status"] for _ in range(2)] == [
        "PENDING",
        "RUNNING",
    ]
    aside = library.rename(library.with_name("aside"))
    library.write_text("in the way")
    with pytest.raises(CassetteError, match="cannot write"):
        client.poll(task_id)
    library.unlink()
    aside.rename(library)
    assert client.poll(task_id)["output"]["task_status"] == "SUCCEEDED"
    assert len(recorder.cassette.jobs) == 1


# --- the faces ------------------------------------------------------------------------------------


def test_a_thin_client_records_through_the_transport(recorder, sim, tmp_path):
    with WanxClient("sk-a", transport=recorder.transport(), sleep=sim.clock.sleep) as client:
        task = client.generate("一间花店", **SMALL)
        (path,) = client.download(task, tmp_path)
    (job,) = recorder.cassette.jobs
    assert job.task_id == task.id
    assert recorder.cassette.image(job.images[0]) == path.read_bytes()
    assert [state.offset for state in job.states] == [0.0, 10.0, 20.0]


def test_a_thin_client_records_over_sockets(sim, library, tmp_path):
    sim.timing = "polls:1,1"
    with sim.serve() as server:
        recorder = Recorder(server.url, library / "flower-shop", budget=PRICE)
        with (
            recorder.serve() as proxy,
            WanxClient("sk-a", base_url=proxy.base_url, sleep=sim.clock.sleep) as client,
        ):
            task = client.generate("一间花店", **SMALL)
            (path,) = client.download(task, tmp_path)
        recorder.close()
    cassette = Cassette.load(library / "flower-shop")
    assert cassette.host == server.url.removeprefix("http://")
    assert cassette.image(cassette.jobs[0].images[0]) == path.read_bytes()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_an_asynchronous_client_records_through_the_transport(recorder, sim, anyio_backend):
    client = AsyncWanxClient("sk-a", transport=recorder.transport(), sleep=sim.clock.async_sleep)
    async with client:
        task = await client.generate("一间花店", **SMALL)
    (job,) = recorder.cassette.jobs
    assert (job.task_id, job.complete) == (task.id, True)


def test_a_client_of_the_real_host_records_by_interception(recorder):
    with recorder.intercept():
        answer = httpx.post(
            BEIJING + CREATE,
            headers={"authorization": "Bearer sk-a", "x-dashscope-async": "enable"},
            json={"model": "wan2.2-t2i-flash", "input": {"prompt": "花店"}},
        )
    recorder.close()
    assert recorder.cassette.jobs[0].task_id == answer.json()["output"]["task_id"]


def test_an_interception_lets_the_recorders_own_requests_pass(tmp_path):
    """Else it would catch what it sends to the live service, for ever."""
    live = Simulator(timing="instant")
    upstream = Upstream("https://dashscope.aliyuncs.com", transport=live.transport())
    recorder = Recorder(upstream, tmp_path / "shop")
    url = "https://dashscope.aliyuncs.com/api/v1/tasks/1111"
    with recorder.intercept():
        answer = httpx.get(url, headers={"authorization": "Bearer sk-a"})
    assert answer.json()["output"]["task_status"] == "UNKNOWN"
    assert len(live.requests) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_an_asynchronous_client_of_the_real_host_records_by_interception(
    recorder, sim, anyio_backend
):
    with recorder.intercept():
        async with AsyncWanxClient("sk-a", sleep=sim.clock.async_sleep) as client:
            task = await client.generate("一间花店", **SMALL)
    assert [(job.task_id, job.complete) for job in recorder.cassette.jobs] == [(task.id, True)]


def test_a_client_of_httpx2_records_through_the_transport(recorder, talk):
    with httpx2.Client(transport=recorder.transport()) as client:
        headers = {"authorization": "Bearer sk-a", "x-dashscope-async": "enable"}
        body = {"model": "wan2.2-t2i-flash", "input": {"prompt": "花店"}}
        answer = client.post(BEIJING + CREATE, headers=headers, json=body)
    assert recorder.cassette.jobs[0].task_id == answer.json()["output"]["task_id"]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "sk-without-its-scheme"])
def test_a_create_without_a_key_is_refused_and_never_sent(library, talk, sim, authorization):
    recorder = Recorder(BEIJING, library / "any", transport=sim.transport())
    headers = {"x-dashscope-async": "enable", "authorization": authorization}
    body = {"model": "wan2.2-t2i-flash", "input": {"prompt": "花店"}}
    answer = talk(recorder).ask("POST", CREATE, json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "InvalidApiKey")
    assert answer.headers["x-wanx-source"] == "simulator"
    assert (len(sim.requests), recorder.spent) == (0, 0)
    assert not recorder.cassette.exists
    recorder.close()
