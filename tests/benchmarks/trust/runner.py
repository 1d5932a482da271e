"""Draw the cases, judge them in two processes, report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from tests.benchmarks.trust import dense, labs, tasks
from tests.benchmarks.trust.judge import judge
from tests.benchmarks.trust.tally import Tally

CASES, SEED, PROCESSES, PART = 20_000, 0, 2, 50

Judged = Callable[[str, int, int, Tally], None]
"""(family, number, seed, tally): draw a case and judge it."""


def dense_case(family: str, number: int, seed: int, tally: Tally) -> None:
    draw = dense.FAMILIES[family][0]
    rng = np.random.default_rng([seed, *family.encode(), number])
    judge(draw(rng), f"{family}:{number}", tally)


def task_case(family: str, number: int, seed: int, tally: Tally) -> None:
    rng = np.random.default_rng([seed, *family.encode(), number])
    tasks.KINDS[family][0](number, rng, tally, f"{family}:{number}")


def lab_case(family: str, number: int, seed: int, tally: Tally) -> None:
    rng = np.random.default_rng([seed, *family.encode(), number])
    labs.KINDS[family][0](rng, f"{family}:{number}", tally)


DENSE_SHARE, TASK_SHARE, LAB_SHARE = 0.8, 0.165, 0.035
FAMILIES: dict[str, tuple[Judged, float]] = {
    **{name: (dense_case, DENSE_SHARE * share) for name, (_, share) in dense.FAMILIES.items()},
    **{name: (task_case, TASK_SHARE * share) for name, (_, share) in tasks.KINDS.items()},
    **{name: (lab_case, LAB_SHARE * share) for name, (_, share) in labs.KINDS.items()},
}


def plan(cases: int, only: Iterable[str] = ()) -> list[tuple[str, int]]:
    """Return (family, number) of every case, in an order in which long and short ones alternate."""
    chosen = {name: share for name, (_, share) in FAMILIES.items() if not only or name in only}
    total = sum(chosen.values())
    every = [(name, i) for name, share in chosen.items() for i in range(max(1, round(cases * share / total)))]
    return [every[i] for i in np.random.default_rng(0).permutation(len(every))]


def part(cases: list[tuple[str, int]], seed: int) -> Tally:
    tally = Tally()
    for family, number in cases:
        tally.families[family] += 1
        try:
            with np.errstate(all="ignore"):  # numbers near the ends of floating point are asked for
                FAMILIES[family][0](family, number, seed, tally)
        except Exception as error:  # of the library where it draws traces, or of this benchmark: either must be seen
            tally.add("raw exception", True, f"{family}:{number}", f"{type(error).__name__}: {error}")
    return tally


def run(cases: int = CASES, seed: int = SEED, processes: int = PROCESSES, only: Iterable[str] = ()) -> Tally:
    """Judge ``cases`` cases, the same ones for the same seed whatever the number of processes."""
    planned, total = plan(cases, tuple(only)), Tally()
    parts = [planned[i : i + PART] for i in range(0, len(planned), PART)]
    if processes == 1:
        for some in parts:
            total.merge(part(some, seed))
        return total
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for found in pool.map(part, parts, [seed] * len(parts)):
            total.merge(found)
    return total


def report(cases: int = CASES) -> str:
    begin = time.perf_counter()
    found = run(cases)
    return f"\n## The adversary: can the light lie? ({time.perf_counter() - begin:.0f} s)\n{found.report()}"
