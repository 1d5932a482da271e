"""Turing machines in JFLAP's .jff files: one tape, the empty symbol is the blank.

Here a rule writes, moves and may halt; in JFLAP a machine halts where it enters a final state or has no rule, and a
move may also be S, stay. So a final state becomes a state without rules, a rule that stays is joined with the rule that
follows it (same tape, fewer steps), and on the way out a halting rule leads to a final twin of its state.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from linattn_core.errors import MachineError, TooLargeError
from linattn_core.machines import jff_xml as xml
from linattn_core.machines.turing import HALT, LEFT, MAX_STATES, MAX_SYMBOLS, RIGHT, Rule, TuringMachine

BLANKS = ("", "\u25a1")  # JFLAP writes an empty element and shows a white square
MOVES = {"L": LEFT, "R": RIGHT, "S": HALT}  # S into a final state halts; any other S is joined with its successor
LETTERS = {LEFT: "L", RIGHT: "R", HALT: "S"}

Found = dict[tuple[int, str], tuple[int, str, int]]


def read_turing(root: ET.Element, name: str) -> tuple[TuringMachine, tuple[str, ...]]:
    """Return the machine of a file of type turing, and remarks; raises MachineError or TooLargeError."""
    _check_one_tape(root)
    body, ours = xml.body_of(root), root.find(xml.OURS)
    declared = [] if ours is None else [symbol.text or "" for symbol in ours.iterfind("symbol")]
    states = xml.read_states(body, 2 * MAX_STATES)  # halting states have twins
    found: Found = {}
    for source, target, element in xml.transitions(body, states):
        where = f"The transition from {states[source].name[:40]!r} to {states[target].name[:40]!r}"
        read, written = (_symbol(element, tag, declared, where) for tag in ("read", "write"))
        move = (xml.text_of(element, "move") or "").strip()
        if move not in MOVES:
            raise MachineError(f"{where} moves {move[:20]!r}; the head moves L (left), R (right) or S (stays).")
        if (source, read) in found:
            shown = f"{read!r}" if read else "the blank"
            raise MachineError(
                f"State {states[source].name[:40]!r} has two transitions on {shown}; only deterministic Turing "
                "machines are supported, so remove one."
            )
        found[source, read] = (target, written, MOVES[move])
    twins = _twins(ours, states)
    start = next((index for index, state in enumerate(states) if state.initial), None)
    if start is None or start in twins:
        raise MachineError("The Turing machine of the .jff file has no initial state; mark one in JFLAP.")
    if declared:
        return _built(ours, states, (found, twins, start), tuple(declared), name), ()
    symbols = _symbols(found)
    remarks = _joined(found, states)
    return _built(ours, states, (found, twins, start), symbols, name), remarks


def write_turing(machine: TuringMachine) -> bytes:
    """Write a Turing machine; raises MachineError where a name holds a character that XML cannot."""
    root, ours, body = xml.new_root("turing", name=machine.name)
    halting = sorted({rule[0] for row in machine.rules for rule in row if rule is not None and rule[2] == HALT})
    twin = {state: len(machine.states) + rank for rank, state in enumerate(halting)}
    for number, symbol in enumerate(machine.symbols):
        ET.SubElement(ours, "symbol").text = xml.checked(symbol)
        if number == 0 and symbol != symbol.strip():
            raise MachineError(f"The blank symbol {symbol!r} begins or ends with a space; rename it before exporting.")
    for state, number in twin.items():
        ET.SubElement(ours, "halting", {"state": str(number), "of": str(state)})
    places = xml.circle(len(machine.states) + len(twin))
    for number, state_name in enumerate(machine.states):
        xml.add_state(body, xml.State(str(number), state_name, places[number], number == machine.start, False))
    for state, number in twin.items():
        label = f"{machine.states[state]} halts"
        xml.add_state(body, xml.State(str(number), label, places[number], False, True))
    tape = ("", *machine.symbols[1:])  # JFLAP's blank is empty
    for source, row in enumerate(machine.rules):
        for read, rule in zip(tape, row, strict=True):
            if rule is not None:
                target = twin[rule[0]] if rule[2] == HALT else rule[0]
                parts = {"read": read, "write": tape[rule[1]], "move": LETTERS[rule[2]]}
                xml.add_transition(body, str(source), str(target), **parts)
    return xml.to_bytes(root)


def _check_one_tape(root: ET.Element) -> None:
    tapes = (xml.text_of(root, "tapes") or "1").strip()
    several = tapes != "1" or any(part.get("tape", "1") != "1" for part in root.iter() if part.tag in ("read", "write"))
    if several:
        raise MachineError("The .jff file holds a Turing machine with several tapes; one tape is supported.")


def _symbol(element: ET.Element, tag: str, declared: list[str], where: str) -> str:
    """Return a tape symbol, "" for the blank; JFLAP's shorthands and several symbols at once are refused."""
    text = xml.text_of(element, tag)
    if text is None:
        raise MachineError(f"{where} has no <{tag}>; save the file again with JFLAP.")
    if declared:
        if text and text not in declared[1:]:
            raise MachineError(f"{where} uses the symbol {text[:40]!r}, which the file does not declare.")
        return text
    if text in BLANKS:
        return ""
    if text == "~" or (text[0] == "!" and len(text) > 1) or "}" in text:
        raise MachineError(
            f"{where} uses JFLAP's shorthand {text[:40]!r} for several symbols; write one transition for each symbol."
        )
    if len(text) > 1:
        raise MachineError(f"{where} has {text[:40]!r} as one symbol; a tape cell of JFLAP holds one character.")
    return text


