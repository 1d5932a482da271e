"""Language equality of two machines, and a shortest word on which they differ."""

from collections import deque

from linattn_core.machines.automaton import Machine

_Pair = tuple[int | None, int | None]  # None: a letter the machine does not know was read, it rejects for ever


def counterexample(m1: Machine, m2: Machine) -> tuple[str, ...] | None:
    """A shortest word that exactly one of the two accepts, as a tuple of letters; None where the languages are equal.

    The alphabets may differ: a machine rejects every word with a letter it does not know. Breadth-first search over
    pairs of states, at most (Q1 + 1)(Q2 + 1) of them. Equivalent to the minimum word of automata-lib's
    `symmetric_difference`, which joins letters of several characters into one string and so cannot be split again.
    """
    letters = m1.alphabet + tuple(letter for letter in m2.alphabet if letter not in m1.alphabet)
    start: _Pair = (m1.start, m2.start)
    came_from: dict[_Pair, tuple[_Pair, str] | None] = {start: None}
    queue = deque([start])
    while queue:
        pair = queue.popleft()
        if (pair[0] in m1.accepting) != (pair[1] in m2.accepting):
            return _spell(pair, came_from)
        for letter in letters:
            target = (_next(m1, pair[0], letter), _next(m2, pair[1], letter))
            if target not in came_from:
                came_from[target] = (pair, letter)
                queue.append(target)
    return None


def equivalent(m1: Machine, m2: Machine) -> bool:
    """Whether both accept the same words (equal to automata-lib's `==` where the alphabets are equal)."""
    return counterexample(m1, m2) is None


def _next(machine: Machine, state: int | None, letter: str) -> int | None:
    if state is None or letter not in machine.alphabet:
        return None
    return machine.transitions[state][machine.letter_index(letter)]


def _spell(pair: _Pair, came_from: dict[_Pair, tuple[_Pair, str] | None]) -> tuple[str, ...]:
    word = []
    step = came_from[pair]
    while step is not None:
        word.append(step[1])
        step = came_from[step[0]]
    return tuple(reversed(word))
