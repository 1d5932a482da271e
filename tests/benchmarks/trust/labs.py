"""Whole labs through ``la.experiment``: is the colour of the light the true one?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import linattn_core as la
from linattn_core.lab import (
    AutomatonBuild,
    LearnerSpec,
    MemoryBuild,
    SequencesBuild,
    TeacherBuild,
    TraceSpec,
    TuringBuild,
)
from linattn_core.sequences import Sequences
from tests.benchmarks.trust import simulate
from tests.benchmarks.trust.judge import Case, Court, mean_square
from tests.benchmarks.trust.measure import Measure
from tests.benchmarks.trust.oracles import Range
from tests.benchmarks.trust.tally import Tally
from tests.benchmarks.trust.tasks import machine, pairs
from tests.benchmarks.trust.trial import distinct, unique

Rng = np.random.Generator
MISSED = 1e-5  # of the largest answer: a green layer that is farther off is wrong


@dataclass(frozen=True, eq=False)
class Legal:
    """What the lab's light speaks of, by hand: inputs that span all legal ones, and the right answers.

    contexts None: nobody knows the legal inputs, so all of them count. ``answers`` None: no layer answers exactly.
    ``whole``: integers, so that grey is no answer. ``sampled``: the contexts are a sample, which proves nothing inside.
    """

    contexts: Sequence[np.ndarray] | None
    answers: np.ndarray | None
    whole: bool = False
    sampled: bool = False


def try_lab(lab: la.Lab, legal: Legal, name: str, tally: Tally) -> la.Experiment | None:
    """Run the lab and hold its light against the exact range of its traces."""
    court = Court(Case([], np.empty((0, 0)), []), name, tally)
    found = court.guarded("experiment", lambda: la.experiment(lab))
    light = None if found is None else court.guarded("light", lambda: found.light)
    if light is None:
        return None
    rows = unique([Z for Z, _ in found.traces])
    known = Range(rows)
    measure = Measure(rows, known)
    d = found.task.dim
    if legal.contexts is None:
        outside, covered = [], known.rank == d * d * (d + 1) // 2
    else:
        inside = known.holds(legal.contexts)
        outside, covered = [Z for Z, ok in zip(legal.contexts, inside, strict=True) if not ok], bool(inside.all())
    excused = not legal.whole and (measure.fragile or any(measure.outside_by_a_hair(Z) for Z in outside[:1]))
    colours(court, lab, found, light, legal, covered, excused)
    amber(court, found, light, known)
    return found


def colours(
    court: Court, lab: la.Lab, found: la.Experiment, light: Any, legal: Legal, covered: bool, excused: bool
) -> None:
    """Compare the colour with what is exactly so."""
    colour = light.colour
    said = f"{light.title!r}: covered {covered}, rank {found.run.certificate.rank}, mse {found.run.training_mse:.1e}"
    court.count("green and wrong", colour == "green" and not covered and not excused, said)
    faulty = colour == "green" and bool(lab.traces.noise or lab.learner.ridge or legal.answers is None)
    court.count("green and wrong", faulty, f"no exact truth: {said}")
    court.count("green and wrong", colour in ("blue", "red") and not covered and not excused, said)
    if not legal.sampled:
        court.count("open but inside", colour == "amber" and covered and not excused, said)
    grey = colour == "grey" and not (lab.learner.ridge and not covered)  # a ridge leaves no twin where data are open
    court.count("undecided", grey and not excused, said)
    if legal.whole:
        court.count("undecided where it must decide", grey, f"{said}; {light.reason}")
    if colour == "green" and legal.contexts is not None and legal.answers is not None:
        given = np.array([found.run.predictor(Z) for Z in legal.contexts])
        size = np.abs(legal.answers).max() or 1.0
        off = float(np.abs(given - legal.answers).max())
        court.count("green and wrong", off > MISSED * size, f"{said}; a legal answer is {off:.1e} off {size:.1e}")


def amber(court: Court, found: la.Experiment, light: Any, known: Range) -> None:
    """An amber light shows a twin: another answer at an input that is open indeed, and the same loss, computed here."""
    if light.colour != "amber":
        return
    twins = found.evidence.twins
    court.count("amber without twin", twins is None, light.title)
    if twins is None:
        return
    contexts, answers, weights = distinct(found.traces)
    case = Case(contexts, answers, [], weights)
    losses = mean_square(found.run.predictor, case), mean_square(twins.predictor, case)
    mean = float(np.average(np.sum(answers**2, axis=1), weights=weights))
    unequal = abs(losses[1] - losses[0]) > 1e-6 * losses[0] + 1e-12 * mean
    same = np.allclose(twins.learned, twins.other, rtol=1e-6, atol=0)
    note = f"losses {losses[0]:.3g}, {losses[1]:.3g}, mean y^2 {mean:.2g}, answers {twins.learned}, {twins.other}"
    court.count("twin of unequal loss", bool(unequal or same), note)
    court.count("open but inside", bool(known.holds([twins.context])[0]), f"a twin at an input inside: {twins.words}")


def drawn_traces(rng: Rng, count: int, noise: float, **more: Any) -> TraceSpec:
    return TraceSpec(count=count, seed=int(rng.integers(1000)), noise=noise, **more)


def learner(rng: Rng) -> LearnerSpec:
    return LearnerSpec(ridge=float(rng.choice([0.0] * 6 + [0.1])), heads=str(rng.choice(["svd", "svd", "typed"])))


def step(rng: Rng, name: str, tally: Tally) -> None:
    """An automaton in the weights; red where it is covered and the language is another."""
    states, letters = int(rng.integers(1, 6)), int(rng.integers(1, 4))
    made = machine(rng, states, letters)
    spec = drawn_traces(
        rng, int(rng.integers(1, 25)), float(rng.choice([0.0, 0.0, 0.1, 0.7])), length=int(rng.integers(1, 9)),
        withheld=pairs(rng, states, letters, 2), extra=pairs(rng, states, letters, 2),
    )  # fmt: skip
    every = [(q, a) for q in sorted(simulate.reachable(made.transitions, made.start)) for a in range(letters)]
    contexts = [simulate.step_context(q, a, states, letters) for q, a in every]
    answers = np.eye(states)[[made.transitions[q][a] for q, a in every]]
    lab = la.Lab(build=AutomatonBuild(machine=made), traces=spec, learner=learner(rng))
    found = try_lab(lab, Legal(contexts, answers, whole=True), name, tally)
    if found is not None:
        red(found, made, tally, name)


def red(found: la.Experiment, made: la.machines.Machine, tally: Tally, name: str) -> None:
    """Red says that the learned automaton accepts another language, green that it does not: so a walk must say."""
    assert found.recovery is not None
    learned = found.recovery.automaton.transitions
    off = simulate.differing(made.transitions, learned, made.start, made.accepting, len(made.alphabet))
    colour = found.light.colour
    wrong = colour in ("green", "red") and (off is None) == (colour == "red")
    tally.add("green and wrong", wrong, name, f"{colour}, and a walk finds a word of length {off} that differs")


def universal(rng: Rng, name: str, tally: Tally) -> None:
    """All automata in the prompt, some with rules repeated as a run leaves them behind, some of larger size."""
    sizes = [(1, 2), (2, 1), (2, 2), (2, 2), (3, 1)][int(rng.integers(5))]
    made = machine(rng, *sizes)
    states = sizes[0] + int(rng.random() < 0.1)
    history = bool(rng.random() < 0.25)
    K = states * sizes[1]
    full = K * (1 + K * (states - (0 if history else 1)))
    spec = drawn_traces(rng, int(rng.integers(1, 3 * full + 3)), float(rng.choice([0.0, 0.0, 0.2])))
    build = AutomatonBuild(machine=made, encoding="universal", states=states, history=history)
    every = [(table, q) for table in simulate.lookup_tables(K, states, 100) for q in range(K)]
    contexts = [simulate.lookup_context(table, q, np.eye(K), np.eye(states)) for table, q in every]
    answers = np.eye(states)[[table[q] for table, q in every]]
    if history:
        for (table, q), used in itertools.product(list(every), range(K)):
            Z = simulate.lookup_context(table, q, np.eye(K), np.eye(states))
            contexts.append(np.hstack([Z[:, :-1], Z[:, [used]], Z[:, -1:]]))
            answers = np.vstack([answers, np.eye(states)[table[q]] * (1 + (used == q))])
    lab = la.Lab(build=build, traces=spec, learner=learner(rng))
    found = try_lab(lab, Legal(contexts, answers, whole=True), name, tally)
    if found is not None:
        red(found, made, tally, name)


def memory(rng: Rng, name: str, tally: Tally) -> None:
    """Words by every embedding, vectors, and fresh random memories."""
    kind = str(rng.choice(["words", "embedded", "vectors", "random"]))
    noise = float(rng.choice([0.0, 0.0, 0.0, 0.1]))
    K, L = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    table = tuple((f"k{i}", f"v{i if i < L else rng.integers(L)}") for i in range(K))
    L = len({value for _, value in table})
    spec = drawn_traces(rng, int(rng.integers(1, 2 * K * (1 + K * (L - 1)) + 3)), noise)
    if kind == "words":
        lab = la.Lab(build=MemoryBuild(table=table), traces=spec, learner=learner(rng))
        try_lab(lab, tables(np.eye(K), np.eye(L), True), name, tally)
    elif kind == "embedded":
        build = MemoryBuild(
            table=table, embedding=str(rng.choice(["one-hot", "gaussian", "unitary"])), dim=int(rng.integers(1, 5)),
            correlation=float(rng.choice([0.0, 0.5, 0.9])),
        )  # fmt: skip
        lab = la.Lab(build=build, traces=spec, learner=learner(rng))
        task = lab.task()
        embedded = isinstance(task, la.tasks.VectorMemory)
        keys, values = (task.keys, task.values) if embedded else (np.eye(K), np.eye(L))
        try_lab(lab, tables(keys, values, not embedded), name, tally)
    elif kind == "vectors":
        K = int(rng.integers(2, 7))
        base = float(rng.choice([0, 30, 150, 1990, 1e5]))
        vectors = tuple((tuple(float(i == j) for j in range(K)), (base + i,)) for i in range(K))
        spec = drawn_traces(rng, int(rng.choice([5, 30, 60, 200])), noise)
        lab = la.Lab(build=MemoryBuild(vectors=vectors), traces=spec, learner=learner(rng))
        try_lab(lab, tables(np.eye(K), np.array([[base + i] for i in range(K)]), base < 2000), name, tally)
    else:
        random_memory(rng, name, tally, noise)


def tables(keys: np.ndarray, values: np.ndarray, whole: bool) -> Legal:
    K, L = len(keys), len(values)
    every = [(table, q) for table in simulate.lookup_tables(K, L) for q in range(K)]
    contexts = [simulate.lookup_context(table, q, keys, values) for table, q in every]
    exact = np.linalg.matrix_rank(keys) == K
    answers = np.array([values[table[q]] for table, q in every])
    return Legal(contexts, answers if exact else None, whole)


def random_memory(rng: Rng, name: str, tally: Tally, noise: float) -> None:
    d, unitary = int(rng.integers(1, 3)), float(rng.choice([0.0, 0.5, 1.0]))
    answer = str(rng.choice(["sum", "value"]))
    spec = drawn_traces(rng, int(rng.integers(1, 120)), noise)
    lab = la.Lab(build=MemoryBuild(dim=d, unitary=unitary, answer=answer), traces=spec, learner=learner(rng))
    fresh = [Z for Z, _ in lab.task().traces(60, 999)]
    answers = np.array([np.concatenate([np.zeros(d), Z[d:] @ (Z[:d].T @ Z[:d, -1])]) for Z in fresh])
    exact = answer == "sum" or unitary == 1.0
    if answer == "value" and exact:
        answers = np.array([np.concatenate([np.zeros(d), _value(Z, d)]) for Z in fresh])
    try_lab(lab, Legal(fresh, answers if exact else None, sampled=True), name, tally)


def _value(Z: np.ndarray, d: int) -> np.ndarray:
    return Z[d:, int(np.argmax((Z[:d, :-1] == Z[:d, -1:]).all(axis=0)))]


def teacher(rng: Rng, name: str, tally: Tally) -> None:
    build = TeacherBuild(dim=int(rng.integers(1, 4)), heads=int(rng.integers(1, 3)), seed=int(rng.integers(99)))
    spec = drawn_traces(rng, int(rng.integers(1, 6)), float(rng.choice([0.0, 0.1])), length=int(rng.integers(2, 9)))
    lab = la.Lab(build=build, traces=spec, learner=learner(rng))
    truth = lab.task().truth
    fresh = [rng.normal(size=(build.dim, n)) for n in (1, 2, 3, 4) for _ in range(5)]
    answers = np.array(
        [sum(V @ Z @ (Z.T @ Q @ Z[:, -1]) for V, Q in zip(truth.V, truth.Q, strict=True)) for Z in fresh]
    )
    try_lab(lab, Legal(fresh, answers, sampled=True), name, tally)


def sequences(rng: Rng, name: str, tally: Tally) -> None:
    """A user's own numbers: offsets, scales, flags that come late; never green."""
    d, N = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    lengths = rng.integers(2, 12, size=N)
    tokens = rng.normal(size=(lengths.sum(), d)) * 10.0 ** rng.integers(-3, 4, size=d)
    tokens += rng.choice([0.0, 0.0, 100.0, 1e4], size=d)
    if rng.random() < 0.5:
        tokens[:, 0] = (np.arange(len(tokens)) > 0.7 * len(tokens)) * rng.integers(0, 2, size=len(tokens))
    targets = rng.normal(size=(len(tokens), int(rng.integers(0, 3))))
    build = SequencesBuild(data=Sequences.build(tokens, targets, lengths), held_out=float(rng.choice([0.0, 0.3])))
    lab = la.Lab(build=build, traces=drawn_traces(rng, int(rng.integers(1, 9)), 0.0), learner=learner(rng))
    try_lab(lab, Legal(None, None), name, tally)


