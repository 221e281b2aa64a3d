"""The `wanx` command, as a shell sees it: what it prints where, and its exit code."""

import json
import re

import httpx
import pytest
from click.testing import CliRunner

from wanx_client.cli import cli

TASK_ID = "0385dc79-5ff8-4d82-bcb6-4b1a6cbb1a11"
KEY = "sk-do-not-show-me"


@pytest.fixture
def wanx(monkeypatch, pauses):
    """Run the command against a script."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)

    def run(script, *arguments):
        options = {"transport": httpx.MockTransport(script), "sleep": pauses.append}
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments], obj=options)
        assert KEY not in result.output
        assert "Traceback" not in result.output
        return result

    return run


def interrupt():
    raise KeyboardInterrupt


# --- the good way


def test_generate_prints_the_files_on_stdout_and_the_rest_on_stderr(wanx, script, answer, tmp_path):
    service = script(
        answer.created(),
        answer.polled("PENDING"),
        answer.polled("RUNNING"),
        answer.succeeded("a.png"),
        answer.picture(),
    )
    result = wanx(service, "generate", "一间花店", "-o", tmp_path)
    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path / 'a.png'}\n"
    assert re.sub(r"[\d.]+ s", "… s", result.stderr) == (
        f"task {TASK_ID} (request req-create)\n"
        "PENDING after … s\nRUNNING after … s\nSUCCEEDED after … s\n"
    )
    assert (tmp_path / "a.png").exists()


def test_generate_sends_what_the_options_say(wanx, script, answer, tmp_path):
    service = script(answer.created(), answer.succeeded("a.png"), answer.picture())
    options = "--model wan2.2-t2i-plus --size 768x1024 -n 2 --seed 7 --negative-prompt 人物 --no-prompt-extend --watermark"
    assert wanx(service, "generate", "一间花店", *options.split(), "-o", tmp_path).exit_code == 0
    assert json.loads(service.requests[0].content) == {
        "model": "wan2.2-t2i-plus",
        "input": {"prompt": "一间花店", "negative_prompt": "人物"},
        "parameters": {
            "size": "768*1024",
            "n": 2,
            "seed": 7,
            "prompt_extend": False,
            "watermark": True,
        },
    }


def test_generate_lists_the_images_that_failed(wanx, script, answer, tmp_path):
    results = [
        {"url": "https://h/a.png"},
        {"code": "InternalError.Timeout", "message": "Too\nlong."},
    ]
    service = script(
        answer.created(), answer.polled("SUCCEEDED", results=results, usage=1), answer.picture()
    )
    result = wanx(service, "generate", "一间花店", "-o", tmp_path)
    assert result.exit_code == 0
    assert "image 1 failed: InternalError.Timeout: Too long.\n" in result.stderr
    assert result.stdout == f"{tmp_path / 'a.png'}\n"


def test_generate_as_json_is_one_document(wanx, script, answer, tmp_path):
    service = script(answer.created(), answer.succeeded("a.png"), answer.picture())
    result = wanx(service, "generate", "一间花店", "-o", tmp_path, "--json")
    document = json.loads(result.stdout)
    assert (document["id"], document["status"]) == (TASK_ID, "SUCCEEDED")
    assert document["files"] == [str(tmp_path / "a.png")]
    assert document["images"][0]["url"].endswith("Signature=a%2Bb%2Fc%3D")
    assert result.stderr == ""


def test_submit_prints_the_id_alone(wanx, script, answer):
    result = wanx(script(answer.created()), "submit", "一间花店")
    assert result.exit_code == 0
    assert result.stdout == f"{TASK_ID}\n"
    assert f"wanx wait {TASK_ID}" in result.stderr


def test_status_shows_a_task(wanx, script, answer):
    result = wanx(
        script(answer.polled("RUNNING", submit_time="2025-10-28 10:00:00.123")), "status", TASK_ID
    )
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"task       {TASK_ID}",
        "status     RUNNING",
        "submitted  2025-10-28 10:00:00+08:00",
    ]


def test_status_as_json_has_times_with_their_zone(wanx, script, answer):
    result = wanx(
        script(answer.polled("RUNNING", submit_time="2025-10-28 10:00:00.123")),
        "status",
        TASK_ID,
        "--json",
    )
    assert json.loads(result.stdout)["submit_time"] == "2025-10-28T10:00:00.123000+08:00"


def test_wait_shows_the_task_with_its_urls(wanx, script, answer, pauses):
    result = wanx(
        script(answer.polled("RUNNING"), answer.succeeded("a.png")),
        "wait",
        TASK_ID,
        "--poll-interval",
        "2",
    )
    assert result.exit_code == 0
    assert "status     SUCCEEDED" in result.stdout
    assert "a.png?Expires=" in result.stdout
    assert pauses == [2]


def test_download_prints_the_files(wanx, script, answer, tmp_path):
    result = wanx(
        script(answer.succeeded("a.png"), answer.picture()), "download", TASK_ID, "-o", tmp_path
    )
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'a.png'}\n")


@pytest.mark.parametrize(("flags", "stdout"), [([], f"canceled {TASK_ID}\n"), (["--json"], None)])
def test_cancel(flags, stdout, wanx, script):
    result = wanx(
        script(lambda: httpx.Response(200, json={"request_id": "r"})), "cancel", TASK_ID, *flags
    )
    assert result.exit_code == 0
    assert result.stdout == stdout or json.loads(result.stdout)["canceled"] is True


def task_list():
    row = {
        "task_id": TASK_ID,
        "status": "FAILED",
        "model_name": "wanx-v1",
        "gmt_create": 1709260684485,
    }
    return httpx.Response(
        200, json={"total": 1, "data": [row], "total_page": 1, "page_no": 1, "page_size": 10}
    )


def test_tasks_are_a_line_each(wanx, script):
    result = wanx(script(task_list), "tasks")
    assert result.stdout == f"{TASK_ID}  FAILED     2024-03-01 10:38:04+08:00  wanx-v1\n"
    assert result.stderr == "page 1 of 1, 1 tasks in all\n"


def test_tasks_as_json(wanx, script):
    document = json.loads(wanx(script(task_list), "tasks", "--json").stdout)
    assert (document["total"], document["tasks"][0]["id"]) == (1, TASK_ID)


def test_tasks_are_asked_for_by_what_the_options_say(wanx, script):
    service = script(task_list)
    wanx(service, "tasks", "--status", "failed", "--start", "2025-10-28T10:00+08:00", "--page", "2")
    assert dict(service.requests[0].url.params) == {
        "status": "FAILED",
        "start_time": "20251028100000",
        "page_no": "2",
        "page_size": "10",
    }


def test_the_region_decides_the_host(wanx, script, answer):
    service = script(answer.polled("RUNNING"))
    wanx(service, "--region", "singapore", "status", TASK_ID)
    assert service.requests[0].url.host == "dashscope-intl.aliyuncs.com"


def test_the_base_url_beats_the_region(wanx, script, answer, monkeypatch):
    monkeypatch.setenv("WANX_REGION", "singapore")
    service = script(answer.polled("RUNNING"))
    wanx(service, "--base-url", "http://127.0.0.1:1/api/v1", "status", TASK_ID)
    assert service.requests[0].url.host == "127.0.0.1"


# --- the bad ways, each with its exit code


# What is asked, what the service does, and how the command has to end.
BAD_WAYS = {
    "task failed": (["generate", "花店"], lambda a: [a.created(), a.polled("FAILED")], 1),
    "task canceled": (["wait", TASK_ID], lambda a: [a.polled("CANCELED")], 1),
    "task unknown": (["wait", TASK_ID], lambda a: [a.polled("UNKNOWN")], 1),
    "download of a failed task": (["download", TASK_ID], lambda a: [a.polled("FAILED")], 1),
    "download too early": (["download", TASK_ID], lambda a: [a.polled("RUNNING")], 2),
    "key refused": (["submit", "花店"], lambda a: [a.refused(401, "InvalidApiKey")], 3),
    "prompt refused": (["submit", "花店"], lambda a: [a.refused(400, "DataInspectionFailed")], 3),
    "cancel refused": (["cancel", TASK_ID], lambda a: [a.refused(400, "UnsupportedOperation")], 3),
    "throttled": (["status", TASK_ID], lambda a: [a.refused(429, "Throttling")], 3),
    "service down": (["status", TASK_ID], lambda a: [a.page(503)], 3),
    "picture expired": (["download", TASK_ID], lambda a: [a.succeeded(), a.expired], 3),
    "out of patience": (["wait", TASK_ID, "--timeout", "5"], lambda a: [a.polled("RUNNING")], 4),
    "unreachable": (["status", TASK_ID], lambda _: [httpx.ConnectError("refused")], 5),
    "answer lost": (["submit", "花店"], lambda _: [httpx.ReadError("reset")], 5),
}


@pytest.mark.parametrize("case", BAD_WAYS)
def test_an_error_is_one_line_and_an_exit_code(case, wanx, script, answer):
    arguments, steps, code = BAD_WAYS[case]
    result = wanx(script(*steps(answer)), *arguments)
    assert result.exit_code == code
    assert [line.startswith("wanx: ") for line in result.stderr.splitlines()].count(True) == 1
    assert result.stderr.splitlines()[-1].startswith("wanx: ")


@pytest.mark.parametrize("case", BAD_WAYS)
def test_an_error_beside_json_is_one_document(case, wanx, script, answer):
    arguments, steps, code = BAD_WAYS[case]
    result = wanx(script(*steps(answer)), *arguments, "--json")
    error = json.loads(result.stdout)["error"]
    assert result.exit_code == error["exit_code"] == code
    assert error["message"]
    assert error["type"].endswith("Error")


@pytest.mark.parametrize("status", ["FAILED", "CANCELED", "UNKNOWN"])
def test_the_status_of_a_task_that_failed_is_exit_code_1(status, wanx, script, answer):
    result = wanx(script(answer.polled(status)), "status", TASK_ID)
    assert result.exit_code == 1
    assert f"status     {status}" in result.stdout
    assert result.stderr.startswith("wanx: ")


def test_the_status_of_a_failed_task_is_still_a_task_in_json(wanx, script, answer):
    service = script(answer.polled("FAILED", code="InvalidParameter", message="size"))
    result = wanx(service, "status", TASK_ID, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == {"code": "InvalidParameter", "message": "size"}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["generate"],
        ["paint"],
        ["generate", "花店", "-n", "two"],
        ["generate", "花店", "--timeout", "-1"],
        ["--region", "tokyo", "status", "t-1"],
        ["--base-url", "nowhere", "status", "t-1"],
        ["status", " "],
        ["tasks", "--start", "soon"],
        ["tasks", "--status", "DONE"],
    ],
)
def test_wrong_usage_is_exit_code_2_and_no_request(arguments, wanx, script, answer):
    service = script(answer.created())
    assert wanx(service, *arguments).exit_code == 2
    assert service.requests == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "--json"],
        ["--region", "tokyo", "status", "t-1", "--json"],
        ["--base-url", "nowhere", "status", "t-1", "--json"],
    ],
)
def test_wrong_usage_beside_json_is_a_document_too(arguments, wanx, script, answer):
    result = wanx(script(answer.created()), *arguments)
    assert json.loads(result.stdout)["error"]["exit_code"] == result.exit_code == 2


def test_a_prompt_that_looks_like_an_option_is_no_option(wanx, script, answer):
    service = script(answer.created())
    result = wanx(service, "submit", "--", "--json")
    assert result.stdout == f"{TASK_ID}\n"
    assert json.loads(service.requests[0].content)["input"]["prompt"] == "--json"


def test_without_a_key_it_says_which_variable_to_set(wanx, script, answer, monkeypatch):
    monkeypatch.delenv("DASHSCOPE_API_KEY")
    result = wanx(script(answer.created()), "status", TASK_ID)
    assert result.exit_code == 2
    assert "DASHSCOPE_API_KEY" in result.stderr


def test_a_misspelt_model_is_not_sent_and_the_nearest_are_named(wanx, script, answer):
    service = script(answer.created())
    result = wanx(service, "submit", "花店", "--model", "wan2.5-t2i-prewiew")
    assert result.exit_code == 2
    assert "wan2.5-t2i-preview" in result.stderr
    assert "--any-model" in result.stderr
    assert service.requests == []


def test_any_model_is_sent_on_demand(wanx, script, answer):
    service = script(answer.created())
    result = wanx(service, "submit", "花店", "--model", "wan3.0-t2i", "--any-model")
    assert result.exit_code == 0
    assert json.loads(service.requests[0].content)["model"] == "wan3.0-t2i"


def test_a_directory_that_cannot_be_written_says_how_to_get_the_pictures(
    wanx, script, answer, tmp_path
):
    (tmp_path / "file").touch()
    service = script(answer.created(), answer.succeeded("a.png"), answer.picture())
    result = wanx(service, "generate", "花店", "-o", tmp_path / "file" / "deeper")
    assert result.exit_code == 2
    assert f"wanx download {TASK_ID} -o DIR" in result.stderr


# --- breaking off


def test_ctrl_c_while_waiting_names_the_task_and_how_to_resume(wanx, script, answer):
    service = script(answer.created(), answer.polled("RUNNING"), interrupt)
    result = wanx(service, "--region", "singapore", "generate", "花店")
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == (
        f"wanx: interrupted; task {TASK_ID} goes on."
        f" Resume with: wanx --region singapore wait {TASK_ID}"
    )


def test_ctrl_c_while_downloading_names_the_download(wanx, script, answer, tmp_path):
    service = script(answer.created(), answer.succeeded("a.png"), interrupt)
    result = wanx(service, "generate", "花店", "-o", tmp_path)
    assert result.exit_code == 130
    assert f"Resume with: wanx download {TASK_ID} -o {tmp_path}" in result.stderr


@pytest.mark.parametrize("command", ["submit", "generate"])
def test_ctrl_c_while_creating_says_that_a_task_may_exist(command, wanx, script):
    result = wanx(script(interrupt), command, "花店")
    assert result.exit_code == 130
    assert "may exist and be billed. Look with: wanx tasks" in result.stderr


def test_ctrl_c_beside_json_is_a_document(wanx, script):
    result = wanx(script(interrupt), "wait", TASK_ID, "--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout)["error"]["task_id"] == TASK_ID


@pytest.mark.parametrize(
    "broken",
    [httpx.ConnectError("refused"), httpx.ReadTimeout("timed out")],
    ids=["refused", "lost"],
)
def test_a_lost_connection_while_waiting_says_how_to_resume(broken, wanx, script, answer):
    result = wanx(script(answer.created(), broken), "generate", "花店")
    assert result.exit_code == 5
    assert result.stderr.splitlines()[-1].endswith(f"Resume with: wanx wait {TASK_ID}")


def test_a_create_that_may_exist_says_where_to_look(wanx, script):
    result = wanx(script(httpx.ReadError("reset")), "submit", "花店")
    assert result.stderr.rstrip().endswith("Look with: wanx tasks")


def test_help_tells_the_exit_codes(wanx, script, answer):
    result = wanx(script(answer.created()), "--help")
    assert result.exit_code == 0
    assert "4 timed out" in " ".join(result.stdout.split())
