"""What holds of every recording: its replay is the same, and no secret is in any file of it."""

from __future__ import annotations

import json

import httpx
from hypothesis import HealthCheck, given, settings, strategies as st
from msgspec.structs import replace

from wanx_sim import (
    CachedService,
    Cassette,
    Fault,
    ManualClock,
    Player,
    Recorder,
    Service,
    Simulator,
)

BEIJING = "https://dashscope.aliyuncs.com"
TASKS = f"{BEIJING}/api/v1/tasks"
CREATE = f"{BEIJING}/api/v1/services/aigc/text2image/image-synthesis"
ENDS = ("SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN")
SLOW = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# Of two answers to the same poll, one live and one replayed, only these may differ.
MINTED = ("submit_time", "scheduled_time", "end_time")


class Program:
    """A program that asks for jobs and polls them, at moments that somebody else chooses."""

    def __init__(self, client, clock, key="sk-any-key-at-all"):
        self.client, self.clock = client, clock
        self.headers = {"authorization": f"Bearer {key}", "x-dashscope-async": "enable"}

    def submit(self, job):
        parameters = {"n": job["n"], "seed": 7, "size": "512*512", "prompt_extend": False}
        body = {"model": "wan2.2-t2i-flash", "input": {"prompt": job["prompt"]}}
        body["parameters"] = parameters
        answer = self.client.post(CREATE, headers=self.headers, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["output"]["task_id"]

    def run(self, jobs, gaps):
        """All jobs at once, polled in turn: the distinct outputs and the pictures of each."""
        waiting = {number: self.submit(job) for number, job in enumerate(jobs)}
        outputs = {number: [] for number in waiting}
        pictures = {number: [] for number in waiting}
        pauses = iter(gaps)
        for _ in range(400):
            for number in list(waiting):
                self.clock.advance(next(pauses, 5.0))
                answer = self.client.get(f"{TASKS}/{waiting[number]}", headers=self.headers)
                if answer.status_code != 200:
                    continue
                output = answer.json()["output"]
                kept = lasting(output)
                if outputs[number][-1:] != [kept]:
                    outputs[number].append(kept)
                if output["task_status"] in ENDS:
                    pictures[number] = self.load(output)
                    del waiting[number]
            if not waiting:
                return outputs, pictures
        raise AssertionError(f"they do not end: {outputs}")

    def load(self, output):
        links = [result.get("url") for result in output.get("results", [])]
        answers = [self.client.get(link) for link in links if link]
        assert {answer.status_code for answer in answers} <= {200}
        return [answer.content for answer in answers]


def lasting(output):
    """What of an output must be the same in every replay."""
    kept = {name: value for name, value in output.items() if name not in MINTED}
    if "results" in kept:
        kept["results"] = [
            result | ({"url": "a link"} if "url" in result else {}) for result in kept["results"]
        ]
    return kept


def prompts(draw, number, n):
    mark = draw(st.sampled_from(["", "", "[[fail:InternalError.Algo]]", "[[partial]]"]))
    if mark == "[[partial]]":
        mark = f"[[partial:{draw(st.integers(1, n - 1))}]]" if n > 1 else ""
    return f"{mark} 花店 {number}"


@st.composite
def some_jobs(draw):
    jobs = []
    for number in range(draw(st.integers(1, 3))):
        n = draw(st.integers(1, 4))
        jobs.append({"n": n, "prompt": prompts(draw, number, n)})
    return jobs


timings = st.sampled_from(["instant", "polls:0,0", "polls:2,0", "polls:0,3", "polls:3,2"]) | (
    st.builds("seconds:{},{}".format, st.integers(0, 40), st.integers(0, 40))
)
gaps = st.lists(st.floats(0, 60), max_size=20)
paces = st.sampled_from(["steps", "recorded", "instant", 0.5, 10])
troubles = st.lists(
    st.tuples(st.sampled_from([429, 502, 504]), st.integers(1, 6), st.integers(1, 3)), max_size=3
)


def faulty(simulator, found):
    for status, nth, times in found:
        how = {"code": "Throttling.RateQuota"} if status == 429 else {"status": status}
        simulator.faults.add(Fault(on="query", nth=nth, times=times, **how))


@SLOW
@given(jobs=some_jobs(), timing=timings, gaps=gaps, others=gaps, pace=paces, found=troubles)
def test_a_replay_shows_the_states_in_their_order_and_the_same_bytes(
    tmp_path_factory, jobs, timing, gaps, others, pace, found
):
    """Whatever the timing, the polls, the troubles in between, and the pace of the replay."""
    clock = ManualClock()
    live = Simulator(clock=clock, timing=timing)
    faulty(live, found)
    path = tmp_path_factory.mktemp("library") / "any"
    recorder = Recorder(live, path, clock=clock)
    with httpx.Client(transport=recorder.transport()) as client:
        states, pictures = Program(client, clock).run(jobs, gaps)
    recorder.close()
    assert all(job.complete for job in Cassette.load(path).jobs)

    player = Player(path, clock=clock, pace=pace)
    with httpx.Client(transport=player.transport()) as client:
        replayed, again = Program(client, clock).run(jobs, others)
    assert again == pictures
    for number, expected in states.items():
        if pace == "steps":
            assert replayed[number] == expected
        else:  # who polls seldom may miss a state; the order and the end are the same
            created = [state for state in replayed[number] if len(state) == 2]
            seen = [state for state in replayed[number] if state not in created]
            assert seen == [state for state in expected if state in seen]
            assert replayed[number][-1] == expected[-1]
    assert player.unused == []


# --- secrets --------------------------------------------------------------------------------------

letters = "ghjkmnpqrstuvwxyz23456789"
keys = st.text(letters, min_size=20, max_size=32).map("sk-{}".format)
SECRETS = {
    "key": keys,
    "signature": st.text(letters + "/", min_size=12, max_size=28),
    "account": st.text("123456789", min_size=16, max_size=16),
    "mail": st.builds(
        "{}@{}.com".format, st.text(letters, min_size=8), st.text(letters, min_size=3)
    ),
}


@st.composite
def a_secret(draw):
    """A secret, and a text that gives it away."""
    kind = draw(st.sampled_from(list(SECRETS)))
    secret = draw(SECRETS[kind])
    shown = (
        f"https://oss.test/a.png?Expires=1&Signature={secret}&x=1"
        if kind == "signature"
        else secret
    )
    before, after = draw(st.tuples(*[st.sampled_from([" ", "：", "(", "'", "\n"])] * 2))
    return secret, f"oh{before}{shown}{after}no"


class Talkative(Service):
    """A service whose answers give secrets away, wherever one can stand."""

    def __init__(self, inner, texts):
        self.inner, self.texts = inner, texts

    def handle(self, request):
        response = self.inner.handle(request)
        if not response.body.startswith(b"{"):
            return response
        body = json.loads(response.body)
        for text in self.texts:
            body |= {"debug": text, text: "a key of an object"}
            if "message" in body:
                body["message"] += text
            output = body.get("output", {})
            output |= {"trace": {"who": [text]}, text: "a key of an object"}
            for result in output.get("results", []):
                result |= {"actual_prompt": text, "owner": text}
        return replace(response, body=json.dumps(body).encode())


@SLOW
@given(key=keys, secrets=st.lists(a_secret(), min_size=1, max_size=3), hidden=st.booleans())
def test_no_secret_is_in_any_file_that_is_written(tmp_path_factory, key, secrets, hidden):
    folder, clock = tmp_path_factory.mktemp("library"), ManualClock()
    live = Simulator(clock=clock, timing="polls:1,1")
    live.faults.add(Fault(on="query", code="Throttling.RateQuota"))
    upstream = Talkative(live, [text for _, text in secrets])
    service = CachedService(
        upstream, folder / "any", cache=folder / "cache", clock=clock, redact_prompts=hidden
    )
    with httpx.Client(transport=service.transport()) as client:
        program = Program(client, clock, key)
        program.run([{"n": 2, "prompt": "花店"}], [])
        client.get(TASKS, headers=program.headers)
        client.post(CREATE, headers=program.headers, json={"model": key, "input": {}})
        task_id = service.recorder.recorded[0]
        client.post(f"{TASKS}/{task_id}/cancel", headers=program.headers)
        answer = client.get(f"{TASKS}/{task_id}", headers=program.headers)
        links = [result["url"] for result in answer.json()["output"]["results"]]
    service.close()
    told = json.dumps(answer.json(), ensure_ascii=False)
    assert all(secret in told for secret, _ in secrets), "the answer gives them away"
    signatures = [link.partition("Signature=")[2].partition("&")[0] for link in links]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".json" for path in files)
    for path in files:
        content = path.read_bytes()
        for secret in [key, *signatures, *(secret for secret, _ in secrets)]:
            assert secret.encode() not in content, path
