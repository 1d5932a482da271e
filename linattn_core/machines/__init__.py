"""Machines as frozen values: presets, regular expressions, tables, random ones, JFLAP files; language equality."""

from linattn_core.machines.automaton import MAX_LABEL, MAX_LETTERS, MAX_STATES, Machine
from linattn_core.machines.compare import counterexample, equivalent
from linattn_core.machines.jff import read_jff, write_jff
from linattn_core.machines.presets import presets
from linattn_core.machines.regex import from_regex
from linattn_core.machines.table import from_data, from_table, random_machine, to_data
from linattn_core.machines.turing import Configuration, Simulation, TuringMachine, simulate
from linattn_core.machines.turing import from_table as turing_from_table
from linattn_core.machines.turing_presets import TuringPreset, turing_presets
from linattn_core.machines.turing_random import random_turing_machine

__all__ = [
    "MAX_LABEL",
    "MAX_LETTERS",
    "MAX_STATES",
    "Configuration",
    "Machine",
    "Simulation",
    "TuringMachine",
    "TuringPreset",
    "counterexample",
    "equivalent",
    "from_data",
    "from_regex",
    "from_table",
    "presets",
    "random_machine",
    "random_turing_machine",
    "read_jff",
    "simulate",
    "to_data",
    "turing_from_table",
    "turing_presets",
    "write_jff",
]
