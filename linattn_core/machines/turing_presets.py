"""Ready-made Turing machines, each with a tape to start from and a sentence on what to see."""

from __future__ import annotations

from dataclasses import dataclass

from linattn_core.machines.turing import TuringMachine, from_table


@dataclass(frozen=True)
class TuringPreset:
    """A machine, a word for its tape (one character a cell), enough cells not to wrap, and what it does."""

    machine: TuringMachine
    word: str
    cells: int
    says: str


def turing_presets() -> dict[str, TuringPreset]:
    """Return the presets by name."""
    entries = (
        _increment(),
        _increment_low_first(),
        _parity(),
        _palindromes(),
        _copy(),
        _addition(),
        *_busy_beavers(),
        _busy_beaver_4(),
        _looping(),
    )
    return {p.machine.name: p for p in entries}


def _preset(name: str, symbols: str, lines: str, word: str, cells: int, says: str) -> TuringPreset:
    """Read a table written one state a line: ``state: rule rule ...``, a rule ``<written><move><next>`` or ``-``."""
    table: dict[str, dict[str, tuple[str, str, str]]] = {}
    for line in lines.strip().splitlines():
        state, rules = line.split(":")
        entries = zip(symbols, rules.split(), strict=True)
        table[state.strip()] = {a: (r[2:], r[0], r[1]) for a, r in entries if r != "-"}
    machine = from_table(table, symbols=tuple(symbols), name=name, missing_halts=True)
    return TuringPreset(machine, word, cells, says)


def _increment() -> TuringPreset:
    return _preset(
        "binary increment",
        "_01",
        """
        right: _Lcarry 0Rright 1Rright
        carry: 1Hcarry 1Hcarry 0Lcarry
        """,
        "1011",
        8,
        "Adds one to a binary number: runs to its right end, then carries leftwards.",
    )


def _increment_low_first() -> TuringPreset:
    return _preset(
        "increment, lowest bit first",
        "01",
        "carry: 1Hcarry 0Rcarry",
        "11",
        4,
        "Adds one to a binary number whose lowest bit stands first: one state, two symbols.",
    )


def _parity() -> TuringPreset:
    return _preset(
        "parity",
        "01",
        """
        even: 0Heven 1Rodd
        odd: 1Heven 1Reven
        """,
        "11",
        4,
        "Reads a block of ones and makes their number even: writes a one behind it if the block was odd.",
    )


def _palindromes() -> TuringPreset:
    return _preset(
        "palindromes",
        "_ab",
        """
        start: _Hstart _Rhave-a _Rhave-b
        have-a: _Lwant-a aRhave-a bRhave-a
        want-a: _Hwant-a _Lreturn -
        have-b: _Lwant-b aRhave-b bRhave-b
        want-b: _Hwant-b - _Lreturn
        return: _Rstart aLreturn bLreturn
        """,
        "abba",
        6,
        "Erases equal letters from both ends; the word is a palindrome if and only if it halts on a blank tape.",
    )


def _copy() -> TuringPreset:
    return _preset(
        "copy",
        "01",
        """
        take: - 0Rskip
        skip: 0Rwrite 1Rskip
        write: 1Lback 1Rwrite
        back: 0Lhome 1Lback
        home: 1Rtake 1Lhome
        """,
        "11",
        6,
        "Copies a block of ones behind a zero: 11 becomes 11011.",
    )


def _addition() -> TuringPreset:
    return _preset(
        "unary addition",
        "01",
        """
        first: 1Rsecond 1Rfirst
        second: 0Lerase 1Rsecond
        erase: - 0Herase
        """,
        "11011",
        7,
        "Adds two blocks of ones: fills the gap and erases the last one.",
    )


def _busy_beavers() -> tuple[TuringPreset, ...]:
    return (
        _preset(
            "busy beaver 2",
            "01",
            """
            A: 1RB 1LB
            B: 1LA 1HB
            """,
            "",
            4,
            "The two-state busy beaver: 6 steps, four ones.",
        ),
        _preset(
            "busy beaver 3, most ones",
            "01",
            """
            A: 1RB 1HA
            B: 0RC 1RB
            C: 1LC 1LA
            """,
            "",
            6,
            "Three states: 14 steps, six ones; no three-state machine leaves more.",
        ),
        _preset(
            "busy beaver 3, most steps",
            "01",
            """
            A: 1RB 1HA
            B: 1LB 0RC
            C: 1LC 1LA
            """,
            "",
            6,
            "Three states: 21 steps, five ones; no halting three-state machine runs longer.",
        ),
    )


def _busy_beaver_4() -> TuringPreset:
    return _preset(
        "busy beaver 4",
        "01",
        """
        A: 1RB 1LB
        B: 1LA 0LC
        C: 1HC 1LD
        D: 1RD 0RA
        """,
        "",
        14,
        "Four states: 107 steps, thirteen ones; no halting four-state machine runs longer.",
    )


def _looping() -> TuringPreset:
    return _preset(
        "looping",
        "01",
        """
        left: 0Lleft 1Rright
        right: 0Rright 1Lleft
        """,
        "1001",
        4,
        "Walks between two marks for ever: only the step limit ends it.",
    )
