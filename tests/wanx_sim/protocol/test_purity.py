"""The protocol is pure: what it says follows from its arguments."""

from __future__ import annotations

import subprocess
import sys


def test_the_protocol_brings_in_no_http_library_store_clock_or_picture():
    program = (
        "import sys, pkgutil, importlib, wanx_sim.protocol as p\n"
        "for module in pkgutil.iter_modules(p.__path__):\n"
        "    importlib.import_module(f'{p.__name__}.{module.name}')\n"
        "heavy = {'httpx', 'httpx2', 'respx', 'uvicorn', 'diskcache', 'PIL', 'click', 'rich',\n"
        "         'wanx_sim.clock', 'wanx_sim.simulator', 'wanx_sim.stores', 'wanx_sim.faces'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"
