"""The library's tasks, each with all its legal inputs and right answers written out by hand."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import linattn_core as la
from tests.benchmarks.trust import simulate
from tests.benchmarks.trust.judge import Case, judge
from tests.benchmarks.trust.tally import Tally
from tests.benchmarks.trust.trial import Trial, try_task

Rng = np.random.Generator


def machine(rng: Rng, states: int, letters: int) -> la.machines.Machine:
    """A random automaton, its start anywhere, so that some states may be out of reach."""
    table = rng.integers(states, size=(states, letters))
    if rng.random() < 0.3:
        table[0] = 0  # a trap, often the start
    accepting = np.flatnonzero(rng.random(states) < 0.5)
    return la.machines.Machine(
        states=tuple(f"s{i}" for i in range(states)),
        alphabet=tuple("abcdef"[:letters]),
        transitions=tuple(tuple(map(int, row)) for row in table),
        start=int(rng.integers(states)),
        accepting=tuple(map(int, accepting)),
    )


def pairs(rng: Rng, states: int, letters: int, most: int) -> tuple[tuple[str, str], ...]:
    drawn = rng.integers([states, letters], size=(rng.integers(0, most + 1), 2))
    return tuple(dict.fromkeys((f"s{q}", "abcdef"[a]) for q, a in drawn))


def step(number: int, rng: Rng, tally: Tally, name: str) -> None:
    """One automaton in the weights: withheld and added pairs, some of states that nothing reaches; noise."""
    states, letters = int(rng.integers(1, 6)), int(rng.integers(1, 4))
    made = machine(rng, states, letters)
    noise = float(rng.choice([0.0, 0.0, 0.3]))
    task = la.tasks.StepAutomaton(made)
    try:
        traces = task.traces(
            int(rng.integers(1, 12)), int(rng.integers(1000)), noise, length=int(rng.integers(1, 9)),
            withheld=pairs(rng, states, letters, 2), extra=pairs(rng, states, letters, 2),
        )  # fmt: skip
    except la.LinattnError:
        tally.add("refused", True, name, "nothing left to learn from")
        return
    legal = sorted(simulate.reachable(made.transitions, made.start))
    every = [(q, a) for q in legal for a in range(letters)]
    contexts = [simulate.step_context(q, a, states, letters) for q, a in every]
    answers = np.eye(states)[[made.transitions[q][a] for q, a in every]]
    run = try_task(Trial(task, traces, contexts, answers, noise > 0, fit=True), name, tally, rng)
    if run is not None:
        recovered(run, task, made, traces, tally, name)


def recovered(run: la.Run, task: Any, made: la.machines.Machine, traces: la.Traces, tally: Tally, name: str) -> None:
    """What is read off the layer: an edge is certified where a trace visits it, languages are equal as a walk says."""
    states, letters = len(made.states), len(made.alphabet)
    recovery = la.recover(run, task)
    visited = {(int(Z[:states, 0].argmax()), int(Z[states:-1, 0].argmax())) for Z, _ in traces}
    for edge, (q, a) in zip(recovery.edges, itertools.product(range(states), range(letters)), strict=True):
        seen = (q, a) in visited
        counter = "green and wrong" if edge.certified else "open but inside"
        tally.add(counter, edge.certified != seen, name, f"edge {q}, {a}: visited {seen}")
    off = simulate.differing(made.transitions, recovery.automaton.transitions, made.start, made.accepting, letters)
    found = recovery.counterexample
    wrong = (found is None) != (off is None) or (found is not None and len(found) != off)
    tally.add("green and wrong", wrong, name, f"counterexample {found}, a walk finds one of length {off}")


def lookup(task: Any, keys: int, values: int, traces: la.Traces, noisy: bool) -> Trial:
    every = [(table, q) for table in simulate.lookup_tables(keys, values) for q in range(keys)]
    contexts = [simulate.lookup_context(table, q, np.eye(keys), np.eye(values)) for table, q in every]
    answers = np.eye(values)[[table[q] for table, q in every]]
    return Trial(task, traces, contexts, answers, noisy, fit=keys * (1 + keys * (values - 1)) <= 20)


def universal(number: int, rng: Rng, tally: Tally, name: str) -> None:
    """Every automaton at once; the count about where the rank becomes full."""
    states, letters = [(1, 2), (2, 1), (2, 2), (2, 2), (3, 1), (2, 3), (3, 2)][int(rng.integers(7))]
    task = la.tasks.UniversalAutomaton(states, letters)
    noise = float(rng.choice([0.0, 0.0, 0.3]))
    full = task.keys * (1 + task.keys * (states - 1))
    count, seed = int(rng.integers(1, 2 * full + 3)), int(rng.integers(1000))
    named = [(q, a) for q in task.state_names for a in task.letter_names]
    left_out = [named[i] for i in rng.integers(len(named), size=rng.integers(0, 2))]
    added = [named[i] for i in rng.integers(len(named), size=rng.integers(0, 2))]
    try:
        traces = task.traces(count, seed, noise, withheld=left_out, extra=added)
    except la.LinattnError:
        tally.add("refused", True, name, "nothing left to learn from")
        return
    try_task(lookup(task, task.keys, states, traces, noise > 0), name, tally, rng)


def words(number: int, rng: Rng, tally: Tally, name: str) -> None:
    """A memory of words."""
    K, L = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    table = tuple((f"k{i}", f"v{min(i, L - 1) if i < L else rng.integers(L)}") for i in range(K))
    task = la.tasks.TableMemory(table)
    L = len({value for _, value in table})
    noise = float(rng.choice([0.0, 0.0, 0.2]))
    traces = task.traces(int(rng.integers(1, 2 * K * (1 + K * (L - 1)) + 3)), int(rng.integers(1000)), noise)
    try_task(lookup(task, K, L, traces, noise > 0), name, tally, rng)


def vectors(number: int, rng: Rng, tally: Tally, name: str) -> None:
    """A memory of vectors: heights, years, prices; keys one-hot, whole, overlapping, dependent."""
    K = int(rng.integers(1, 6))
    base = float(rng.choice([0, 1, 30, 150, 1990, 1e5]))
    kind = int(rng.integers(5))
    keys = {
        0: np.eye(K),
        1: np.round(rng.normal(size=(K, max(1, K - 1))), 2) + 0.01 * np.arange(1, K + 1)[:, None],
        2: rng.permutation(np.arange(1.0, 4 * K + 1))[: K * 2].reshape(K, 2),
        3: np.round(rng.normal(size=(K, K)), 2) + 0.01 * np.arange(1, K + 1)[:, None],
        4: np.eye(K) * 10.0 ** rng.integers(-3, 4, size=K),
    }[kind]
    values = base + np.round(rng.choice([1.0, 0.05, 7.0]) * np.arange(K), 3)[:, None]
    rows = tuple((tuple(map(float, k)), tuple(map(float, v))) for k, v in zip(keys, values, strict=True))
    try:
        task = la.tasks.VectorMemory(rows)
    except la.LinattnError as error:
        tally.add("refused", True, name, str(error))
        return
    noise = float(rng.choice([0.0, 0.0, 0.0, 0.5]))
    count = int(rng.choice([1, 5, 30, 60, 120]))
    traces = task.traces(count, int(rng.integers(1000)), noise)
    every = [(table, q) for table in simulate.lookup_tables(K, K) for q in range(K)]
    contexts = [simulate.lookup_context(table, q, keys, values) for table, q in every]
    exact = np.linalg.matrix_rank(keys) == K
    answers = np.array([values[table[q]] for table, q in every]) if exact else None
    whole = bool((keys == np.rint(keys)).all() and (values == np.rint(values)).all() and kind == 0 and base <= 1990)
    try_task(Trial(task, traces, contexts, answers, noise > 0, whole), name, tally, rng)


def associative(number: int, rng: Rng, tally: Tally, name: str) -> None:
    """The paper's memory: Gaussian, orthogonal, or both; keys alike; sums or values."""
    d, unitary = int(rng.integers(1, 3)), float(rng.choice([0.0, 0.5, 1.0]))
    answer = str(rng.choice(["sum", "value"]))
    task = la.tasks.AssociativeMemory(d, unitary, float(rng.choice([0.0, 0.0, 0.5])), answer)
    traces = task.traces(int(rng.integers(1, 80)), int(rng.integers(1000)))
    fresh = [Z for Z, _ in task.traces(20, 12_345)]
    answers = None
    if answer == "sum":
        answers = np.zeros((len(fresh), 2 * d))
        for row, Z in zip(answers, fresh, strict=True):
            row[d:] = Z[d:] @ (Z[:d].T @ Z[:d, -1])
    try_task(Trial(task, traces, fresh, answers, whole=False), name, tally, rng)


def teacher(number: int, rng: Rng, tally: Tally, name: str) -> None:
    """A random layer, and a regression in the context: dense data."""
    d, T = int(rng.integers(1, 4)), int(rng.integers(2, 9))
    if rng.random() < 0.5:
        task: Any = la.tasks.RandomTeacher(
            d, int(rng.integers(1, 3)), int(rng.integers(1, 3)), T, int(rng.integers(99))
        )
    else:
        task = la.tasks.InContextRegression(d, T)
    traces = task.traces(int(rng.integers(1, 12)), int(rng.integers(1000)), float(rng.choice([0.0, 0.2])))
    contexts, answers = [Z for Z, _ in traces], traces.targets
    asked = [contexts[0], *(Z for Z, _ in task.traces(4, 4321))][:6]
    judge(Case(contexts, answers, asked, decided=True), name, tally)


KINDS = {
    "step": (step, 0.35),
    "universal": (universal, 0.2),
    "words": (words, 0.15),
    "vectors": (vectors, 0.1),
    "associative": (associative, 0.1),
    "teacher": (teacher, 0.1),
}
"""Kind: how it is tried, and its share of the tasks."""
