"""Learned universal Turing machines: what share of held-out contexts the data pin down, decided in integers."""

import numpy as np

import linattn_core as la
from linattn_core.certificates.exact.range import ExactRange
from tests.benchmarks.timing import table, timed

HELD_OUT_SEED = 1_000_003
Size = tuple[int, int, int]


def certified(
    sizes: tuple[tuple[Size, tuple[int, ...]], ...] = (
        ((2, 2, 4), (40, 60, 70, 80, 90, 100)),
        ((3, 2, 6), (100, 150, 200)),
    ),
    *,
    steps: int = 10,
    halting: float = 0.35,
    seed: int = 0,
) -> str:
    """One row a number of machines: ranks, and 200 fresh machines run for at most 60 steps.

    "runs exact": every token right; "certified": contexts of the true runs in the span of the examples; "off": the
    largest error of the learned answer there, to be compared with that at the "open" ones.
    """
    rows = []
    for size, counts in sizes:
        task = la.tasks.UniversalTuringMachine(*size)
        episodes = task.episodes(200, HELD_OUT_SEED, halting=halting)
        contexts = task.contexts(episodes, 60)
        for count in counts:
            traces = task.traces(count, seed, steps=steps, halting=halting)
            run = la.learn(traces, heads=None)
            seconds, exact = timed(lambda traces=traces: ExactRange.of(traces))
            inside = exact.contains(contexts)
            error = np.abs(run.predictor.on(contexts) - contexts.targets).max(axis=1)
            rows.append(
                (
                    size,
                    count,
                    len(traces),
                    f"{exact.rank} of {task.family_dimension}",
                    float(task.trial(run.predictor, episodes, 60).exact.mean()),
                    float(inside.mean()),
                    float(error[inside].max(initial=0.0)),
                    float(error[~inside].max(initial=0.0)),
                    seconds,
                )
            )
    header = ("(Q,S,n)", "machines", "examples", "rank", "runs exact", "certified", "off", "off open", "exact s")
    return table("Held-out contexts of Turing machines pinned down, by exact rank", header, rows)
