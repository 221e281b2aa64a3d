"""A session, the same on every face and in both stores."""

from __future__ import annotations

NAMED = {"X-Wanx-Session": "mine"}


def test_a_whole_job_runs_in_a_session(sim, api):
    task_id = api.create(n=1, headers=NAMED).output["task_id"]
    statuses = [api.poll(task_id, headers=NAMED).output["task_status"] for _ in range(3)]
    assert statuses == ["PENDING", "RUNNING", "SUCCEEDED"]
    (result,) = api.poll(task_id, headers=NAMED).output["results"]
    # The link alone leads back to the session: whoever loads a picture sends no header of ours.
    assert api.get(result["url"]).body.startswith(b"\x89PNG")
    assert (len(sim.tasks), len(sim.requests), len(sim.session("mine").tasks)) == (0, 0, 1)


def test_a_session_s_clock_moves_alone(sim, api):
    mine = api.create(n=1, headers=NAMED).output["task_id"]
    other = api.submit(n=1)
    sim.session("mine").clock.advance(hours=24)
    assert api.poll(mine, headers=NAMED).output["task_status"] == "UNKNOWN"
    assert api.poll(other).output["task_status"] == "PENDING"
