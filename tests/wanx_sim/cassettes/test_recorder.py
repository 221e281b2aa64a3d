"""The recorder: what passes through it is untouched, and the jobs in it are written down."""

from __future__ import annotations

import json
from decimal import Decimal
from threading import Barrier, Event, Thread

import httpx
import pytest

from wanx_client import AmbiguousSubmitError, AsyncWanxClient, WanxClient
from wanx_sim import (
    BudgetExceededError,
    Cassette,
    CassetteError,
    Fault,
    ManualClock,
    Recorder,
    Service,
    Simulator,
    UpstreamError,
    WanxSimError,
)
from wanx_sim.upstream import Upstream
from wanx_sim.wire import ConnectionLost, Response

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


# --- pictures from elsewhere ----------------------------------------------------------------------


def ended(url, status="SUCCEEDED"):
    output = {"task_id": "t", "task_status": status, "results": [{"url": url}]}
    return {"request_id": "r", "output": output}


CREATED = {"output": {"task_id": "t", "task_status": "PENDING"}, "request_id": "r"}


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.png",
        "http://169.254.169.254/latest/meta-data",
        "https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com.example.com/a.png",
        "https://example.com/dashscope-result-bj.oss-cn-beijing.aliyuncs.com/a.png",
        "https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com@example.com/a.png",
        "file:///etc/passwd",
        "a.png",
    ],
)
def test_a_result_on_a_foreign_host_is_never_fetched(scripted, talk, library, url):
    service = scripted(CREATED, ended(url))
    recorder = Recorder(service, library / "any")
    client = talk(recorder)
    client.submit()
    assert client.poll("t")["output"]["task_status"] == "SUCCEEDED"
    assert len(service.asked) == 2
    (job,) = recorder.cassette.jobs
    assert (job.complete, job.images) == (False, [])
    assert "no image host of the service" in job.trouble
    assert not recorder.cassette.images_folder.exists()


def test_a_result_on_an_image_host_of_the_service_is_fetched_without_the_key(
    scripted, talk, library
):
    url = "https://dashscope-7c2c.oss-accelerate.aliyuncs.com/1d/a.png?Expires=1&Signature=b"
    picture = Response(200, (("content-type", "image/webp"),), b"a picture")
    service = scripted(CREATED, ended(url), picture)
    recorder = Recorder(service, library / "any")
    client = talk(recorder)
    client.submit()
    client.poll("t")
    asked = service.asked[-1]
    assert f"{asked.scheme}://{asked.host}{asked.path}?{asked.query}" == url
    assert "authorization" not in asked.headers
    assert recorder.cassette.image(recorder.cassette.jobs[0].images[0]) == b"a picture"
    assert recorder.cassette.jobs[0].images[0].media_type == "image/webp"


def test_a_picture_that_cannot_be_fetched_is_tried_again_at_the_next_poll(recorder, talk, sim):
    sim.timing = "instant"
    client = talk(recorder)
    task_id = client.submit()
    sim.faults.add(Fault(on="image", code="ModelUnavailable"))
    assert client.poll(task_id)["output"]["task_status"] == "SUCCEEDED"
    (job,) = recorder.cassette.jobs
    assert not job.complete
    assert "could not be fetched: HTTP" in job.trouble
    assert client.poll(task_id)["output"]["task_status"] == "SUCCEEDED"
    assert [(job.complete, job.trouble) for job in recorder.cassette.jobs] == [(True, None)]


def test_two_polls_that_see_the_end_at_once_fetch_its_pictures_once(sim, library, talk):
    both_polled, fetched = Barrier(2, timeout=20), []

    class Live(Service):
        def handle(self, request):
            if "aliyuncs.com/" in f"{request.host}/" and request.path.startswith("/1d/"):
                fetched.append(request.path)
            response = sim.handle(request)
            if request.path.startswith(TASKS):
                both_polled.wait()
            return response

    sim.timing = "instant"
    recorder = Recorder(Live(), library / "once")
    task_id = talk(recorder).submit()
    polls = [Thread(target=talk(recorder).poll, args=(task_id,)) for _ in range(2)]
    for poll in polls:
        poll.start()
    for poll in polls:
        poll.join()
    assert len(fetched) == 1


