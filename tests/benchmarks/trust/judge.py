"""One data set through every road of the public API, each answer held against the exact one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import linattn_core as la
from linattn_core.certificates.decision import Decision
from tests.benchmarks.trust.measure import CERTIFIED_SINE, EPS, OPEN_SINE, Measure
from tests.benchmarks.trust.oracles import LeastSquares, Range
from tests.benchmarks.trust.tally import Tally

MSE_SLACK, MSE_RELATIVE = 1e-18, 1e-9  # of the mean of ||y||^2; of the optimum
TWIN_SLACK, TWIN_RELATIVE, TWIN_ANSWER = 1e-12, 1e-6, 1e-6
NAMES = {int(value): value.name for value in Decision}


@dataclass(frozen=True, eq=False)
class Case:
    """Data, inputs to ask about, and what may be asked of it.

    contexts (d, n_i), answers (N, m), how often each example stands in the data, inputs to ask. ``decided``: integers
    or well-scaled dense data, of which nothing may be left undecided. ``exact``: the tokens are small integers, so that
    no answer may be excused by rounding. ``plain``: well conditioned as it stands, so that numpy can be believed.
    """

    contexts: Sequence[np.ndarray]
    answers: np.ndarray
    asked: Sequence[np.ndarray]
    weights: Sequence[int] = ()
    decided: bool = False
    exact: bool = False
    plain: bool = False
    fit: bool = True

    @property
    def repeats(self) -> list[int]:
        return list(self.weights) or [1] * len(self.contexts)

    def traces(self) -> la.Traces:
        index = np.repeat(np.arange(len(self.contexts)), self.repeats)
        found = la.Traces.from_examples(zip(self.contexts, self.answers, strict=True))
        return found.subset(index) if self.weights else found


def contexts_of(inputs: Sequence[np.ndarray]) -> la.Traces:
    """Return inputs without answers as traces."""
    return la.Traces.from_examples((Z, np.empty(0)) for Z in inputs)


@dataclass
class Court:
    """A case under judgement: counts into ``tally`` under the case's ``name``."""

    case: Case
    name: str
    tally: Tally
    facts: dict[str, Any] = field(default_factory=dict)

    def count(self, counter: str, bad: bool, note: str = "") -> None:
        self.tally.add(counter, bool(bad), self.name, note)

    def guarded(self, what: str, call: Callable[[], Any]) -> Any:
        """Call, and count anything raised that is no ``LinattnError``."""
        found, raised = None, ""
        try:
            with np.errstate(all="ignore"):
                found = call()
        except la.LinattnError as error:
            self.count("refused", True, f"{what}: {error}")
        except Exception as error:  # that is what is looked for
            raised = f"{what}: {type(error).__name__}: {error}"
        else:
            self.count("refused", False)
        self.count("raw exception", bool(raised), raised)
        return found

    def judge(self) -> None:
        case = self.case
        traces = self.guarded("Traces", case.traces)
        if traces is None:
            return
        run = self.guarded("learn", lambda: la.learn(traces, heads=None))
        if run is None:
            return
        known = Range(case.contexts)
        measure = Measure(case.contexts, known)
        self.rank(run.certificate, known, measure)
        inside = known.holds(case.asked)
        decisions = self.decisions(run, inside, measure)
        if decisions is None:
            return
        if case.fit and case.answers.shape[1]:
            squares = LeastSquares(case.contexts, case.answers, case.repeats, known)
            self.optimum(run, squares, measure)
            self.answers(run, squares, decisions, inside, measure)
            self.least_norm(run, squares, measure)
            self.twins(run, decisions, measure)
        self.roads(traces, decisions)

    def rank(self, certificate: la.Certificate, known: Range, measure: Measure) -> None:
        """A decided rank is the exact one, where the exact one does not rest on rounding."""
        if certificate.level == "undecided":
            bad = self.case.decided and not measure.fragile
            self.count("undecided where it must decide", bad, f"rank: {certificate.reason}")
        elif self.case.exact or not measure.fragile:
            note = (
                f"{certificate.rank} for {known.rank}, spread {measure.spread:.0e}, condition {measure.condition:.0e}"
            )
            self.count("wrong rank", certificate.rank != known.rank, note)

    def decisions(self, run: la.Run, inside: np.ndarray, measure: Measure) -> np.ndarray | None:
        asked = self.guarded("inputs", lambda: contexts_of(self.case.asked))
        found = None if asked is None else self.guarded("decide", lambda: run.certificate.decide(asked))
        if found is None:
            return None
        for i, (decision, exact) in enumerate(zip(found, inside, strict=True)):
            Z = self.case.asked[i]
            close = self.close(decision, bool(exact), Z, measure)
            self.count("close call", close)
            if close:
                continue
            bad = decision == Decision.UNDECIDED or (decision == Decision.CERTIFIED) != exact
            note = self.say(i, measure) if bad else ""
            self.count("undecided", decision == Decision.UNDECIDED, note)
            if self.case.decided:
                needless = decision == Decision.UNDECIDED and not self.between(Z, measure)
                self.count("undecided where it must decide", needless, note)
            if decision == Decision.CERTIFIED:
                self.count("certified and off", not exact, f"outside: {note}")
            if decision == Decision.OPEN:
                self.count("open but inside", bool(exact), note)
        return np.asarray(found)

    def close(self, decision: int, inside: bool, Z: np.ndarray, measure: Measure) -> bool:
        """Whether a decision that is not the exact one is excused by the rounding of stored tokens."""
        right = (decision == Decision.CERTIFIED) == inside and decision != Decision.UNDECIDED
        if right or (self.case.exact and (np.rint(Z) == Z).all()):
            return False
        return measure.inside_by_a_hair(Z) if inside else measure.outside_by_a_hair(Z)

    def between(self, Z: np.ndarray, measure: Measure) -> bool:
        """Whether an input stands where the stated thresholds leave it undecided: neither inside nor clear of it."""
        return CERTIFIED_SINE / 10 < measure.sine(Z) < 10 * OPEN_SINE

    def say(self, i: int, measure: Measure) -> str:
        Z = self.case.asked[i]
        return f"input {i}, sine {measure.sine(Z):.0e}, spread {measure.spread:.0e}, noise {measure.noise:.0e}"

    def optimum(self, run: la.Run, squares: LeastSquares, measure: Measure) -> None:
        slack = (MSE_SLACK + measure.rounding) * squares.square + MSE_RELATIVE * squares.mse
        bad = not run.training_mse <= squares.mse + slack and not measure.fragile
        note = f"{run.training_mse:.4g} for {squares.mse:.4g}, mean y^2 {squares.square:.2g}, {measure.spread:.0e}"
        self.count("not optimal", bad, note)
        own = mean_square(run.predictor, self.case)
        bad = (
            abs(own - run.training_mse) > MSE_RELATIVE * run.training_mse + (1e-16 + measure.rounding) * squares.square
        )
        self.count(
            "not optimal", bad and not measure.fragile, f"says {run.training_mse:.4g}, its answers have {own:.4g}"
        )

    def answers(
        self, run: la.Run, squares: LeastSquares, decisions: np.ndarray, inside: np.ndarray, measure: Measure
    ) -> None:
        """At certified inputs the answer is that of the exact minimisers, up to the rounding that the run states."""
        asked = contexts_of(self.case.asked)
        given = self.guarded("predict", lambda: run.predictor.on(asked))
        bound = self.guarded("rounding", lambda: run.rounding(asked))
        if given is None or bound is None or (measure.fragile and not self.case.exact):
            return
        for i in np.flatnonzero((decisions == Decision.CERTIFIED) & inside):
            wanted = squares.answer(self.case.asked[i])
            off = float(np.linalg.norm(given[i] - wanted))
            size = float(np.linalg.norm(wanted))
            bad = not off <= bound[i] + 4 * EPS * size
            self.count("certified and off", bad, f"input {i}: {off:.1e} off {size:.1e}, stated {bound[i]:.1e}")

    def least_norm(self, run: la.Run, squares: LeastSquares, measure: Measure) -> None:
        """On plain data: the coefficients are numpy's, the open answers the exact ones, lambda_min is numpy's."""
        if not self.case.plain or measure.spread < 1e-5:
            return
        rows = np.array([literal_features(Z) for Z in self.case.contexts])
        weights = np.sqrt(np.array(self.case.repeats, dtype=float))[:, None]
        wanted = np.linalg.lstsq(rows * weights, self.case.answers * weights, rcond=1e-10)[0].T
        size = np.linalg.norm(wanted)
        off = np.linalg.norm(run.predictor.coefficients() - wanted)
        self.count("not the least norm", off > 1e-7 * size + 1e-300, f"coefficients {off / (size or 1):.1e} off")
        for i, Z in enumerate(self.case.asked[:3]):
            exact = squares.least_norm(Z)
            reach = np.linalg.norm(exact) + size * np.linalg.norm(literal_features(Z))
            off = np.linalg.norm(run.predictor(Z) - exact)
            self.count("not the least norm", off > 1e-9 * reach, f"input {i}: {off / reach:.1e} off")
        d = len(self.case.contexts[0])
        j, k = np.triu_indices(d)
        plain = rows / np.repeat(np.where(j == k, 1.0, np.sqrt(2.0)), d)
        lowest = np.linalg.svd(plain * weights, compute_uv=False)
        full = squares.range.rank == rows.shape[1]
        smallest = lowest[-1] ** 2 / squares.count if full else 0.0
        off = abs(run.certificate.lambda_min - smallest)
        self.count("wrong lambda_min", off > 1e-6 * smallest, f"{run.certificate.lambda_min:.6g} for {smallest:.6g}")

    def twins(self, run: la.Run, decisions: np.ndarray, measure: Measure) -> None:
        """Where an input is open, a twin exists and answers as asked at the same loss; elsewhere there is none."""
        for i in np.flatnonzero(decisions == Decision.OPEN)[:2]:
            twin = self.twin(run, int(i), measure)
            self.count("amber without twin", twin is None, f"input {i}")
        for i in np.flatnonzero(decisions != Decision.OPEN)[:1]:
            twin = self.twin(run, int(i), measure)
            certified = decisions[i] == Decision.CERTIFIED
            self.count("twin of unequal loss", twin is not None and certified, f"input {i}, certified")

    def twin(self, run: la.Run, i: int, measure: Measure) -> Any:
        """Ask for a twin at an input, with an answer as far off as the features are long; check what comes."""
        Z, scale = self.case.asked[i], float(np.sqrt(np.mean(self.case.answers**2))) or 1.0
        apart = scale * min(1.0, measure.length(Z)) * (1.0 + np.arange(self.case.answers.shape[1]))
        y = run.predictor(Z) + apart
        twin = self.guarded("twin", lambda: la.twin(run, Z, y))
        if twin is None:
            return None
        loss, mean = mean_square(twin, self.case), scale**2 * len(y)
        slack = TWIN_RELATIVE * run.training_mse + (TWIN_SLACK + measure.rounding) * mean
        unequal = not abs(loss - run.training_mse) <= slack
        if unequal:  # to turn the answer at an input that stands near the range takes coefficients that round
            slack += (100 * EPS * np.linalg.norm(y) / max(measure.sine(Z), EPS)) ** 2
            unequal = not abs(loss - run.training_mse) <= slack
        missed = not np.linalg.norm(twin(Z) - y) <= TWIN_ANSWER * np.linalg.norm(apart) + 1e-9 * np.linalg.norm(y)
        note = f"input {i}: loss {loss:.3g} for {run.training_mse:.3g}, mean y^2 {mean:.1g}, answers {twin(Z)} for {y}"
        self.count("twin of unequal loss", unequal or missed, note)
        return twin

    def roads(self, traces: la.Traces, decisions: np.ndarray) -> None:
        """Other roads to the same range never contradict it."""
        asked = contexts_of(self.case.asked)
        half = (len(traces) + 1) // 2
        parts = [traces.subset(slice(0, half)), traces.subset(slice(half, None))]
        shards = [part for part in parts if len(part)]
        order = np.arange(len(traces))[::-1]
        roads: dict[str, Callable[[], la.Certificate]] = {
            "certify": lambda: la.certify(traces),
            "certify reversed": lambda: la.certify(traces.subset(order)),
            "learn(Moments)": lambda: la.learn(la.Moments.of(traces), heads=None).certificate,
            "certify(Moments of a stream)": lambda: la.certify(la.Moments.of(iter(shards))),
            "certify(sum of Moments)": lambda: la.certify(_sum(shards)),
            "learn(torch-cpu)": lambda: la.learn(traces, heads=None, device="torch-cpu").certificate,
        }
        for road in self.taken(roads):
            found = self.guarded(road, lambda road=road: roads[road]().decide(asked))
            if found is None:
                continue
            pair = {Decision.CERTIFIED, Decision.OPEN}
            for i, (one, other) in enumerate(zip(decisions, found, strict=True)):
                note = f"input {i}: learn {NAMES[int(one)]}, {road} {NAMES[int(other)]}"
                self.count("two roads contradict", {one, other} == pair, note)
                if one != Decision.UNDECIDED:
                    self.count("a road undecided", other == Decision.UNDECIDED, note)

    def taken(self, roads: dict[str, Any]) -> list[str]:
        """One road a case, in turn; every sixth case takes all."""
        names, number = list(roads), int(self.name.rpartition(":")[2])
        return names if number % 6 == 0 else [names[number % 6]]


def judge(case: Case, name: str, tally: Tally) -> None:
    Court(case, name, tally).judge()


def _sum(shards: Sequence[la.Traces]) -> la.Moments:
    total = la.Moments.of(shards[0])
    for part in shards[1:]:
        total = total + la.Moments.of(part)
    return total


def mean_square(model: Callable[[np.ndarray], np.ndarray], case: Case) -> float:
    """Return the mean of ||model(Z) - y||^2, one call an example."""
    square = [float(np.sum((model(Z) - y) ** 2)) for Z, y in zip(case.contexts, case.answers, strict=True)]
    return float(np.average(square, weights=case.repeats))


def literal_features(Z: np.ndarray) -> np.ndarray:
    """Return svec(Z Z^T) (x) z (p,), off-diagonal entries times sqrt(2)."""
    j, k = np.triu_indices(len(Z))
    return np.outer((Z @ Z.T)[j, k] * np.where(j == k, 1.0, np.sqrt(2.0)), Z[:, -1]).ravel()