def _symbols(found: Found) -> tuple[str, ...]:
    """Return the blank, shown as an underscore where that is free, then the symbols sorted."""
    used = sorted({s for (_, read), (_, written, _) in found.items() for s in (read, written) if s})
    if len(used) >= MAX_SYMBOLS:
        raise TooLargeError(f"The Turing machine uses {len(used)} symbols; at most {MAX_SYMBOLS - 1} and a blank fit.")
    blank = next(shown for shown in ("_", "\u25a1", "blank") if shown not in used)
    return (blank, *used)


def _twins(ours: ET.Element | None, states: list[xml.State]) -> dict[int, int]:
    """Return {number of a final twin: number of the state it stands for}, from our own element."""
    if ours is None:
        return {}
    number = {state.id: index for index, state in enumerate(states)}
    twins = {}
    for element in ours.iterfind("halting"):
        twin, state = number.get(element.get("state", "")), number.get(element.get("of", ""))
        if twin is None or state is None:
            raise MachineError("The .jff file names a halting state that it does not hold; export it again.")
        twins[twin] = state
    if set(twins) & set(twins.values()):
        raise MachineError("The .jff file names a halting state of a halting state; export it again.")
    return twins


def _joined(found: Found, states: list[xml.State]) -> tuple[str, ...]:
    """Drop the rules of final states and join each rule that stays with the one that follows; says what was done."""
    final = {index for index, state in enumerate(states) if state.final}
    dropped = [pair for pair in found if pair[0] in final]
    for pair in dropped:
        del found[pair]
    staying = [pair for pair, rule in found.items() if rule[2] == HALT and (rule[0], rule[1]) in found]
    result = {pair: _follow(pair, found, states) for pair in staying}
    found.update(result)
    remarks = []
    if dropped:
        remarks.append(f"Left out, since the machine halts in a final state: {_count(dropped)} out of one.")
    if staying:
        remarks.append(
            f"Joined with what follows, for the same tape in fewer steps: {_count(staying)} that stay in place."
        )
    return tuple(remarks)


def _count(transitions: list[tuple[int, str]]) -> str:
    return f"{len(transitions)} transition{'s' * (len(transitions) > 1)}"


def _follow(pair: tuple[int, str], found: Found, states: list[xml.State]) -> tuple[int, str, int]:
    seen = {pair}
    rule = found[pair]
    while rule[2] == HALT and (rule[0], rule[1]) in found:
        pair = (rule[0], rule[1])
        if pair in seen:
            raise MachineError(
                f"The Turing machine stays at one cell for ever from state {states[pair[0]].name[:40]!r} on; "
                "mend its transitions that stay."
            )
        seen.add(pair)
        rule = found[pair]
    return rule


def _built(
    ours: ET.Element | None,
    states: list[xml.State],
    parts: tuple[Found, dict[int, int], int],
    symbols: tuple[str, ...],
    name: str,
) -> TuringMachine:
    found, twins, start = parts
    kept = [index for index in range(len(states)) if index not in twins]
    if len(kept) > MAX_STATES:
        raise TooLargeError(f"The Turing machine has {len(kept)} states; at most {MAX_STATES} are supported.")
    rank = {index: number for number, index in enumerate(kept)}
    column = {"": 0, **{symbol: number for number, symbol in enumerate(symbols) if number}}

    def rule(source: int, symbol: str) -> Rule | None:
        if (source, symbol) not in found:
            return None
        target, written, move = found[source, symbol]
        if target in twins and move != HALT:
            raise MachineError("The .jff file moves into a halting state; export it again.")
        return (rank[twins.get(target, target)], column[written], move)

    reads = ("", *symbols[1:])
    return TuringMachine(
        name=name if ours is None else ours.get("name", name),
        states=tuple(states[index].name for index in kept),
        symbols=symbols,
        rules=tuple(tuple(rule(source, symbol) for symbol in reads) for source in kept),
        start=rank[start],
    )
