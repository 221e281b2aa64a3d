"""The script against a real socket, broken connections included; nobody waits."""

from contextlib import suppress

import postcard
import pytest


def test_a_postcard_is_saved(path, wanx_sim):
    postcard.main("雪地，白色小教堂，极光", path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert wanx_sim.ledger.images == 1


@pytest.mark.parametrize("trouble", ["lost-response", "gateway-timeout"])
def test_an_order_whose_answer_was_lost_is_not_sent_again(trouble, path, wanx_sim):
    wanx_sim.faults.add(trouble)  # accepted and billed, but the script cannot know
    with suppress(SystemExit):
        postcard.main("雪地，白色小教堂，极光", path)
    wanx_sim.assert_no_duplicate_submits()


def test_whoever_ordered_is_told_that_the_answer_was_lost(path):
    with pytest.raises(SystemExit, match="任务也许已经建立并计费"):
        postcard.main("[[lost-response]] 雪地，白色小教堂，极光", path)


def test_an_order_that_was_throttled_is_sent_again(path, wanx_sim):
    postcard.main("[[throttle:2]] 雪地，白色小教堂，极光", path)
    assert path.exists()
    assert wanx_sim.ledger.images == 1


@pytest.mark.parametrize("trouble", ["poll-429", "poll-504", "dropped-poll"])
def test_polls_are_repeated(trouble, path, wanx_sim):
    wanx_sim.faults.add(trouble)
    postcard.main("雪地，白色小教堂，极光", path)
    assert path.exists()
    assert wanx_sim.ledger.images == 1


@pytest.mark.parametrize("mark", ["[[fail:InternalError.Algo]]", "[[stuck]]"])
def test_without_a_picture_it_says_why(mark, path):
    with pytest.raises(SystemExit, match=r"没画成|等了十分钟"):
        postcard.main(f"{mark} 极光", path)
    assert not path.exists()
