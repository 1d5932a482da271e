"""Heads, measured: how often the planted number is found, and what typed heads make of every task.

Run ``python -m tests.benchmarks.heads``; ``--seeds 5`` for a shorter run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from linattn_core.attention import LinearAttention, distance
from linattn_core.heads import minimal_heads, typed_heads
from linattn_core.heads.fit import fit_heads
from linattn_core.heads.target import make_target
from linattn_core.learn import as_predictor, learn
from linattn_core.machines import presets
from linattn_core.tasks import AssociativeMemory, StepAutomaton, UniversalAutomaton
from linattn_core.tasks.turing import UniversalTuringMachine

DIMENSIONS, HEADS = (4, 6, 8), (1, 2, 3, 4)


def planted(d: int, heads: int, outputs: int, seed: int) -> LinearAttention:
    """Return a random teacher, entries N(0, 1/d)."""
    rng = np.random.default_rng((seed, d, heads, outputs))
    return LinearAttention(rng.normal(size=(heads, outputs, d)) / d**0.5, rng.normal(size=(heads, d, d)) / d**0.5)


@dataclass(frozen=True)
class Cell:
    """How many of ``seeds`` teachers of one size came back with exactly their number of heads, by method.

    ``nuclear``: rank of the nuclear-norm minimiser. ``fit``: the bilinear fit at the planted H reaches the optimum from
    the SVD with at most 3 random restarts. ``search``: ``minimal_heads`` finds H. ``proved``: and no fewer can do.
    """

    d: int
    heads: int
    outputs: int
    seeds: int
    nuclear: int
    fit: int
    search: int
    proved: int
    worst: float
    seconds: float


def cell(d: int, heads: int, outputs: int, seeds: int) -> Cell:
    """Measure one cell; ``worst`` is the largest relative distance of the heads found to the teacher."""
    nuclear = fit = search = proved = 0
    worst, begin = 0.0, time.perf_counter()
    for seed in range(seeds):
        teacher = planted(d, heads, outputs, seed)
        predictor = as_predictor(teacher)
        found = minimal_heads(predictor)
        assert found.nuclear is not None
        nuclear += found.nuclear.heads == heads
        fit += fit_heads(make_target(predictor, None), heads, restarts=3).reached
        search += found.heads == heads
        proved += found.heads == heads == found.lower_bound
        worst = max(worst, distance(found.model, teacher) / float(np.linalg.norm(teacher.coefficients())))
    return Cell(d, heads, outputs, seeds, nuclear, fit, search, proved, worst, time.perf_counter() - begin)


def planted_table(seeds: int = 20, outputs: int | None = None) -> list[Cell]:
    """Measure every cell of (d, H); ``outputs`` per teacher, d of them by default."""
    return [cell(d, heads, outputs or d, seeds) for d in DIMENSIONS for heads in HEADS]


@dataclass(frozen=True)
class Decompiled:
    """A task, the heads of its compiled truth, of the default typed program and of the one with the fewest.

    ``truth``: distance of the typed heads to the compiled ones as functions. ``error``: largest deviation from the
    predictor on 200 fresh legal inputs. ``minimal``: heads when nothing has to be readable, None where not searched.
    """

    name: str
    certified: bool
    compiled: int
    typed: int
    fewest: int
    alternatives: int
    minimal: int | None
    truth: float
    error: float
    seconds: float
    listing: str


def decompiled(name: str, task, traces, *, minimal: bool = True) -> Decompiled:
    """Learn, decompile, compare."""
    run = learn(traces, heads=None)
    begin = time.perf_counter()
    typed = typed_heads(run.predictor, run.certificate.spaces, task.attributes, task.output_attributes)
    seconds = time.perf_counter() - begin
    fewest = minimal_heads(run.predictor, run.certificate.spaces, nuclear=False).heads if minimal else None
    fresh = task.traces(40, seed=777)
    fresh = fresh.subset(slice(0, min(len(fresh), 200)))
    certified = bool(run.certificate.certified(fresh).all())
    error = float(np.abs(typed.model.on(fresh) - run.predictor.on(fresh)).max())
    return Decompiled(
        name, certified, task.truth.heads, typed.heads, typed.fewest.heads, len(typed.alternatives), fewest,
        distance(typed.model, task.truth), error, seconds, typed.listing,
    )  # fmt: skip


def typed_table() -> list[Decompiled]:
    """Decompile every kind of task."""
    rows = [
        decompiled(f"associative memory, unitary {u:g}", AssociativeMemory(4, u), AssociativeMemory(4, u).traces(3000))
        for u in (0.0, 1.0)
    ]
    for states, letters, count in ((2, 2, 100), (3, 2, 300), (4, 4, 1500)):
        task = UniversalAutomaton(states, letters)
        rows.append(decompiled(f"universal automaton ({states}, {letters})", task, task.traces(count)))
    for machine in presets().values():
        step = StepAutomaton(machine)
        size = f"{len(machine.states)} states, {len(machine.alphabet)} letters"
        rows.append(decompiled(f"step: {machine.name} [{size}]", step, step.traces(100, length=30)))
    for sizes, count in (((2, 2, 4), 120), ((3, 2, 6), 240)):
        turing = UniversalTuringMachine(*sizes)
        rows.append(decompiled(f"Turing machine {sizes}, slim", turing, turing.traces(count), minimal=False))
    return rows


@dataclass(frozen=True)
class Few:
    """What ``machines`` random Turing machines (or ``machines`` examples of the universal automaton) teach.

    ``exact``: seeds in which the typed program is the compiled one, coefficient by coefficient. ``runs``: share of
    held-out answers that the minimum-norm predictor gives exactly. ``certified``: seeds with the family certified.
    """

    task: str
    machines: int
    seeds: int
    rank: float
    exact: int
    predictor: float
    certified: int


def few_table(seeds: int = 5) -> list[Few]:
    """Measure how few data decompile to the exact program, beside what the predictor and its certificate need."""
    cases: Iterable[tuple[str, Callable, tuple[int, ...]]] = (
        ("universal automaton (4, 4)", lambda: UniversalAutomaton(4, 4), (200, 400, 500, 700, 1000, 1300)),
        ("Turing machine (2, 2, 4)", lambda: UniversalTuringMachine(2, 2, 4), (10, 20, 25, 30, 40, 60, 90)),
        ("Turing machine (3, 2, 6)", lambda: UniversalTuringMachine(3, 2, 6), (20, 30, 40, 80, 200)),
    )
    return [few(name, make(), count, seeds) for name, make, counts in cases for count in counts]


def few(name: str, task, count: int, seeds: int) -> Few:
    """Measure one row."""
    ranks, exact, right, certified = [], 0, [], 0
    held_out = task.traces(100, seed=9_999)
    for seed in range(seeds):
        run = learn(task.traces(count, seed=seed), heads=None)
        typed = typed_heads(run.predictor, run.certificate.spaces, task.attributes, task.output_attributes)
        ranks.append(run.certificate.rank)
        exact += distance(typed.model, task.truth) == 0.0
        right.append(np.mean(np.abs(run.predictor.on(held_out) - held_out.targets).max(axis=1) < 1e-6))
        certified += run.certificate.rank == task.family_dimension
    return Few(name, count, seeds, float(np.mean(ranks)), exact, float(np.mean(right)), certified)


def tables(seeds: int = 20) -> str:
    """Return all tables as text."""
    lines = []
    for outputs in (None, 1):
        lines.append(f"Planted teachers with m = {outputs or 'd'}, {seeds} seeds a cell: exact number of heads by")
        lines.append(
            "  d  H   nuclear norm   fit at H, <= 3 restarts   minimal_heads   proved minimal   worst    seconds"
        )
        for c in planted_table(seeds, outputs):
            counts = f"{c.nuclear:>8} {c.fit:>18} {c.search:>21} {c.proved:>14}"
            lines.append(f"  {c.d}  {c.heads} {counts}   of {c.seeds}   {c.worst:.0e}   {c.seconds:6.2f}")
    lines.append("Typed heads: compiled / default / fewest of all programs / when nothing has to be readable")
    for row in typed_table():
        heads = f"{row.compiled} / {row.typed} / {row.fewest} / {'-' if row.minimal is None else row.minimal}"
        lines.append(
            f"  {row.name:<75} {heads}   {row.alternatives:>2} programs   distance to compiled {row.truth:.0e}   error "
            f"{row.error:.0e}   {row.seconds:.2f} s   {'certified' if row.certified else 'not certified'}"
        )
    lines.append("How few data decompile to exactly the compiled program")
    for f in few_table():
        lines.append(
            f"  {f.task:<28} {f.machines:>5} traces   rank {f.rank:7.1f}   typed exact {f.exact} / {f.seeds}   "
            f"predictor right on {f.predictor:6.1%} of held-out answers   family certified {f.certified} / {f.seeds}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    print(tables(parser.parse_args().seeds))
