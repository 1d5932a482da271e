"""A task under trial: its traces, all its legal inputs written out by hand, and what is right at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import linattn_core as la
from linattn_core.certificates.decision import Decision
from tests.benchmarks.trust.judge import Case, Court, contexts_of
from tests.benchmarks.trust.measure import Measure
from tests.benchmarks.trust.oracles import Range
from tests.benchmarks.trust.tally import Tally

MOST_ASKED = 60
RIGHT = 1e-6  # of the size of an answer: farther off, a certified answer is wrong whatever its bound says


@dataclass(frozen=True, eq=False)
class Trial:
    """``legal``: contexts that span those of every legal input, with the right ``answers`` (None: nobody knows them).

    ``noisy``: the traces' answers are not always right. ``whole``: tokens are integers, so nothing may be undecided.
    ``fit``: few enough dimensions to compute the least squares in long arithmetic.
    """

    task: Any
    traces: la.Traces
    legal: Sequence[np.ndarray]
    answers: np.ndarray | None
    noisy: bool = False
    whole: bool = True
    fit: bool = False


def distinct(traces: la.Traces) -> tuple[list[np.ndarray], np.ndarray, list[int]]:
    """Return the distinct (context, answer) pairs and how often each occurs."""
    found: dict[bytes, list[Any]] = {}
    for Z, y in traces:
        key = repr(Z.shape).encode() + Z.tobytes() + y.tobytes()
        found.setdefault(key, [Z, y, 0])[2] += 1
    contexts, answers, weights = zip(*found.values(), strict=True)
    return list(contexts), np.array(answers), list(weights)


def unique(contexts: Sequence[np.ndarray]) -> list[np.ndarray]:
    return list({repr(Z.shape).encode() + Z.tobytes(): Z for Z in contexts}.values())


def try_task(trial: Trial, name: str, tally: Tally, rng: np.random.Generator) -> la.Run | None:
    """Learn, and hold rank, family, decisions, answers and twins against the exact ones."""
    contexts, answers, weights = distinct(trial.traces)
    ask = [trial.legal[i] for i in rng.permutation(len(trial.legal))[:MOST_ASKED]]
    case = Case(contexts, answers, ask, weights, decided=trial.whole, exact=trial.whole, fit=trial.fit)
    court = Court(case, name, tally)
    run = court.guarded("learn", lambda: la.learn(trial.traces, heads=None))
    if run is None:
        return None
    rows = unique(contexts)
    known = Range(rows)
    measure = Measure(rows, known)
    court.rank(run.certificate, known, measure)
    inside = known.holds(trial.legal)
    family(court, run, trial, known, inside, measure)
    asked_inside = known.holds(ask)
    decisions = court.decisions(run, asked_inside, measure)
    if decisions is not None:
        court.twins(run, decisions, measure)
        if not trial.noisy and trial.answers is not None:
            right(court, run, trial, inside)
        court.roads(trial.traces, decisions, asked_inside, measure)
    return run


def family(court: Court, run: la.Run, trial: Trial, known: Range, inside: np.ndarray, measure: Measure) -> None:
    """The certificate of all legal inputs holds exactly where all of them are inside, and counts as it should."""
    covers = court.guarded("covers", lambda: run.certificate.covers(trial.task))
    if covers is None:
        return
    if covers.level == "undecided":
        court.count("undecided where it must decide", trial.whole and not measure.fragile, f"covers: {covers.reason}")
        court.count("undecided", True, "covers")
        return
    court.count("undecided", False)
    first = next((Z for Z, ok in zip(trial.legal, inside, strict=True) if not ok), None)
    excused = covers.holds and first is not None and not trial.whole and measure.outside_by_a_hair(first)
    said = f"covers {covers.rank} of {covers.dimension}, {int((~inside).sum())} of {len(inside)} legal rows outside"
    court.count("green and wrong", covers.holds and first is not None and not excused, said)
    court.count("open but inside", not covers.holds and first is None and not measure.fragile, said)
    if trial.whole:
        space = Range(trial.legal).rank
        both = space + known.rank - Range([*known.contexts, *trial.legal]).rank
        wrong = (covers.rank, covers.dimension) != (both, space)
        court.count("wrong rank", wrong, f"covers {covers.rank} of {covers.dimension}, exactly {both} of {space}")


def right(court: Court, run: la.Run, trial: Trial, inside: np.ndarray) -> None:
    """Where all exact layers agree they are right, so a certified answer must be, up to rounding."""
    assert trial.answers is not None
    legal = contexts_of(trial.legal)
    given = court.guarded("predict", lambda: run.predictor.on(legal))
    decided = court.guarded("decide", lambda: run.certificate.decide(legal))
    bound = court.guarded("rounding", lambda: run.rounding(legal))
    if given is None or decided is None:
        return
    size = np.abs(trial.answers).max() or 1.0
    off = np.abs(given - trial.answers).max(axis=1)
    for i in np.flatnonzero(decided == Decision.CERTIFIED):
        stated = RIGHT * size if bound is None else bound[i] + 1e-12 * size
        note = f"legal {i}: {off[i]:.1e} off {size:.1e}, stated {stated:.1e}, inside {bool(inside[i])}"
        court.count("certified and off", off[i] > stated, note)
