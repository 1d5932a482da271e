"""A Turing machine's rules as an editable sheet, and back: plain conversions between a machine and rows of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd  # type: ignore[import-untyped]

from linattn_core.errors import MachineError
from linattn_core.machines.turing import HALT, LEFT, RIGHT, Rule, TuringMachine

STATE, READ, NEXT, WRITE, MOVE = "state", "reads", "next state", "writes", "then"
MOVES = {"left": LEFT, "right": RIGHT, "halt": HALT}
STOP = "stop"  # no rule: the machine stops where it is, and nothing is written
CHOICES = (*MOVES, STOP)
_NAMES = {move: name for name, move in MOVES.items()}


def sheet(machine: TuringMachine) -> pd.DataFrame:
    """One row a (state, symbol): what is written, which state follows, and where the head goes."""
    rows = []
    for state, rules in zip(machine.states, machine.rules, strict=True):
        for symbol, rule in zip(machine.symbols, rules, strict=True):
            cells = (None, None, STOP) if rule is None else _cells(machine, rule)
            rows.append({STATE: state, READ: symbol, WRITE: cells[0], NEXT: cells[1], MOVE: cells[2]})
    return pd.DataFrame(rows, columns=[STATE, READ, WRITE, NEXT, MOVE])


def _cells(machine: TuringMachine, rule: Rule) -> tuple[str, str, str]:
    return machine.symbols[rule[1]], machine.states[rule[0]], _NAMES[rule[2]]


def edited(base: TuringMachine, edits: Mapping[str, Any]) -> TuringMachine:
    """The machine of the sheet of `base` after the editor's `edits`, which come from a browser and may hold anything.

    Raises MachineError with one sentence for a rule with something missing or unknown.
    """
    rows = sheet(base).to_dict("records")
    changed = edits.get("edited_rows")
    for number, cells in (changed if isinstance(changed, Mapping) else {}).items():
        if not str(number).isdigit() or int(number) >= len(rows) or not isinstance(cells, Mapping):
            continue
        row = rows[int(number)]
        row.update({column: value for column, value in cells.items() if column in (NEXT, WRITE, MOVE)})
        if row[MOVE] == STOP and MOVE not in cells and (cells.get(NEXT) or cells.get(WRITE)):
            row[MOVE] = None  # a state or symbol was chosen where there was no rule: the move is still to come
    rules = [_rule(base, row) for row in rows]
    width = len(base.symbols)
    table = tuple(tuple(rules[i : i + width]) for i in range(0, len(rules), width))
    return TuringMachine(base.name, base.states, base.symbols, table, base.start)


def _rule(base: TuringMachine, row: Mapping[str, Any]) -> Rule | None:
    where = f"The rule of state {row[STATE]!r} on {row[READ]!r}"
    target, written, move = row[NEXT], row[WRITE], row[MOVE]
    if move == STOP or not (target or written or move):
        return None
    for value, known, what in ((written, base.symbols, "symbol to write"), (target, base.states, "next state")):
        if not value:
            raise MachineError(f"{where} has no {what} yet; choose one, or let the machine stop there.")
        if value not in known:
            raise MachineError(f"{where} has the {what} {value!r:.60}, which the machine does not have.")
    if move not in MOVES:
        raise MachineError(
            f"{where} has no move yet; choose left, right, halt or stop."
            if not move
            else f"{where} moves {move!r:.40}; a move is left, right, halt or stop."
        )
    return base.states.index(target), base.symbols.index(written), MOVES[move]


def with_names(machine: TuringMachine, states: Sequence[str], symbols: Sequence[str]) -> TuringMachine:
    """`machine` with these states and symbols, the blank first; what keeps its name keeps its rules.

    A single name exchanged for another is a renaming; a new state stops on everything until its rules are given, and a
    rule that led to what is gone is gone.
    """
    if not states or not symbols:
        raise MachineError("The machine needs at least one state and one symbol, the blank; write their names.")
    state_of, symbol_of = _sources(machine.states, states), _sources(machine.symbols, symbols)
    new_state = {old: new for new, old in state_of.items()}
    new_symbol = {old: new for new, old in symbol_of.items()}

    def rule(state: str, symbol: str) -> Rule | None:
        if state not in state_of or symbol not in symbol_of:
            return None
        old = machine.rules[machine.states.index(state_of[state])][machine.symbols.index(symbol_of[symbol])]
        if old is None:
            return None
        target, written = new_state.get(machine.states[old[0]]), new_symbol.get(machine.symbols[old[1]])
        return None if target is None or written is None else (states.index(target), symbols.index(written), old[2])

    start = new_state.get(machine.states[machine.start])
    rules = tuple(tuple(rule(state, symbol) for symbol in symbols) for state in states)
    return TuringMachine(
        machine.name, tuple(states), tuple(symbols), rules, states.index(start) if start is not None else 0
    )


def _sources(old: Sequence[str], new: Sequence[str]) -> dict[str, str]:
    """{new name: the old name it stands for}: the same name, or the one renamed."""
    gone, added = [name for name in old if name not in new], [name for name in new if name not in old]
    renamed = {added[0]: gone[0]} if len(gone) == len(added) == 1 else {}
    return {name: name for name in new if name in old} | renamed
