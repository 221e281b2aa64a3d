"""Users write to the bot, several at once; 通义万相 is simulated, and nobody waits."""

import asyncio

import pytest

from wanx_sim import Fault

pytestmark = pytest.mark.anyio


async def test_a_user_gets_a_picture(bot, user, wanx_sim):
    await bot.on_message(user, "/draw 一只戴草帽的橘猫")
    ((caption, picture),) = user.shown
    assert caption == "一只戴草帽的橘猫"
    assert picture.startswith(b"\x89PNG")
    assert wanx_sim.ledger.images == 1


async def test_many_users_at_once_get_a_picture_each(bot, make_user, wanx_sim):
    users = [make_user() for _ in range(5)]
    messages = [bot.on_message(user, f"/draw {at}只橘猫") for at, user in enumerate(users, 1)]
    await asyncio.gather(*messages)
    assert len({picture for user in users for _, picture in user.shown}) == 5
    assert wanx_sim.ledger.images == 5


@pytest.mark.parametrize("trouble", ["poll-429", "poll-504", "dropped-poll"])
async def test_a_poll_without_an_answer_costs_nobody_their_picture(trouble, bot, user, wanx_sim):
    wanx_sim.faults.add(*Fault.preset(trouble, times=3))
    await bot.on_message(user, "/draw 一只戴草帽的橘猫")
    assert len(user.shown) == 1


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        ("[[moderation]]", "inappropriate content"),
        ("[[fail:InternalError.Algo]]", "internal error"),
    ],
)
async def test_a_user_is_told_why_there_is_no_picture(mark, reason, bot, user):
    await bot.on_message(user, f"/draw {mark} 橘猫")
    assert user.said[-1].startswith("没画成：")
    assert reason in user.said[-1]
    assert user.shown == []


async def test_the_bot_gives_up_after_ten_minutes(bot, user, wanx_sim):
    await bot.on_message(user, "/draw [[stuck]] 橘猫")
    assert user.said[-1] == "没画成：等了十分钟还没画完"
    wanx_sim.assert_polls_at_most(60)


async def test_whoever_writes_something_else_is_told_how(bot, user, wanx_sim):
    await bot.on_message(user, "你好")
    assert user.said == ["写 /draw 加上你想看的画面"]
    assert len(wanx_sim.requests) == 0
