"""Turing machines as data, a plain simulator on a circular tape, and automata-lib's machine as an independent oracle.

Conventions. Symbol 0 is the blank. A rule (state, symbol) is a triple (next state, written symbol, move) of indices,
with move LEFT = -1, RIGHT = +1 or HALT = 0: write, change state, then stop where the head is (the busy beaver's "1RH"
counts as such a step). ``None`` means "stop here": nothing is written and no step is counted. The tape has n cells in a
circle; as long as a run does not wrap round it (``Simulation.wrapped``) it is the run on an infinite tape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from linattn_core.errors import MachineError

if TYPE_CHECKING:
    from automata.tm.dtm import DTM

LEFT, HALT, RIGHT = -1, 0, 1
MOVES = {"L": LEFT, "R": RIGHT, "H": HALT}
MAX_STATES, MAX_SYMBOLS, MAX_CELLS, MAX_STEPS, MAX_NAME = 64, 16, 512, 1_000_000, 60
ORACLE_HALT = "halt"

Rule = tuple[int, int, int]


@dataclass(frozen=True)
class TuringMachine:
    """A deterministic one-tape machine: ``rules[q][a]`` is what state q does on symbol a, ``None`` if it stops there.

    ``symbols[0]`` is the blank; ``start`` is a state index. Raises ``MachineError`` on the first fault found.
    """

    name: str
    states: tuple[str, ...]
    symbols: tuple[str, ...]
    rules: tuple[tuple[Rule | None, ...], ...]
    start: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", tuple(self.states))
        object.__setattr__(self, "symbols", tuple(self.symbols))
        object.__setattr__(self, "rules", tuple(tuple(_as_rule(r) for r in row) for row in self.rules))
        _check_names("states", self.states, MAX_STATES)
        _check_names("symbols", self.symbols, MAX_SYMBOLS)
        if len(self.rules) != len(self.states) or any(len(row) != len(self.symbols) for row in self.rules):
            raise MachineError(
                f"rules: got {[len(row) for row in self.rules]} entries a state, wanted {len(self.symbols)} for "
                f"each of {len(self.states)} states; write None where the machine stops."
            )
        if not 0 <= self.start < len(self.states):
            raise MachineError(f"start: got {self.start}, wanted a state index from 0 to {len(self.states) - 1}.")
        for q, row in enumerate(self.rules):
            for a, rule in enumerate(row):
                if rule is not None:
                    self._check_rule(f"rule of state {self.states[q]!r} on {self.symbols[a]!r}", rule)

    def _check_rule(self, where: str, rule: Rule) -> None:
        state, symbol, move = rule
        if not 0 <= state < len(self.states):
            raise MachineError(f"{where}: got next state {state}, wanted an index from 0 to {len(self.states) - 1}.")
        if not 0 <= symbol < len(self.symbols):
            raise MachineError(f"{where}: got written symbol {symbol}, wanted 0 to {len(self.symbols) - 1}.")
        if move not in (LEFT, RIGHT, HALT):
            raise MachineError(f"{where}: got move {move}, wanted -1 (left), +1 (right) or 0 (write, then halt).")

    def table(self) -> np.ndarray:
        """Return the rules as integers (Q, S, 3): next state, written symbol, move; ``None`` as (q, a, HALT)."""
        return np.array(self.explicit().rules, dtype=np.int64)

    def padded(self, states: int, symbols: int) -> TuringMachine:
        """Return the machine with more states and symbols, which stop at once; ``MachineError`` if it is larger."""
        Q, S = len(self.states), len(self.symbols)
        if states < Q or symbols < S:
            raise MachineError(
                f"machine {self.name!r}: got {Q} states and {S} symbols, wanted at most {states} and {symbols}; "
                "enlarge the sizes or take a smaller machine."
            )
        rows = [row + (None,) * (symbols - S) for row in self.rules] + [(None,) * symbols] * (states - Q)
        return TuringMachine(
            self.name,
            self.states + fresh_names("q", states - Q, self.states),
            self.symbols + fresh_names("s", symbols - S, self.symbols),
            tuple(rows),
            self.start,
        )

    def explicit(self) -> TuringMachine:
        """Return the machine with every ``None`` written out as a rule that changes nothing and halts."""
        rows = tuple(
            tuple((q, a, HALT) if r is None else r for a, r in enumerate(row)) for q, row in enumerate(self.rules)
        )
        return TuringMachine(self.name, self.states, self.symbols, rows, self.start)

    def encode(self, word: str | Sequence[str]) -> tuple[int, ...]:
        """Return the symbol indices of a word (a string, or a list when symbols have several characters)."""
        index = {s: i for i, s in enumerate(self.symbols)}
        unknown = [s for s in word if s not in index]
        if unknown:
            raise MachineError(f"tape: got unknown symbol {unknown[0]!r}, wanted symbols among {list(self.symbols)}.")
        return tuple(index[s] for s in word)

    def to_dtm(self) -> DTM:
        """Return automata-lib's ``DTM`` (infinite tape), an independent oracle; see ``oracle_run`` for a bounded run.

        Symbol i becomes the one character ``chr(97 + i)``, state q the text "q<index>", and a rule that halts goes to
        the extra final state "halt" without moving. Where the rule is ``None`` the DTM has no transition and rejects.
        """
        from automata.tm.dtm import DTM

        letters = [chr(97 + a) for a in range(len(self.symbols))]
        direction: dict[int, Literal["L", "R", "N"]] = {LEFT: "L", RIGHT: "R", HALT: "N"}
        transitions = {
            f"q{q}": {
                letters[a]: (ORACLE_HALT if rule[2] == HALT else f"q{rule[0]}", letters[rule[1]], direction[rule[2]])
                for a, rule in enumerate(row)
                if rule is not None
            }
            for q, row in enumerate(self.rules)
        }
        return DTM(
            states={*transitions, ORACLE_HALT},
            input_symbols=set(letters[1:]),
            tape_symbols=set(letters),
            transitions=transitions,
            initial_state=f"q{self.start}",
            blank_symbol=letters[0],
            final_states={ORACLE_HALT},
        )


def from_table(
    table: Mapping[str, Mapping[str, tuple[str, str, str]]],
    *,
    symbols: Sequence[str],
    start: str | None = None,
    name: str = "machine",
    missing_halts: bool = False,
) -> TuringMachine:
    """Make a machine from ``{state: {symbol: (next state, written symbol, "L" | "R" | "H")}}``, symbols[0] the blank.

    "H" writes, changes state, then halts. A missing rule is a fault unless ``missing_halts`` says that it means "stop".
    Raises ``MachineError``.
    """
    states = tuple(table)
    index = {q: i for i, q in enumerate(states)}
    letters = {a: i for i, a in enumerate(symbols)}
    for q, row in table.items():
        for a, (target, written, move) in row.items():
            where = f"rule of state {q!r} on {a!r}"
            for got, known, what in ((a, letters, "symbol"), (written, letters, "written symbol")):
                if got not in known:
                    raise MachineError(f"{where}: got unknown {what} {got!r}, wanted one of {list(symbols)}.")
            if target not in index:
                raise MachineError(f"{where}: got unknown next state {target!r}, wanted one of {list(states)}.")
            if move not in MOVES:
                raise MachineError(f"{where}: got move {move!r}, wanted 'L' (left), 'R' (right) or 'H' (halt).")
        absent = [a for a in symbols if a not in row]
        if absent and not missing_halts:
            raise MachineError(
                f"state {q!r}: got no rule for {absent[0]!r}, wanted one for every symbol; add it, or say that missing "
                "rules halt."
            )
    if start is not None and start not in index:
        raise MachineError(f"start: got unknown state {start!r}, wanted one of {list(states)}.")
    rules = tuple(
        tuple((index[row[a][0]], letters[row[a][1]], MOVES[row[a][2]]) if a in row else None for a in symbols)
        for row in table.values()
    )
    return TuringMachine(name, states, tuple(symbols), rules, index[start] if start is not None else 0)


@dataclass(frozen=True)
class Configuration:
    """What a machine looks like between two steps: state and head are indices, ``tape`` holds n symbol indices.

    ``state`` is None where it is not known: after a halt in a design that does not keep it.
    """

    state: int | None
    head: int
    tape: tuple[int, ...]
    halted: bool = False


@dataclass(frozen=True)
class Simulation:
    """A run: the configurations from the first to the last, and why it ended.

    ``halted``: a halting rule was reached (otherwise the step limit was). ``wrapped``: the run needed more cells than
    the circle has, so it differs from the run on an infinite tape.
    """

    configurations: tuple[Configuration, ...]
    halted: bool
    wrapped: bool

    @property
    def steps(self) -> int:
        """Steps taken, a halting step included."""
        return len(self.configurations) - 1


def as_tape(tape: Sequence[int], cells: int, symbols: int) -> tuple[int, ...]:
    """Return ``tape`` padded with blanks to ``cells`` symbol indices. Raises ``MachineError`` if it does not fit."""
    if not 2 <= cells <= MAX_CELLS:
        raise MachineError(f"cells: got {cells}, wanted from 2 to {MAX_CELLS}; on one cell a move changes nothing.")
    if len(tape) > cells:
        raise MachineError(f"tape: got {len(tape)} symbols, wanted at most n = {cells}; raise the number of cells.")
    bad = [a for a in tape if not 0 <= int(a) < symbols]
    if bad:
        raise MachineError(f"tape: got symbol index {bad[0]}, wanted 0 (blank) to {symbols - 1}.")
    return tuple(int(a) for a in tape) + (0,) * (cells - len(tape))


def check_steps(steps: int) -> int:
    """Return ``steps``, or raise ``MachineError`` unless it is from 0 to ``MAX_STEPS``."""
    if not 0 <= steps <= MAX_STEPS:
        raise MachineError(f"steps: got {steps}, wanted from 0 to {MAX_STEPS:,}; a machine may never halt by itself.")
    return steps


def simulate(
    machine: TuringMachine, tape: Sequence[int], cells: int, max_steps: int = 1000, *, head: int = 0
) -> Simulation:
    """Run the machine on a circle of ``cells`` cells, at most ``max_steps`` steps, the head first at ``head``."""
    content = list(as_tape(tape, cells, len(machine.symbols)))
    check_steps(max_steps)
    if not 0 <= head < cells:
        raise MachineError(f"head: got cell {head}, wanted from 0 to {cells - 1}.")
    used = [i for i, a in enumerate(content) if a] + [head]
    low, high, unrolled, state = min(used), max(used), head, machine.start
    found = [Configuration(state, head, tuple(content))]
    while len(found) <= max_steps:
        rule = machine.rules[state][content[unrolled % cells]]
        if rule is None:
            found[-1] = Configuration(state, unrolled % cells, tuple(content), True)
            break
        state, content[unrolled % cells], move = rule
        unrolled += move
        low, high = min(low, unrolled), max(high, unrolled)
        found.append(Configuration(state, unrolled % cells, tuple(content), move == HALT))
        if move == HALT:
            break
    return Simulation(tuple(found), found[-1].halted, high - low >= cells)


def oracle_run(machine: TuringMachine, tape: Sequence[int], max_steps: int) -> list[tuple[str, int, dict[int, int]]]:
    """Run automata-lib's DTM for at most ``max_steps`` steps: (state, head, {cell: symbol, blanks left out}) each.

    Cells are numbered on the infinite tape, cell 0 the first of ``tape``, where the head starts. automata-lib re-bases
    its tape when the head leaves it to the left, which is undone here; its generator never ends for a looping machine
    and raises where no rule is, which both end the list.
    """
    from automata.base.exceptions import RejectionException

    word = "".join(chr(97 + a) for a in tape)
    run = machine.to_dtm().read_input_stepwise(word)
    found: list[tuple[str, int, dict[int, int]]] = []
    origin, previous_length = 0, 0
    try:
        for configuration in islice(run, max_steps + 1):
            strip = configuration.tape
            before = found[-1][1] if found else 0
            # The head at the left end stays at position 0 when it moves left: the tape grew by a cell in front.
            if found and strip.current_position == 0 and before == -origin and len(strip.tape) > previous_length:
                origin += 1
            previous_length = len(strip.tape)
            cells = {i - origin: ord(c) - 97 for i, c in enumerate(strip.tape) if c != "a"}
            found.append((configuration.state, strip.current_position - origin, cells))
    except RejectionException:
        return found
    return found


def _as_rule(rule: Sequence[int] | None) -> Rule | None:
    if rule is None:
        return None
    if len(rule) != 3:
        raise MachineError(f"rule: got {tuple(rule)}, wanted (next state, written symbol, move) or None.")
    state, symbol, move = (int(x) for x in rule)
    return state, symbol, move


def _check_names(what: str, names: tuple[str, ...], most: int) -> None:
    if not 1 <= len(names) <= most:
        raise MachineError(f"{what}: got {len(names)}, wanted from 1 to {most}.")
    for name in names:
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME:
            raise MachineError(f"{what}: got the name {name!r}, wanted text of 1 to {MAX_NAME} characters.")
    double = [n for n in names if names.count(n) > 1]
    if double:
        raise MachineError(f"{what}: got {double[0]!r} twice, wanted every name once; rename one.")


def fresh_names(letter: str, count: int, taken: tuple[str, ...]) -> tuple[str, ...]:
    """Return ``count`` new names, numbered from the position they stand at."""
    names: list[str] = []
    number = len(taken)
    while len(names) < count:
        if f"{letter}{number}" not in taken:
            names.append(f"{letter}{number}")
        number += 1
    return tuple(names)
