"""The bug, brought back: one 429 on a poll ends the wait, though the picture is paid for."""

import pytest
import test_bot
from bot import Painter

pytestmark = pytest.mark.anyio


class NaivePainter(Painter):
    async def look(self, task_id):
        async with self.http.get(f"{self.base}/tasks/{task_id}", headers=self.headers) as answer:
            answer.raise_for_status()
            return (await answer.json())["output"]


@pytest.fixture
def naive(bot):
    bot.painter = NaivePainter(bot.painter.http)
    return bot


async def test_on_a_good_day_nothing_shows(naive, user, wanx_sim):
    await test_bot.test_a_user_gets_a_picture(naive, user, wanx_sim)


async def test_the_suite_sees_that_a_429_ends_the_wait(naive, user, wanx_sim):
    with pytest.raises(AssertionError):
        await test_bot.test_a_poll_without_an_answer_costs_nobody_their_picture(
            "poll-429", naive, user, wanx_sim
        )
    assert wanx_sim.ledger.images == 1  # paid for, and never shown
