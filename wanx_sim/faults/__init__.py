"""Faults: the ways in which the real service makes applications suffer, switched on when wanted.

fault      one fault as a value: which requests it strikes, what they get, how often
armed      the faults of a simulator, and whose turn it is
strike     one fault on its way through one request
effects    what a fault makes of an answer
presets    situations by name, with where they were seen (`presets.toml`)
tables     faults as TOML and JSON tables

There is one model for all the doors: Python (`Simulator.faults`), a TOML file
(``wanx-sim serve --faults FILE``), the admin API and marks in a prompt (`wanx_sim.magic`).
"""

from .armed import Faults
from .fault import Fault
from .presets import Preset, presets
from .tables import load, read

__all__ = ["Fault", "Faults", "Preset", "load", "presets", "read"]
