"""What the package offers, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import wanx_sim


def test_the_public_names_are_sorted():
    assert wanx_sim.__all__ == sorted(set(wanx_sim.__all__))


@pytest.mark.parametrize("name", wanx_sim.__all__)
def test_every_public_name_can_be_had(name):
    thing = getattr(wanx_sim, name)
    assert thing.__name__ == name
    assert thing.__module__.startswith("wanx_sim.")


def test_the_public_names_are_what_the_package_lists():
    assert dir(wanx_sim) == wanx_sim.__all__


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'wanx_sim' has no attribute 'Simulatro'"):
        _ = wanx_sim.Simulatro


def test_every_error_of_ours_is_one_tree_but_a_miss_is_no_network_error():
    ours = [
        wanx_sim.StoreError,
        wanx_sim.ServeError,
        wanx_sim.CassetteError,
        wanx_sim.UpstreamError,
    ]
    assert all(issubclass(error, wanx_sim.WanxSimError) for error in ours)
    assert issubclass(wanx_sim.CassetteMissError, AssertionError)
    assert not issubclass(wanx_sim.CassetteMissError, wanx_sim.WanxSimError)


def loaded_by(statement):
    heavy = "{'httpx', 'httpx2', 'respx', 'uvicorn', 'PIL', 'diskcache', 'redis', 'pytest', 'rich'}"
    program = f"import sys; {statement}; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "statement",
    [
        "import wanx_sim",
        "from wanx_sim import Simulator, Timing, ManualClock, Fault",
        "from wanx_sim import Simulator; Simulator()",
    ],
)
def test_no_http_library_imaging_library_or_server_is_loaded_by(statement):
    assert loaded_by(statement) == []
