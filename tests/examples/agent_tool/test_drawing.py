"""The tool as a model calls it; 通义万相 is simulated, and nobody waits."""

from pathlib import Path

import pytest
from drawing import ADVICE, SCHEMA

from wanx_client import AuthenticationError, ContentRejectedError, WanxClient


def test_a_picture_is_saved(tool, ask, wanx_sim):
    (file,) = ask(tool, prompt="一只戴草帽的橘猫", size="1280*720")["files"]
    assert Path(file).read_bytes().startswith(b"\x89PNG")
    assert wanx_sim.ledger.images == 1


@pytest.mark.parametrize("size", SCHEMA["function"]["parameters"]["properties"]["size"]["enum"])
def test_every_size_that_the_model_is_offered_is_one(size, tool, ask):
    assert "files" in ask(tool, prompt="橘猫", size=size)


@pytest.mark.wanx(api_keys={"sk-of-singapore": "singapore"})
def test_the_model_is_told_that_key_and_region_do_not_match(tool, ask):
    with WanxClient("sk-of-singapore", region="beijing") as tool.client:
        answer = ask(tool, prompt="一只戴草帽的橘猫")
    assert "A key is valid in its own region only" in answer["error"]
    assert "(Beijing)" in answer["error"]
    assert answer["advice"] == ADVICE[AuthenticationError]
    assert "sk-of-singapore" not in str(answer)


def test_a_prompt_that_was_refused_is_not_sent_again(tool, ask, wanx_sim):
    answer = ask(tool, prompt="[[moderation]] 橘猫")
    assert answer["advice"] == ADVICE[ContentRejectedError]
    assert len(wanx_sim.requests.creates) == 1


@pytest.mark.parametrize(
    ("trouble", "advice"),
    [
        ("lost-response", "may exist and be paid for"),
        ("arrears", "no credit"),
        ("failed-task", "Tell the user"),
        ("slow-task", "Tell the user"),
    ],
)
def test_each_trouble_comes_with_advice(trouble, advice, tool, ask, wanx_sim):
    wanx_sim.faults.add(trouble)
    assert advice in ask(tool, prompt="橘猫")["advice"]


def test_a_size_of_the_model_s_own_making_can_be_corrected(tool, ask):
    answer = ask(tool, prompt="橘猫", size="10*10")
    assert answer["advice"] == "Correct the arguments, then call again."
