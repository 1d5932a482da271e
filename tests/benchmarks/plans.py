"""What a plan predicts beside what the fit took: ``python -m tests.benchmarks plans``."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

import linattn_core as la
from tests.benchmarks.timing import table


def sequences(count: int, length: int, dim: int, outputs: int = 1, share: float = 1.0) -> la.Traces:
    """Gaussian sequences, every prefix an example; a ``share`` of the entries is not zero."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(count, length, dim)) * (rng.random((count, length, dim)) < share)
    return la.Traces.from_sequences(Z, rng.normal(size=(count, length, outputs)))


def text(count: int, length: int, dim: int, *, prefixes: bool = False) -> la.Traces:
    """One-hot tokens, uniform letters."""
    rng = np.random.default_rng(0)
    tokens = np.zeros((count * length, dim))
    tokens[np.arange(len(tokens)), rng.integers(dim, size=len(tokens))] = 1.0
    start = np.arange(count) * length
    if prefixes:
        start, stop = np.repeat(start, length), np.arange(count * length) + 1
    else:
        stop = start + length
    return la.Traces.build(tokens, start, stop, rng.normal(size=(len(start), 2)))


CASES: dict[str, Callable[[], la.Traces]] = {
    "step, 40 words": lambda: la.tasks.StepAutomaton(la.machines.presets()["contains aba"]).traces(40),
    "step, 4,000 words": lambda: la.tasks.StepAutomaton(la.machines.presets()["contains aba"]).traces(4000),
    "universal (2,2)": lambda: la.tasks.UniversalAutomaton(2, 2).traces(100),
    "universal (4,4)": lambda: la.tasks.UniversalAutomaton(4, 4).traces(1200),
    "universal (6,6)": lambda: la.tasks.UniversalAutomaton(6, 6).traces(12_000),
    "Turing (2,2,4)": lambda: la.tasks.UniversalTuringMachine(2, 2, 4).traces(100),
    "Turing (3,2,6)": lambda: la.tasks.UniversalTuringMachine(3, 2, 6).traces(200),
    "words": lambda: la.tasks.TableMemory((("a", "x"), ("b", "y"), ("c", "x"))).traces(300),
    "heights in cm": lambda: la.tasks.VectorMemory(
        tuple((tuple(float(i == j) for j in range(6)), (150.0 + i,)) for i in range(6))
    ).traces(200),
    "memory 4": lambda: la.tasks.AssociativeMemory(4).traces(2000),
    "memory 4, orthogonal": lambda: la.tasks.AssociativeMemory(4, unitary=1.0).traces(4096),
    "memory 8": lambda: la.tasks.AssociativeMemory(8).traces(200),
    "regression 5": lambda: la.tasks.InContextRegression(5).traces(2000),
    "teacher 4": lambda: la.tasks.RandomTeacher(4).traces(20),
    "teacher 16": lambda: la.tasks.RandomTeacher(16).traces(200),
    "dense d = 3, N = 2e5": lambda: sequences(2000, 100, 3),
    "dense d = 10, N = 1e5": lambda: sequences(1000, 100, 10),
    "dense d = 6, N = 1e3": lambda: sequences(1000, 1, 6),
    "dense, m = 5,000": lambda: sequences(100, 10, 4, 5000),
    "kernel d = 20, N = 1e3": lambda: sequences(1000, 1, 20),
    "kernel d = 100, N = 200": lambda: sequences(200, 1, 100),
    "sparse d = 12": lambda: sequences(300, 10, 12, share=0.2),
    "text d = 20": lambda: text(3000, 20, 20),
    "text d = 50": lambda: text(2000, 10, 50),
    "text d = 200": lambda: text(100, 50, 200),
    "prefixes d = 5, T = 1e4": lambda: text(1, 10_000, 5, prefixes=True),
    "prefixes d = 20, T = 1e3": lambda: text(1, 1000, 20, prefixes=True),
    "prefixes d = 400, T = 50": lambda: text(1, 50, 400, prefixes=True),
}


def plans() -> str:
    """Return predicted and actual seconds (best of three) and bytes (Python's own count of the peak) of ``learn``."""
    rows = []
    for name, make in CASES.items():
        traces = make()
        plan = la.plan(traces)
        seconds = min(_seconds(traces) for _ in range(3))
        held = _peak(traces)
        rows.append(
            (name, plan.route, plan.seconds, seconds, seconds / plan.seconds, plan.bytes, held, held / plan.bytes)
        )
    header = ("problem", "route", "predicted s", "actual s", "ratio", "predicted bytes", "actual bytes", "ratio")
    worst = [max(max(row[k], 1 / row[k]) for row in rows) for k in (4, 7)]
    title = f"Plans: seconds within a factor of {worst[0]:.1f}, bytes of {worst[1]:.1f}"
    return table(title, header, rows)


def _seconds(traces: la.Traces) -> float:
    begin = time.perf_counter()
    la.learn(traces, heads=None)
    return time.perf_counter() - begin


def _peak(traces: la.Traces) -> float:
    gc.collect()
    tracemalloc.start()
    la.learn(traces, heads=None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return float(peak)
