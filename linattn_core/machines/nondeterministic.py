"""Nondeterministic drawings made deterministic, then minimal: before and after in one value."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import networkx as nx
from automata.fa.dfa import DFA

from linattn_core.errors import MachineError, TooLargeError
from linattn_core.machines.automaton import MAX_STATES, Machine
from linattn_core.machines.sketch import EPSILON, Point, Sketch, beside, fresh

MAX_SUBSETS = 4_000  # sets of states that the subset construction may meet
SHORT = 16  # characters of a composed state name; a longer one is replaced by a number

Subset = tuple[int, ...]


@dataclass(frozen=True)
class Determinised:
    """A drawing made deterministic: `subset` by the subset construction, `minimal` with equal states merged.

    subset: None where it has more than MAX_STATES states though the minimal machine has not.
    subsets[i]: the drawn states that state i of the subset construction stands for; none for the trap.
    merged[j]: the numbers i of the subset construction's states that state j of `minimal` stands for.
    All three accept the same words.
    """

    sketch: Sketch
    subset: Machine | None
    minimal: Machine
    subsets: tuple[tuple[str, ...], ...]
    merged: tuple[tuple[int, ...], ...]


def determinise(sketch: Sketch) -> Determinised:
    """Make a drawing deterministic, then minimal; states numbered breadth-first, unreachable ones left out.

    Equivalent to automata-lib's DFA.from_nfa and DFA.minify, which have no bound. Raises MachineError where the drawing
    has no start state or no letter, TooLargeError where more than MAX_STATES states would be left.
    """
    if sketch.start is None or not sketch.alphabet:
        raise MachineError(sketch.faults()[0])
    found = _subsets(sketch)
    number = {subset: i for i, subset in enumerate(found)}
    rows = [[number[target] for target in row] for row in found.values()]
    final = [i for subset, i in number.items() if set(subset) & set(sketch.accepting)]
    merged = _minimised(rows, final)
    if len(merged) > MAX_STATES:
        raise TooLargeError(
            f"The smallest deterministic automaton of this drawing has {len(merged)} states; "
            f"at most {MAX_STATES} are supported, so use a simpler one."
        )
    names = _subset_names(sketch, list(found))
    block_of = {i: j for j, block in enumerate(merged) for i in block}
    minimal = _machine(
        sketch,
        _merged_names([[names[i] for i in block] for block in merged]),
        [[block_of[target] for target in rows[block[0]]] for block in merged],
        [j for j, block in enumerate(merged) if block[0] in final],
    )
    subset = None
    if len(rows) <= MAX_STATES:
        subset = _machine(sketch, names, rows, final, _kept_positions(sketch, list(found)))
    if subset is not None and len(merged) == len(rows):
        minimal = subset  # nothing merged: the same names at the same places
    members = tuple(tuple(sketch.states[p] for p in drawn) for drawn in found)
    return Determinised(sketch, subset, minimal, members, merged)


def _minimised(rows: list[list[int]], final: list[int]) -> tuple[tuple[int, ...], ...]:
    """Return the classes of states that accept the same words, ordered by their first member."""
    dfa = DFA(
        states=set(range(len(rows))),
        input_symbols={str(letter) for letter in range(len(rows[0]))},
        transitions={i: {str(letter): target for letter, target in enumerate(row)} for i, row in enumerate(rows)},
        initial_state=0,
        final_states=set(final),
    )
    return tuple(sorted(tuple(sorted(block)) for block in dfa.minify(retain_names=True).states))


def _subsets(sketch: Sketch) -> dict[Subset, list[Subset]]:
    """Run the subset construction: set -> the sets it goes to, a letter each, in breadth-first order from the start."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(sketch.states)))
    graph.add_edges_from((e.source, e.target) for e in sketch.edges if EPSILON in e.letters)
    closure = {p: {p, *nx.descendants(graph, p)} for p in graph}
    assert sketch.start is not None
    first: Subset = tuple(sorted(closure[sketch.start]))
    rows: dict[Subset, list[Subset]] = {first: []}
    queue = deque([first])
    while queue:
        subset = queue.popleft()
        for letter in sketch.alphabet:
            moved = {q for p in subset for q in sketch.moves.get((p, letter), ())}
            target: Subset = tuple(sorted(set().union(*(closure[q] for q in moved))))
            rows[subset].append(target)
            if target not in rows:
                rows[target] = []
                queue.append(target)
        if len(rows) > MAX_SUBSETS:
            raise TooLargeError(
                f"Making this drawing deterministic needs more than {MAX_SUBSETS:,} sets of states; use a simpler one."
            )
    return rows


def _machine(
    sketch: Sketch,
    states: Iterable[str],
    rows: Iterable[Iterable[int]],
    accepting: Iterable[int],
    positions: tuple[Point, ...] | None = None,
) -> Machine:
    return Machine(
        name=sketch.name,
        states=tuple(states),
        alphabet=sketch.alphabet,
        transitions=tuple(tuple(row) for row in rows),
        accepting=tuple(accepting),
        positions=positions,
    )


def _subset_names(sketch: Sketch, found: list[Subset]) -> list[str]:
    """Names: a single state its own, the empty set "trap", others {q0,q1} where that is short and free."""
    taken, names = set(sketch.states), []
    for number, subset in enumerate(found):
        if len(subset) == 1:
            names.append(sketch.states[subset[0]])
            continue
        wished = "{" + ",".join(sketch.states[p] for p in subset) + "}" if subset else "trap"
        names.append(fresh(wished if len(wished) <= SHORT else f"set {number}", taken))
        taken.add(names[-1])
    return names


def _merged_names(blocks: list[list[str]]) -> list[str]:
    """Names of merged states: q1=q2 where that is short and free, else a number."""
    taken, names = {block[0] for block in blocks if len(block) == 1}, []
    for number, block in enumerate(blocks):
        joined = "=".join(block)
        name = block[0] if len(block) == 1 else fresh(joined if len(joined) <= SHORT else f"class {number}", taken)
        taken.add(name)
        names.append(name)
    return names


def _kept_positions(sketch: Sketch, found: list[Subset]) -> tuple[Point, ...] | None:
    """Positions where every set is one drawn state or the trap; other sets have no natural place."""
    if sketch.positions is None or any(len(subset) > 1 for subset in found):
        return None
    return tuple(sketch.positions[s[0]] if s else beside(sketch.positions) for s in found)
