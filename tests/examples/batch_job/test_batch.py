"""The job, broken off at every bad moment and started again; nobody waits."""

import httpx
import pytest


def pictures(folder):
    return sorted(path.name for path in folder.glob("*.png"))


def test_every_row_gets_its_two_pictures(menu, run, folder, wanx_sim):
    run(menu(tea="一壶龙井，竹林", noodles="一碗牛肉面"))
    assert pictures(folder) == ["noodles-1.png", "noodles-2.png", "tea-1.png", "tea-2.png"]
    assert wanx_sim.ledger.images == 4


def test_a_second_run_buys_nothing(menu, run, wanx_sim):
    path = menu(tea="一壶龙井，竹林", noodles="一碗牛肉面")
    run(path)
    run(path)
    assert len(wanx_sim.requests.creates) == 2


@pytest.mark.parametrize("trouble", ["dropped-poll", "cut-download"])
def test_a_run_after_a_crash_orders_nothing_again(trouble, menu, run, folder, wanx_sim):
    path = menu(tea="一壶龙井，竹林", noodles="一碗牛肉面")
    wanx_sim.faults.add(trouble)
    with pytest.raises(httpx.HTTPError):
        run(path)
    wanx_sim.faults.clear()
    run(path)
    assert len(pictures(folder)) == 4
    wanx_sim.assert_no_duplicate_submits()


def test_an_order_whose_answer_was_lost_is_left_to_a_person(menu, run, wanx_sim):
    path = menu(tea="[[lost-response]] 一壶龙井")
    with pytest.raises(httpx.RemoteProtocolError):
        run(path)
    with pytest.raises(SystemExit, match="tea"):
        run(path)
    wanx_sim.assert_no_duplicate_submits()


@pytest.mark.parametrize("mark", ["[[moderation]]", "[[throttle:1]]"])
def test_a_refused_row_is_ordered_again_by_the_next_run(mark, menu, run, folder):
    run(menu(tea=f"{mark} 一壶龙井", noodles="一碗牛肉面"))
    assert pictures(folder) == ["noodles-1.png", "noodles-2.png"]
    run(menu(tea="一壶龙井，竹林", noodles="一碗牛肉面"))
    assert len(pictures(folder)) == 4


def test_a_picture_that_failed_does_not_stop_the_batch(menu, run, folder):
    run(menu(tea="[[partial:1]] 一壶龙井", noodles="一碗牛肉面"))
    assert pictures(folder) == ["noodles-1.png", "noodles-2.png", "tea-1.png"]


def test_a_task_that_failed_does_not_stop_the_batch(menu, run, folder):
    run(menu(tea="[[fail:InternalError.Algo]] 龙井", noodles="一碗牛肉面"))
    assert pictures(folder) == ["noodles-1.png", "noodles-2.png"]
