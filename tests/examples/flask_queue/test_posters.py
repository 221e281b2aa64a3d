"""The shop and its worker, each asked as in production; 通义万相 is simulated, and nobody waits."""

import pytest
from posters import create_app


@pytest.fixture
def shop(tmp_path):
    return create_app(str(tmp_path / "posters.sqlite"))


def ordered(shop, prompt="雪地，白色小教堂，极光"):
    """Order a poster; the URL that it is to be found at."""
    answer = shop.test_client().post("/posters", data={"prompt": prompt})
    assert answer.status_code == 202
    return answer.json["poster"]


def work(shop):
    """What runs beside the shop, until no job is open."""
    result = shop.test_cli_runner().invoke(args=["work"], catch_exceptions=False)
    assert result.exit_code == 0


def test_a_poster_is_there_once_the_worker_has_worked(shop, wanx_sim):
    url = ordered(shop)
    assert shop.test_client().get(url).status_code == 202
    work(shop)
    assert shop.test_client().get(url).data.startswith(b"\x89PNG")
    assert wanx_sim.ledger.images == 1


def test_a_poster_that_was_forgotten_is_given_up(shop, wanx_sim):
    url = ordered(shop)
    wanx_sim.clock.advance(hours=25)  # over the weekend no worker ran
    work(shop)
    assert shop.test_client().get(url).json == {"status": "UNKNOWN"}
    wanx_sim.assert_polls_at_most(1)


def test_one_failure_does_not_hold_up_the_others(shop):
    bad, good = ordered(shop, "[[fail:InternalError.Algo]] 一间花店"), ordered(shop)
    work(shop)
    assert shop.test_client().get(bad).json == {"status": "FAILED"}
    assert shop.test_client().get(good).status_code == 200


def test_a_refused_prompt_is_explained_at_once(shop):
    answer = shop.test_client().post("/posters", data={"prompt": "[[moderation]] 花店"})
    assert answer.status_code == 422
    assert "inappropriate content" in answer.json["error"]


def test_a_poster_that_nobody_ordered_is_not_found(shop):
    assert shop.test_client().get("/posters/none").status_code == 404
