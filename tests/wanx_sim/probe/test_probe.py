"""The probe: it finds where a live service differs from the simulator, and spends nothing."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from click.testing import CliRunner

from wanx_sim import BudgetExceededError, Fault, ManualClock, Simulator
from wanx_sim.cli import cli
from wanx_sim.probe.asking import Probe, ask_all, behaviours, report
from wanx_sim.probe.questions import FREE, PICTURE
from wanx_sim.protocol import provenance
from wanx_sim.protocol.catalogue import Region
from wanx_sim.wire import ConnectionLost

KEY = "sk-a-live-key-0123456789"
HOST = "dashscope.aliyuncs.com"


def live_service(**settings):
    """What stands for the live service: a simulator with another seed."""
    return Simulator(seed=99, timing="instant", api_keys={KEY: "beijing"}, **settings)


def probe_of(service):
    return Probe(service, HOST, KEY, Region.BEIJING)


def differing(findings):
    return {finding.name for finding in findings if finding.verdict == "differs"}


def asked(service):
    return ask_all(probe_of(service), lambda _: None)


def test_a_service_like_the_simulator_agrees_in_everything():
    assert {finding.verdict for finding in asked(live_service())} == {"agrees"}


def test_a_probe_creates_no_task_unless_told_to_spend():
    live = live_service()
    asked(live)
    assert len(live.tasks) == 0
    assert live.ledger.images == 0


def test_nothing_that_could_be_billed_is_asked_even_of_a_service_that_takes_any_key():
    live = Simulator(timing="instant")
    asked(live)
    assert live.ledger.images == 0


DEVIATIONS = {
    "unknown-task": Fault(on="query", code="ModelNotFound", nth=1),
    "malformed-task": Fault(on="query", status=404, body="{}", nth=2),
    "trailing-slash": Fault(on="query", omit="output.task_status", nth=3),
    "cancel-unknown": Fault(on="cancel", status=200, body='{"request_id": "x"}'),
    "list": Fault(on="list", omit="total_page"),
    "no-key": Fault(on="create", status=403, body="{}", nth=2),
    "broken-json": Fault(on="create", status=500, body="", nth=9),
}


@pytest.mark.parametrize("name", DEVIATIONS)
def test_a_known_deviation_is_found_and_no_other(name):
    live = live_service(faults=[DEVIATIONS[name]])
    assert differing(asked(live)) == {name}


def test_a_deviation_is_told_field_by_field():
    live = live_service(faults=[Fault(on="query", status=404, body='{"code": "NotFound"}')])
    [finding] = [one for one in asked(live) if one.verdict == "differs"]
    assert ("status", "404", "200") in finding.differences
    assert ("body.code", "NotFound", "(absent)") in finding.differences


def test_the_other_place_of_validation_is_found():
    assert "no-prompt" in differing(asked(live_service(validation="task")))


def test_the_other_dialect_is_found_in_a_job_that_is_bought():
    live = live_service(profile="2026-10")
    found = probe_of(live).buy(Decimal(1), ManualClock())
    assert "create" in differing(found)


def test_what_is_not_answered_is_unknown():
    live = live_service(faults=[Fault(on="list", reset="before", times=None)])
    unknown = {finding.name for finding in asked(live) if finding.verdict == "unknown"}
    assert unknown == {"list", "list-bad-time", "list-bad-status"}


def test_an_account_that_lists_no_tasks_does_not_differ_for_that():
    [finding] = [one for one in asked(live_service()) if one.name == "list"]
    assert finding.verdict == "agrees"


def test_to_spend_buys_one_picture_of_the_cheapest_model_and_looks_at_its_link():
    live = live_service()
    found = probe_of(live).buy(Decimal("0.04"), ManualClock())
    assert {finding.verdict for finding in found} == {"agrees"}
    assert [one.name for one in found] == ["create", "succeeded", *(look.name for look in PICTURE)]
    assert (live.ledger.images, live.ledger.cost) == (1, 0.04)


def test_a_job_that_takes_its_time_is_waited_for():
    clock = ManualClock()
    live = live_service(clock=clock)
    live.timing = "seconds:20,40"
    found = probe_of(live).buy(Decimal(1), clock)
    assert "succeeded" in {finding.name for finding in found}


@pytest.mark.parametrize(
    "trouble",
    [
        {"code": "Throttling.RateQuota"},
        {"status": 200, "body": '{"output": {"task_status": "SUSPENDED"}}'},
        {"status": 200, "body": '{"output": null}'},
        {"status": 502},
    ],
)
def test_a_job_that_was_paid_for_is_not_given_up_for_a_troubled_poll(trouble):
    live = live_service(faults=[Fault(on="query", **trouble)])
    found = probe_of(live).buy(Decimal(1), ManualClock())
    assert {finding.verdict for finding in found} == {"agrees"}
    assert found[-1].name == PICTURE[-1].name


def test_nothing_is_bought_beyond_what_may_be_spent():
    live = live_service()
    with pytest.raises(BudgetExceededError, match="nothing was bought"):
        probe_of(live).buy(Decimal("0.03"), ManualClock())
    assert len(live.requests) == 0


def test_a_report_holds_no_key_no_id_and_no_link():
    live = live_service()
    text = report(f"https://{HOST}/api/v1", probe_of(live).buy(Decimal(1), ManualClock())).decode()
    task = live.tasks.only
    for secret in (
        KEY,
        task.task_id,
        task.record.request_id,
        "Signature=",
        "OSSAccessKeyId",
        "LTAI",
    ):
        assert secret not in text


def test_every_question_bears_on_behaviours_that_exist():
    known = {behaviour.key for behaviour in provenance.behaviours()}
    named = [key for question in (*FREE, *PICTURE) for key in question.behaviours]
    assert named
    assert set(named) <= known


def test_each_behaviour_of_the_table_gets_a_verdict():
    live = live_service(faults=[DEVIATIONS["unknown-task"]])
    verdicts = behaviours(asked(live))
    assert set(verdicts) == {behaviour.key for behaviour in provenance.behaviours()}
    assert verdicts["answer.unknown"] == "differs"  # one of the two questions about it differs
    assert verdicts["answer.list"] == "agrees"
    assert verdicts["oss.range"] == "unknown"  # no picture was bought


# --- the command


@pytest.fixture
def run(monkeypatch):
    def run(*arguments, key=KEY):
        environment = {"DASHSCOPE_API_KEY": key, "NO_PROXY": "127.0.0.1"}
        return CliRunner().invoke(cli, ["probe", *arguments], env=environment)

    return run


def test_the_command_tells_each_finding_and_writes_the_report(run, tmp_path):
    live = live_service(faults=[Fault(on="cancel", status=404, body="{}")])
    path = tmp_path / "report.json"
    with live.serve() as server:
        done = run("--upstream", server.base_url, "--report", str(path))
    assert done.exit_code == 0, done.output
    assert "✗ differs cancel-unknown" in done.output
    assert "answers: 17 agrees, 1 differs, 0 unknown" in done.output
    assert "✗ differs lifecycle.cancel-unknown" in done.output
    written = json.loads(path.read_text("utf-8"))
    assert written["counts"] == {"agrees": 17, "differs": 1}
    assert written["behaviours"]["lifecycle.cancel-unknown"] == "differs"


def test_without_a_key_the_command_says_which_variable_to_set(run):
    done = run("--upstream", "http://127.0.0.1:9", key="")
    assert done.exit_code == 1
    assert "DASHSCOPE_API_KEY" in done.output


def test_an_upstream_that_is_not_there_is_one_clear_line(run):
    done = run("--upstream", "http://127.0.0.1:9")
    assert done.exit_code == 1
    assert "answered nothing" in done.output.splitlines()[-1]


def test_too_little_to_spend_is_one_clear_line(run):
    live = live_service()
    with live.serve() as server:
        done = run("--upstream", server.base_url, "--spend", "0.01")
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "nothing was bought" in done.output.splitlines()[-1]
    assert live.ledger.images == 0


def test_a_report_that_cannot_be_written_is_one_clear_line(run, tmp_path):
    with live_service().serve() as server:
        done = run("--upstream", server.base_url, "--report", str(tmp_path / "no" / "such" / "r"))
    assert done.exit_code == 1
    assert "cannot write the report" in done.output.splitlines()[-1]


def test_a_lost_answer_is_not_mistaken_for_an_agreement():
    class Silent(Simulator):
        def handle(self, _):
            raise ConnectionLost("silence")

    assert {finding.verdict for finding in asked(Silent())} == {"unknown"}
