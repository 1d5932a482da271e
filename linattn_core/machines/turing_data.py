"""Turing machines as plain data by names, for files, and as a short list, for share links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from linattn_core.errors import MachineError
from linattn_core.machines.turing import MAX_STATES, MAX_SYMBOLS, MOVES, TuringMachine, from_table

ENTRIES = ("name", "states", "symbols", "start", "rules")
MOVE_NAMES = {move: name for name, move in MOVES.items()}

_Strict = Annotated[int, Field(strict=True)]
_Names = list[Annotated[str, Field(strict=True)]]
# name, states, symbols, rules in one row of codes, start; a number of states or symbols stands for q0.. and 0, 1, ..
_COMPACT: TypeAdapter[Any] = TypeAdapter(tuple[str, _Strict | _Names, _Strict | _Names, list[_Strict], _Strict])


def to_data(machine: TuringMachine) -> dict[str, Any]:
    """Return the machine as tables, lists and texts by names; a rule is [next state, written symbol, "L"|"R"|"H"].

    Where the machine stops without a rule there is no entry. ``from_data`` reads it back.
    """
    rules = {
        state: {
            symbol: [machine.states[rule[0]], machine.symbols[rule[1]], MOVE_NAMES[rule[2]]]
            for symbol, rule in zip(machine.symbols, row, strict=True)
            if rule is not None
        }
        for state, row in zip(machine.states, machine.rules, strict=True)
    }
    return {
        "name": machine.name,
        "states": list(machine.states),
        "symbols": list(machine.symbols),
        "start": machine.states[machine.start],
        "rules": rules,
    }


def from_data(data: Any) -> TuringMachine:
    """Return the machine of ``to_data``'s tables; raises ``MachineError`` with one sentence for anything else."""
    if not isinstance(data, Mapping):
        raise MachineError(f"The Turing machine is {data!r:.60}; it must be a table with states, symbols and rules.")
    strange = next((key for key in data if key not in ENTRIES), None)
    if strange is not None:
        raise MachineError(f"The Turing machine has the unknown entry {strange!r:.60}; known are {', '.join(ENTRIES)}.")
    for key in ("states", "symbols"):
        names = data.get(key)
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise MachineError(f"The {key} of the Turing machine are {names!r:.60}; they must be a list of names.")
    states, symbols, rules = data["states"], data["symbols"], data.get("rules")
    if not isinstance(rules, Mapping) or not all(isinstance(row, Mapping) for row in rules.values()):
        raise MachineError("The rules must be a table with a row for each state: symbol = [next, written, move].")
    unknown = next((state for state in rules if state not in states), None)
    if unknown is not None:
        raise MachineError(f"The rules name the unknown state {unknown!r:.60}; add it to the states or correct it.")
    if len(set(states)) < len(states):
        raise MachineError("The Turing machine has a state name twice; every name once, rename one.")
    table = {
        state: {symbol: _rule(state, symbol, rule) for symbol, rule in rules.get(state, {}).items()} for state in states
    }
    start = data.get("start")
    if start is not None and not isinstance(start, str):
        raise MachineError(f"The start of the Turing machine is {start!r:.40}; it must be the name of a state.")
    name = data.get("name", "machine")
    if not isinstance(name, str) or not 0 < len(name) <= 60:
        raise MachineError(f"The name of the Turing machine is {name!r:.80}; it must be text of 1 to 60 characters.")
    return from_table(table, symbols=symbols, start=start, name=name, missing_halts=True)


def _rule(state: str, symbol: Any, rule: Any) -> tuple[str, str, str]:
    if not isinstance(rule, (list, tuple)) or len(rule) != 3 or not all(isinstance(part, str) for part in rule):
        raise MachineError(
            f"The rule of state {state!r} on {symbol!r:.40} is {rule!r:.60}; it must be [next state, written symbol, "
            "'L', 'R' or 'H']."
        )
    return rule[0], rule[1], rule[2]


def default_states(count: int) -> tuple[str, ...]:
    """Return q0, q1, ..."""
    return tuple(f"q{index}" for index in range(count))


def default_symbols(count: int) -> tuple[str, ...]:
    """Return 0, 1, ...; 0 is the blank."""
    return tuple(str(index) for index in range(count))


def compact(machine: TuringMachine) -> list[Any]:
    """Return the machine as a short list; ``expand`` reads it back."""
    states, symbols = machine.states, machine.symbols
    codes = [
        -1 if rule is None else (rule[0] * len(symbols) + rule[1]) * 3 + rule[2] + 1
        for row in machine.rules
        for rule in row
    ]
    return [
        machine.name,
        len(states) if states == default_states(len(states)) else list(states),
        len(symbols) if symbols == default_symbols(len(symbols)) else list(symbols),
        codes,
        machine.start,
    ]


def expand(short: Any) -> TuringMachine:
    """Return the machine of ``compact``'s list; raises ``MachineError`` for anything else."""
    try:
        name, states, symbols, codes, start = _COMPACT.validate_python(short)
    except ValidationError as problem:
        raise MachineError("The share link holds no Turing machine; it was not made by this program.") from problem
    if isinstance(states, int):
        states = default_states(min(max(states, 0), MAX_STATES + 1))
    if isinstance(symbols, int):
        symbols = default_symbols(min(max(symbols, 0), MAX_SYMBOLS + 1))
    width = max(len(symbols), 1)
    rules = [None if code == -1 else (code // 3 // width, code // 3 % width, code % 3 - 1) for code in codes]
    rows = tuple(tuple(rules[i : i + width]) for i in range(0, len(rules), width))
    return TuringMachine(name, tuple(states), tuple(symbols), rows, start)