def turing(rng: Rng, name: str, tally: Tally) -> None:
    """The classroom's Turing machines from few machines: a sample of contexts by rank, a run by hand."""
    count, length = int(rng.choice([3, 10, 30, 70, 95])), int(rng.choice([2, 5, 10]))
    made = la.machines.random_turing_machine(2, 2, int(rng.integers(999)), 0.3)
    tape = tuple(map(str, rng.choice(made.symbols, size=rng.integers(0, 5))))
    head, steps = int(rng.integers(4)), 30
    build = TuringBuild(machine=made, word=tape, head=head, run=steps)
    lab = la.Lab(build=build, traces=drawn_traces(rng, count, 0.0, length=length))
    task: Any = lab.task()
    fresh = task.contexts(task.episodes(12, int(rng.integers(10**6)), halting=0.2), 30)
    contexts = [Z for Z, _ in fresh]
    found = try_lab(lab, Legal(contexts, fresh.targets, whole=True, sampled=True), name, tally)
    if found is None:
        return
    known = Range(unique([Z for Z, _ in found.traces]), primes=(2_147_483_647,))
    decisions = found.run.certificate.decide(fresh)
    for i, (one, inside) in enumerate(zip(decisions, known.holds(contexts), strict=True)):
        tally.add("certified and off", one == 2 and not inside, name, f"context {i} outside")
        tally.add("open but inside", one == 0 and bool(inside), name, f"context {i} inside")
        tally.add("undecided where it must decide", one == 1, name, f"context {i}")
    by_hand = simulate.turing_run(made.rules, made.encode(tape), head, made.start, 4, steps)
    assert found.turing is not None
    ran = [(c.state, c.head, c.tape, c.halted) for c in found.turing.learned.configurations]
    pairs_of = zip(ran, by_hand, strict=False)
    same = len(ran) == len(by_hand) and all(a[1:] == b[1:] and a[0] in (None, b[0]) for a, b in pairs_of)
    tally.add("green and wrong", found.light.colour == "green" and not same, name, "its run is not the one by hand")


KINDS = {
    "lab step": (step, 0.36),
    "lab universal": (universal, 0.2),
    "lab memory": (memory, 0.22),
    "lab teacher": (teacher, 0.1),
    "lab sequences": (sequences, 0.1),
    "lab turing": (turing, 0.02),
}
"""Kind: how it is tried, and its share of the labs."""