def test_what_cannot_be_written_is_not_bought(recorder, talk, sim, library):
    library.write_text("in the way")
    with pytest.raises(CassetteError, match="cannot write"):
        talk(recorder).create()
    assert (sim.ledger.tasks, recorder.spent) == (0, 0)


# --- what no service should say -------------------------------------------------------------------


def odd(output):
    return {"request_id": "r", "output": {"task_id": "t", "task_status": "SUCCEEDED"} | output}


@pytest.mark.parametrize(
    "answer",
    [
        odd({"results": 5}),
        odd({"results": [5, {"url": 7}]}),
        {"output": []},
        {"output": {"task_status": {"a": 1}}},
        {"message": "[" * 3, "output": {"results": "none"}},
        Response(200, (), b'{"output":' * 900 + b"1" + b"}" * 900),
        Response(429, (), b'{"code":' * 90_000),
    ],
)
@pytest.mark.parametrize("created", [True, False])
def test_a_poll_s_odd_answer_is_passed_on(scripted, talk, library, answer, created):
    service = scripted(CREATED, answer)
    recorder = Recorder(service, library / "odd")
    client = talk(recorder)
    client.submit()
    expected = answer.body if isinstance(answer, Response) else json.dumps(answer).encode()
    assert client.ask("GET", f"{TASKS}/{'t' if created else 'another'}").content == expected
    recorder.close()
    assert len(Cassette.load(library / "odd").jobs) == 1


def test_a_task_id_that_is_no_text_is_passed_on_as_no_job(scripted, talk, library):
    recorder = Recorder(scripted({"output": {"task_id": 5}}), library / "odd")
    assert talk(recorder).create().json() == {"output": {"task_id": 5}}
    assert recorder.cassette.jobs == []


def test_an_answer_is_passed_on_though_it_cannot_be_written_and_is_written_later(
    recorder, talk, library
):
    client = talk(recorder)
    client.submit()
    aside = library.rename(library.with_name("aside"))
    library.write_text("in the way")
    assert client.ask("GET", TASKS).status_code == 200
    library.unlink()
    aside.rename(library)
    recorder.close()
    entries = Cassette.load(recorder.cassette.path).interactions
    assert [type(entry).__name__ for entry in entries] == ["Job", "Exchange"]


# --- the budget -----------------------------------------------------------------------------------


def budgeted(sim, library, budget):
    return Recorder(sim, library / "flower-shop", budget=budget)


def test_a_create_beyond_the_budget_is_refused_before_it_is_sent(sim, library, talk):
    client = talk(budgeted(sim, library, 0.42))
    client.submit(n=2)
    with pytest.raises(BudgetExceededError) as caught:
        client.submit(n=2)
    assert str(caught.value) == (
        "this create was not sent: it costs ¥0.28, and ¥0.28 of the budget of ¥0.42 are spent; "
        "raise the budget (--budget, budget=), or ask for fewer pictures (n)"
    )
    assert len(sim.requests.creates) == 1
    assert sim.ledger.cost == 0.28


def test_a_budget_can_be_spent_to_the_last_fen(sim, library, talk):
    recorder = budgeted(sim, library, 0.42)
    client = talk(recorder)
    for _ in range(3):
        client.submit()
    assert recorder.spent == Decimal("0.42")
    with pytest.raises(BudgetExceededError):
        client.submit()


def test_a_budget_of_nothing_buys_nothing_and_polls_all_the_same(sim, library, talk):
    client = talk(budgeted(sim, library, 0))
    with pytest.raises(BudgetExceededError):
        client.submit()
    assert len(sim.requests) == 0
    assert client.poll("no-such-task")["output"]["task_status"] == "UNKNOWN"


