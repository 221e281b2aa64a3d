"""How a timing is spelt, and what it makes of a task."""

from __future__ import annotations

from random import Random

import pytest

from wanx_sim import Timing
from wanx_sim.protocol.lifecycle import Leg


@pytest.mark.parametrize(
    ("text", "pending", "running"),
    [
        ("instant", Leg(seconds=0.0), Leg(seconds=0.0)),
        ("polls:1,1", Leg(polls=1), Leg(polls=1)),
        ("polls:0,12", Leg(polls=0), Leg(polls=12)),
        ("seconds:0.5,2", Leg(seconds=0.5), Leg(seconds=2.0)),
        ("seconds:10,0", Leg(seconds=10.0), Leg(seconds=0.0)),
        ("fast", Leg(seconds=0.5), Leg(seconds=2.0)),
        ("manual", Leg(), Leg()),
        (" polls: 1 , 2 ", Leg(polls=1), Leg(polls=2)),
    ],
)
def test_a_timing_is_two_legs(text, pending, running):
    assert Timing.parse(text).legs(Random(1)) == (pending, running)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "polls",
        "polls:1",
        "polls:1,2,3",
        "polls:1.5,2",
        "polls:-1,1",
        "seconds:1",
        "seconds:1.2.3,4",
        "seconds:.,1",
        "seconds:a,b",
        "minutes:1,2",
        "Instant",
        "realistic:1",
    ],
)
def test_anything_else_is_refused_with_the_grammar(text):
    with pytest.raises(ValueError, match=r"no timing is spelt .*; known: instant, polls:P,R"):
        Timing.parse(text)


@pytest.mark.parametrize("text", ["polls:3,4", "seconds:0.5,2", "realistic", "manual"])
def test_a_timing_is_shown_as_it_is_spelt(text):
    assert str(Timing.parse(text)) == text


def test_fast_and_instant_are_shown_as_the_seconds_they_are():
    assert [str(Timing.parse(text)) for text in ("fast", "instant")] == [
        "seconds:0.5,2",
        "seconds:0,0",
    ]


def test_realistic_draws_from_the_generator():
    timing = Timing.parse("realistic")
    assert timing.legs(Random(1)) == timing.legs(Random(1))
    assert timing.legs(Random(1)) != timing.legs(Random(2))


@pytest.mark.parametrize("text", ["instant", "polls:1,1", "seconds:1,2", "manual"])
def test_no_other_timing_draws(text):
    generator = Random(1)
    before = generator.getstate()
    Timing.parse(text).legs(generator)
    assert generator.getstate() == before


@pytest.mark.proves("timing.realistic")
@pytest.mark.parametrize("seed", range(20))
def test_realistic_is_one_to_two_minutes(seed):
    pending, running = Timing.parse("realistic").legs(Random(seed))
    assert 60 <= pending.seconds + running.seconds <= 120


@pytest.mark.proves("timing.prompt-extend")
def test_prompt_extend_adds_its_seconds_to_running_only():
    timing = Timing.parse("realistic")
    plain, extended = timing.legs(Random(1)), timing.legs(Random(1), prompt_extend=True)
    assert extended[0] == plain[0]
    assert extended[1].seconds == plain[1].seconds + 3.5
