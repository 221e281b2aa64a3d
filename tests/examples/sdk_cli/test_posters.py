"""The command as it is typed; the official SDK asks a simulator, and nobody waits."""

import pytest

from wanx_sim import Fault


def test_a_picture_lies_in_the_folder(run, tmp_path):
    result = run("一间有着精致窗户的花店")
    assert result.exit_code == 0, result.output
    picture = tmp_path / "一间有着精致窗户的花店-1.png"
    assert result.output.strip() == str(picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_whoever_asks_for_one_picture_pays_for_one(run, wanx_sim):
    assert run("一间有着精致窗户的花店").exit_code == 0
    assert wanx_sim.ledger.images == 1
    assert wanx_sim.ledger.cost == 0.20  # CNY


def test_four_pictures_are_bought_only_when_asked_for(run, wanx_sim):
    assert run("一间花店", "-n", "4").exit_code == 0
    assert wanx_sim.ledger.cost == 0.80


def test_the_good_pictures_are_saved_if_some_fail(run, tmp_path):
    assert run("[[partial:1]] 花店", "-n", "2").exit_code == 0
    assert len(list(tmp_path.glob("*.png"))) == 1


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("[[moderation]]", "Input data may contain inappropriate content."),
        ("[[fail:InternalError.Algo]]", "An internal error has occured during execution"),
    ],
)
def test_a_refusal_is_shown_in_the_service_s_words(mark, words, run, tmp_path):
    result = run(f"{mark} 花店")
    assert result.exit_code == 1
    assert words in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_poll_that_fails_for_good_is_shown_too(run, wanx_sim):
    wanx_sim.faults.add(Fault(on="query", code="InternalError", times=None))
    result = run("一间花店")
    assert result.exit_code == 1
    assert result.output.startswith("Error: InternalError: ")