def test_without_a_budget_nothing_is_refused_and_all_is_counted(recorder, talk):
    talk(recorder).submit(n=4)
    assert recorder.spent == Decimal("0.56")


def test_a_create_without_n_costs_the_service_s_own_four(sim, library, talk):
    with pytest.raises(BudgetExceededError, match=r"it costs ¥0\.56,"):
        talk(budgeted(sim, library, 0.55)).create(n=None)


@pytest.mark.parametrize("n", [0, -3])
def test_a_wrong_number_of_pictures_cannot_fill_the_budget_up(sim, library, talk, n):
    sim.validation = "task"  # the service accepts it first, and lets the task fail
    recorder = budgeted(sim, library, PRICE)
    talk(recorder).submit(n=n)
    assert recorder.spent == Decimal("0.14")


def test_a_refused_create_costs_nothing(sim, library, talk):
    recorder = budgeted(sim, library, PRICE)
    client = talk(recorder)
    assert client.create(size="1*1").status_code == 400
    assert recorder.spent == 0
    client.submit()


def test_a_model_without_a_known_price_is_not_bought_on_a_budget(sim, library, talk):
    with pytest.raises(BudgetExceededError, match="no price for its model"):
        talk(budgeted(sim, library, 100)).create(model="wan9-t2i")
    assert len(sim.requests) == 0


def test_a_create_whose_answer_was_lost_counts_as_bought(sim, library, talk):
    sim.faults.add(Fault(on="create", lost_response=True))
    recorder = budgeted(sim, library, PRICE)
    client = talk(recorder)
    with pytest.raises(httpx.RemoteProtocolError):
        client.submit()
    assert recorder.spent == Decimal("0.14")
    with pytest.raises(BudgetExceededError):
        client.submit()
    assert sim.ledger.tasks == 1


def test_two_creates_at_once_cannot_both_fit_into_a_budget_for_one(sim, library, talk):
    on_its_way, may_answer = Event(), Event()

    class Slow(Simulator):
        def handle(self, request):
            on_its_way.set()
            may_answer.wait(10)
            return super().handle(request)

    upstream = Slow()
    client = talk(budgeted(upstream, library, PRICE))
    first = Thread(target=client.submit)
    first.start()
    assert on_its_way.wait(10)
    try:
        with pytest.raises(BudgetExceededError):
            client.submit()
    finally:
        may_answer.set()
        first.join(10)
    assert len(upstream.requests.creates) == 1


def test_prices_are_those_of_the_region_that_is_asked(library, talk):
    upstream = Simulator(region="singapore")
    recorder = Recorder(
        "https://dashscope-intl.aliyuncs.com",
        library / "any",
        budget=0.2,
        transport=upstream.transport(),
    )
    with recorder.serve() as proxy:  # whose own address names no region
        talk(proxy.url).submit(model="wan2.2-t2i-flash")
    recorder.close()
    assert recorder.spent == Decimal("0.183481")


def test_a_budget_error_is_no_error_of_a_network(sim, library):
    assert not issubclass(BudgetExceededError, httpx.HTTPError | OSError | WanxSimError)
    assert issubclass(BudgetExceededError, AssertionError)
    transport = budgeted(sim, library, 0).transport()
    with WanxClient("sk-a", transport=transport) as client, pytest.raises(BudgetExceededError):
        client.submit("花店")


def test_over_a_socket_a_budget_error_is_a_501_that_no_client_retries(sim, library, talk):
    with budgeted(sim, library, 0).serve() as proxy:
        answer = talk(proxy.url).create()
    assert answer.status_code == 501
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["code"] == "WanxSim.BudgetExceededError"
    assert "the budget of ¥0 are spent" in answer.json()["message"]
    assert len(sim.requests) == 0


# --- trouble upstream -----------------------------------------------------------------------------


@pytest.fixture
def nobody():
    """The URL of a port that nobody listens on any more."""
    server = Simulator().serve()
    with server:
        pass
    return server.url


