"""Whatever an application does, in whatever order: what always holds of a simulator's history.

* A status never goes backwards.
* The images on the bill are the good images of the tasks that did not fail and were not cancelled.
* No more tasks run at a time than may, and they run in the order in which they were created.
* A restart on the disk store changes nothing that can be seen.
* The same seed and the same steps give the same history.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import httpx
from hypothesis import settings, strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from wanx_sim import ManualClock, Simulator, Status
from wanx_sim.stores.disk import DiskStore
from wanx_sim.stores.memory import MemoryStore

START = 1_761_580_800.0  # 2025-10-28, in UTC+8: the seed document's day
RUNNING_LIMIT = 2
CREATE = "/api/v1/services/aigc/text2image/image-synthesis"
RANK = {Status.PENDING: 0, Status.RUNNING: 1, Status.SUCCEEDED: 2, Status.FAILED: 2}
RANK |= {Status.CANCELED: 2, Status.UNKNOWN: 3}
MARKS = st.sampled_from(["", "[[fail:InternalError.Algo]]", "[[partial:1]]", "[[partial:4]]"])


class History(RuleBasedStateMachine):
    """An application, and a twin of the simulator that is told the same and never restarted."""

    tasks = Bundle("tasks")

    @initialize(timing=st.sampled_from(["seconds:0,60", "seconds:20,40", "realistic", "polls:1,2"]))
    def begin(self, timing):
        self.folder = Path(tempfile.mkdtemp(prefix="wanx-history-"))
        self.timing, self.seen = timing, {}
        self.clocks = ManualClock(START), ManualClock(START)
        self.sim = self.simulator(DiskStore(self.folder), self.clocks[0])
        self.twin = self.simulator(MemoryStore(), self.clocks[1])

    def simulator(self, store, clock):
        return Simulator(timing=self.timing, store=store, clock=clock, seed=5, rate_limits=True)

    def teardown(self):
        if hasattr(self, "sim"):
            self.sim.close()
            shutil.rmtree(self.folder)

    def ask(self, method, path, **content):
        """The same answer from both; what they say it with (request ids) is not compared."""
        answers = []
        for sim in (self.sim, self.twin):
            with httpx.Client(transport=sim.transport()) as client:
                headers = {"authorization": "Bearer sk-a", "x-dashscope-async": "enable"}
                url = f"https://dashscope.aliyuncs.com{path}"
                answer = client.request(method, url, headers=headers, **content)
            body = {key: value for key, value in answer.json().items() if key != "request_id"}
            answers.append((answer.status_code, body))
        assert answers[0] == answers[1]
        return answers[0]

    @rule(target=tasks, mark=MARKS, n=st.integers(1, 4))
    def create(self, mark, n):
        self.pass_time(1)  # no faster than the rate allows
        body = {"model": "wan2.2-t2i-flash", "input": {"prompt": f"{mark} 花店"}}
        status, answer = self.ask("POST", CREATE, json=body | {"parameters": {"n": n}})
        assert status == 200
        task_id = answer["output"]["task_id"]
        self.seen[task_id] = Status.PENDING
        return task_id

    @rule(task_id=tasks)
    def poll(self, task_id):
        status, answer = self.ask("GET", f"/api/v1/tasks/{task_id}")
        assert status == 200
        assert answer["output"]["task_status"] == self.sim.tasks[task_id].status

    @rule(task_id=tasks)
    def cancel(self, task_id):
        before = self.sim.tasks[task_id].status
        status, _ = self.ask("POST", f"/api/v1/tasks/{task_id}/cancel")
        assert status == (200 if before is Status.PENDING else 400)

    @rule(seconds=st.sampled_from([0.5, 15, 45, 3600, 80_000]))
    def pass_time(self, seconds):
        for clock in self.clocks:
            clock.advance(seconds)

    @rule(target=tasks)
    def restart(self):
        drawn = len(self.seen)
        self.sim.close()
        self.sim = self.simulator(DiskStore(self.folder), self.clocks[0])
        # A restarted simulator draws from its seed anew; the twin is brought to the same place.
        self.twin._begin()
        assert len(self.sim.tasks) == drawn
        return multiple()

    @invariant()
    def no_status_goes_backwards(self):
        for task_id, before in getattr(self, "seen", {}).items():
            now = self.sim.tasks[task_id].status
            assert RANK[now] >= RANK[before]
            if before.terminal:
                assert now in (before, Status.UNKNOWN)
            self.seen[task_id] = now

    @invariant()
    def the_bill_is_the_good_images(self):
        if hasattr(self, "sim"):
            records = [view.record for view in self.sim.tasks]
            bad = [r for r in records if r.plan.failure or r.plan.canceled is not None]
            good = sum(r.order.n - len(r.plan.failed_images) for r in records if r not in bad)
            assert self.sim.ledger.images == self.twin.ledger.images == good
            assert self.sim.ledger.cost == round(good * 0.14, 6)

    @invariant()
    def the_queue_is_fair_and_never_too_many_run(self):
        if hasattr(self, "sim") and self.timing != "polls:1,2":  # only seconds queue
            statuses = [view.status for view in self.sim.tasks]
            assert statuses.count(Status.RUNNING) <= RUNNING_LIMIT
            if Status.PENDING in statuses:
                assert Status.RUNNING not in statuses[statuses.index(Status.PENDING) :]


History.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestHistory = History.TestCase
