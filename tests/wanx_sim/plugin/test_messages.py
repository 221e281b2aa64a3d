"""What a run says when something is wrong. Each file of `messages` is one situation, as it reads.

To write them anew after a change of words: WRITE_MESSAGES=1, and read the difference.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

MESSAGES = Path(__file__).with_name("messages")

RECORDED = """
    @pytest.mark.wanx_cassette("shop")
    def test_it():
        paint("一间花店"), paint("一间有着精致窗户的书店", 2)

    @pytest.mark.wanx_cassette("task")
    def test_task():
        order("一间花店")
"""

REPLAYED = """
    shop = pytest.mark.wanx_cassette("shop")

    @shop
    def test_another_request(): paint("一间花店", 3)

    @shop
    def test_another_request_that_is_swallowed(): swallow("一间花店", 3)

    @shop
    def test_a_request_asked_for_twice(): paint("一间花店"), paint("一间花店")

    @shop
    def test_a_stranger_s_task(): poll("86ecf553-d340-4e21-af6e-a0c6a421c010")

    @pytest.mark.wanx_cassette("shop", max_age=0, on_expired="error")
    def test_a_recording_that_is_too_old(): paint("一间花店")

    def test_no_cassette(wanx_cassette): paint("一间花店")

    @pytest.mark.wanx_cassette(mode="new_episodes")
    def test_no_key_for_new_episodes(): paint("一间花店")

    @pytest.mark.wanx_cassette(mode="once")
    def test_no_key(): paint("一间花店")

    def test_two_services(wanx_cassette, wanx_sim): paint("一间花店")

    def test_asked_past_the_cassette(wanx_cassette):
        import requests
        try:
            requests.get(BEIJING + "/tasks", timeout=1)
        except BaseException:
            pass

    def test_no_simulator_behind_the_server(wanx_cassette, wanx_server): wanx_server.sim

    @pytest.mark.wanx_cassette("shop", moode="none")
    def test_a_misspelt_setting(): paint("一间花店")

    @pytest.mark.wanx_cassette("shop", "bakery")
    def test_two_names(): paint("一间花店")

    @pytest.mark.wanx_cassette(mode="rewrite")
    def test_no_such_mode(): paint("一间花店")

    @pytest.mark.wanx_cassette(region="mars")
    def test_no_such_region(): paint("一间花店")

    @pytest.mark.wanx_cassette(max_age="a while")
    def test_no_such_age(): paint("一间花店")

    @pytest.mark.wanx_cassette(pace="soon")
    def test_no_such_pace(): paint("一间花店")

    @pytest.mark.wanx_cassette("damaged")
    def test_a_damaged_cassette(): paint("一间花店")

    @pytest.mark.wanx_cassette("shop")
    @pytest.mark.parametrize("prompt", ["It's", "海"])
    def test_parameters(prompt): paint(prompt)
"""

RECORDING = """
    def test_too_dear(wanx_cassette): swallow("一间花店", 4)

    def test_too_dear_over_a_socket(wanx_cassette, wanx_server):
        painter = Painter(wanx_server.base_url)
        try:
            painter.paint("一间花店", 4)
        except KeyError:
            pass

    def test_a_secret(wanx_cassette): swallow("my key is sk-0123456789abcdef0123456789abcdef")
"""

UNREACHABLE = """
    def test_nobody_there(wanx_cassette): swallow("一间花店")
"""


@pytest.fixture(scope="module")
def said(new_project, going_live):
    """By test: what was said of it."""
    project, live = new_project(), going_live
    budget = ("--wanx-record=all", "--wanx-budget=0.50")
    project.write(RECORDED)
    run = project.run("--wanx-record=all", "--wanx-budget=9", **live.environment)
    assert run.code == 0, run.output
    (project.folder / "cassettes/test_shop/damaged.json").write_text('{"format": "wanx-ca')
    project.write(REPLAYED)
    runs = [project.run()]
    project.write(RECORDING)
    runs.append(project.run(*budget, **live.environment))
    project.write(UNREACHABLE)
    nowhere = {
        "DASHSCOPE_HTTP_BASE_URL": "http://127.0.0.1:9/api/v1",
        "DASHSCOPE_API_KEY": "sk-any",
    }
    runs.append(project.run(*budget, **nowhere))
    project.write('def test_elsewhere(wanx_cassette): swallow("一间花店")')
    beijing = {"DASHSCOPE_HTTP_BASE_URL": "https://dashscope-intl.aliyuncs.com/api/v1"}
    runs.append(project.run(*budget, **live.environment | beijing))
    return {
        name: "\n".join(filter(None, texts)).replace(str(project.folder), "<folder>")
        for run in runs
        for name, texts in run.wrong.items()
    }


def names():
    found = re.findall(r"def test_(\w+)", REPLAYED + RECORDING + UNREACHABLE)
    return [name for name in found if name != "parameters"] + ["elsewhere"]


@pytest.mark.parametrize("name", names())
def test_it_says(said, name):
    path = MESSAGES / f"{name}.txt"
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "<task>", said[f"test_{name}"]) + "\n"
    if "WRITE_MESSAGES" in os.environ:
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.mark.parametrize("parameter", ["It's", "\\u6d77"])
def test_the_command_that_it_gives_can_be_pasted_into_a_shell(said, parameter):
    command = said[f"test_parameters[{parameter}]"].rpartition("\n")[2]
    assert shlex.split(command) == [
        "pytest",
        f"test_shop.py::test_parameters[{parameter}]",
        "--wanx-record=new_episodes",
        "--wanx-budget=0.14",
    ]


def test_each_message_is_of_a_situation_that_is_tried():
    assert {path.stem for path in MESSAGES.glob("*.txt")} == set(names())