def test_an_upstream_that_cannot_be_reached_is_named(nobody, library, talk):
    recorder = Recorder(nobody, library / "any", budget=1)
    with pytest.raises(UpstreamError, match=f"cannot reach {nobody}"):
        talk(recorder).create()
    assert recorder.spent == 0
    recorder.close()


def test_over_a_socket_an_upstream_that_cannot_be_reached_is_a_501(nobody, library, talk):
    recorder = Recorder(nobody, library / "any")
    with recorder.serve() as proxy:
        answer = talk(proxy.url).create()
    recorder.close()
    assert (answer.status_code, answer.json()["code"]) == (501, "WanxSim.UpstreamError")
    assert nobody in answer.json()["message"]


@pytest.mark.parametrize("error", [httpx.ConnectTimeout, httpx.ConnectError, httpx.ProxyError])
def test_what_was_never_sent_is_not_a_lost_answer(library, talk, error):
    def upstream(request):
        raise error("no way", request=request)

    recorder = Recorder(BEIJING, library, transport=httpx.MockTransport(upstream), budget=1)
    with pytest.raises(UpstreamError, match="no way"):
        talk(recorder).create()
    assert recorder.spent == 0
    recorder.close()


@pytest.mark.parametrize("error", [httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError])
def test_an_answer_lost_upstream_is_lost_to_the_client_too(library, talk, error):
    def upstream(request):
        raise error("gone", request=request)

    recorder = Recorder(BEIJING, library, transport=httpx.MockTransport(upstream))
    with pytest.raises(httpx.RemoteProtocolError):
        talk(recorder).create()
    recorder.close()


def test_over_sockets_an_answer_lost_upstream_is_lost_to_the_client_too(sim, library):
    with sim.serve() as server:
        recorder = Recorder(server.url, library / "any")
        with recorder.serve() as proxy, WanxClient("sk-a", base_url=proxy.base_url) as client:
            with pytest.raises(AmbiguousSubmitError):
                client.submit("[[lost-response]] 花店", **SMALL)
            assert client.submit("[[lost-response]] 花店", **SMALL).id
        recorder.close()
    assert sim.ledger.tasks == 2


@pytest.mark.parametrize(
    "answer",
    [
        Response(502, (("content-type", "text/html"),), b"<html>"),
        Response(200, (), b"\xff"),
        Response(200, (), b"[]"),
        {"output": None},
        {"output": []},
        {"output": {"task_id": None}},
    ],
)
def test_an_answer_that_is_no_create_s_is_passed_on_and_written_as_no_job(
    scripted, talk, library, answer
):
    recorder = Recorder(scripted(answer), library / "any")
    talk(recorder).create()
    recorder.close()
    assert recorder.cassette.jobs == []
    assert [entry.operation for entry in recorder.cassette.interactions] == ["create"]


def test_a_gateway_that_gave_up_leaves_open_whether_a_picture_was_bought(scripted, talk, library):
    recorder = Recorder(scripted(Response(504, (), b"<html>")), library / "any", budget=1)
    talk(recorder).create()
    assert recorder.spent == Decimal("0.14")


@pytest.mark.parametrize(
    "answer",
    [
        Response(500, (), b"<html>"),
        {"output": None},
        {"output": {"task_status": "DREAMING"}},
        {"output": {"task_status": ["RUNNING"]}},
        {"code": "Throttling", "message": "slow down", "request_id": "r"},
    ],
)
def test_a_poll_s_answer_that_is_no_state_is_passed_on_and_not_written(
    scripted, talk, library, answer
):
    recorder = Recorder(scripted(CREATED, answer), library / "any")
    client = talk(recorder)
    client.submit()
    client.ask("GET", f"{TASKS}/t")
    recorder.close()
    assert recorder.cassette.jobs[0].states == []


def test_connections_lost_by_a_service_in_process_are_lost_to_the_client(scripted, talk, library):
    client = talk(Recorder(scripted(ConnectionLost("query")), library / "any"))
    with pytest.raises(httpx.RemoteProtocolError):
        client.poll("t")


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
