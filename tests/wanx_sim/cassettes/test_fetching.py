"""Result pictures: from which hosts they are fetched, when, and what becomes of those that fail."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from wanx_sim import (
    CassetteError,
    Fault,
    Recorder,
    Service,
)
from wanx_sim.wire import Response

TASKS = "/api/v1/tasks"
CREATED = {"output": {"task_id": "t", "task_status": "PENDING"}, "request_id": "r"}


def ended(url, status="SUCCEEDED"):
    output = {"task_id": "t", "task_status": status, "results": [{"url": url}]}
    return {"request_id": "r", "output": output}


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
