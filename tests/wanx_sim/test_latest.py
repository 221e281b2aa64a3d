"""A mapping that keeps what was put in of late."""

from __future__ import annotations

from wanx_sim.latest import Latest


def test_what_was_put_in_first_goes_first_however_often_it_was_read():
    latest = Latest(2)
    for key in "abc":
        latest.keep(key, key.upper())
        assert latest.get("a") == ("A" if key != "c" else None)
    assert list(latest.items()) == [("b", "B"), ("c", "C")]


def test_what_is_put_in_anew_is_kept_once():
    latest = Latest(2)
    for key in "aaab":
        latest.keep(key, key)
    assert list(latest) == ["a", "b"]
