"""Machines as frozen values: presets, regular expressions, tables, random ones, JFLAP files; language equality."""

from linattn_core.machines.automaton import MAX_LABEL, MAX_LETTERS, MAX_STATES, Machine
from linattn_core.machines.compare import counterexample, equivalent
from linattn_core.machines.jff import read_jff, write_jff
from linattn_core.machines.presets import presets
from linattn_core.machines.regex import from_regex
from linattn_core.machines.table import from_data, from_table, random_machine, to_data

__all__ = [
    "MAX_LABEL",
    "MAX_LETTERS",
    "MAX_STATES",
    "Machine",
    "counterexample",
    "equivalent",
    "from_data",
    "from_regex",
    "from_table",
    "presets",
    "random_machine",
    "read_jff",
    "to_data",
    "write_jff",
]
