"""One data set through every road of the public API, each answer held against the exact one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import linattn_core as la
from linattn_core.certificates.decision import Decision
from tests.benchmarks.trust.measure import CERTIFIED_SINE, EPS, OPEN_SINE, Measure
from tests.benchmarks.trust.oracles import LeastSquares, Range
from tests.benchmarks.trust.tally import Tally

MSE_SLACK, MSE_RELATIVE = 1e-18, 1e-9  # of the mean of ||y||^2; of the optimum
HEADS_OFF = 1e-6  # of the largest answer: farther off than this, heads must say so
TWIN_SLACK, TWIN_RELATIVE, TWIN_ANSWER = 1e-12, 1e-6, 1e-6
CLOSE = {
    "certified by a hair": Decision.CERTIFIED,
    "open by a hair": Decision.OPEN,
    "undecided by a hair": Decision.UNDECIDED,
}
NAMES = {int(value): value.name for value in Decision}


@dataclass(frozen=True, eq=False)
class Case:
    """Data, inputs to ask about, and what may be asked of it.

    contexts (d, n_i), answers (N, m), how often each example stands in the data, inputs to ask. ``decided``: integers
    or well-scaled dense data, of which nothing may be left undecided. ``exact``: the tokens are small integers, so that
    no answer may be excused by rounding. ``plain``: well conditioned as it stands, so that numpy can be believed.
    ``fit``: the least squares are computed in long arithmetic. ``cuts``: where the examples fall apart into shards.
    """

    contexts: Sequence[np.ndarray]
    answers: np.ndarray
    asked: Sequence[np.ndarray]
    weights: Sequence[int] = ()
    decided: bool = False
    exact: bool = False
    plain: bool = False
    fit: bool = True
    cuts: Sequence[int] = ()

    @property
    def repeats(self) -> list[int]:
        return list(self.weights) or [1] * len(self.contexts)

    def traces(self) -> la.Traces:
        index = np.repeat(np.arange(len(self.contexts)), self.repeats)
        found = la.Traces.from_examples(zip(self.contexts, self.answers, strict=True))
        return found.subset(index) if self.weights else found

    def shards(self, traces: la.Traces) -> list[la.Traces]:
        """Return the data in parts, each stored by itself where the case says where to cut."""
        if not self.cuts:
            half = (len(traces) + 1) // 2
            parts = [traces.subset(slice(0, half)), traces.subset(slice(half, None))]
            return [part for part in parts if len(part)]
        pairs = list(zip(self.contexts, self.answers, strict=True))
        ends = zip([0, *self.cuts], [*self.cuts, len(pairs)], strict=True)
        return [la.Traces.from_examples(pairs[low:high]) for low, high in ends if low < high]


def contexts_of(inputs: Sequence[np.ndarray]) -> la.Traces:
    """Return inputs without answers as traces."""
    return la.Traces.from_examples((Z, np.empty(0)) for Z in inputs)


@dataclass
class Court:
    """A case under judgement: counts into ``tally`` under the case's ``name``."""

    case: Case
    name: str
    tally: Tally
    refusal: str = ""

    def count(self, counter: str, bad: bool, note: str = "") -> None:
        self.tally.add(counter, bool(bad), self.name, note)

    def guarded(self, what: str, call: Callable[[], Any]) -> Any:
        """Call, and count anything raised that is no ``LinattnError``."""
        found, raised = None, ""
        try:
            with np.errstate(all="ignore"):
                found = call()
        except la.LinattnError as error:
            self.refusal = f"{what}: {error}"
            self.count("refused", True, self.refusal)
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
        self.count("fragile", measure.fragile)
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
            self.twins(run, decisions, measure, squares)
        self.roads(traces, decisions, inside, measure)
        if self.number % 5 == 0 and case.answers.shape[1] and not measure.fragile:
            self.heads(traces)
            self.ridge(traces)

    @property
    def number(self) -> int:
        return int(self.name.rpartition(":")[2])

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
            for kind, one in CLOSE.items():
                self.count(kind, close and decision == one, self.say(i, measure) if close and decision == one else "")
            if close:
                continue
            self.against(int(decision), bool(exact), i, measure)
            note = self.say(i, measure) if decision == Decision.UNDECIDED else ""
            self.count("undecided", decision == Decision.UNDECIDED, note)
            if self.case.decided:
                needless = decision == Decision.UNDECIDED and not self.between(Z, measure)
                self.count("undecided where it must decide", needless, note)
        return np.asarray(found)

    def against(self, decision: int, exact: bool, i: int, measure: Measure, road: str = "learn") -> None:
        """Hold a decision that is no close call against the exact one."""
        wrong = decision != Decision.UNDECIDED and (decision == Decision.CERTIFIED) != exact
        note = f"{road}: {self.say(i, measure)}" if wrong else ""
        if decision == Decision.CERTIFIED:
            self.count("certified and off", not exact, f"outside: {note}")
        if decision == Decision.OPEN:
            self.count("open but inside", exact, note)

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
        """The loss is the least possible one, and that of the answers given, up to what 64-bit coefficients can do."""
        slack = (MSE_SLACK + measure.rounding) * squares.square + MSE_RELATIVE * squares.mse
        own = mean_square(run.predictor, self.case)
        slack_own = MSE_RELATIVE * run.training_mse + (1e-16 + measure.rounding) * squares.square
        above, apart = run.training_mse - squares.mse, abs(own - run.training_mse)
        if not (above <= slack and apart <= slack_own) and not measure.fragile:
            strain = measure.strain(squares)
            slack += strain + 2 * np.sqrt(strain * squares.mse)
            slack_own += strain + 2 * np.sqrt(strain * own)
        note = f"mean y^2 {squares.square:.2g}, slack {slack:.1g}, spread {measure.spread:.0e}"
        bad = not above <= slack and not measure.fragile
        self.count("not optimal", bad, f"{run.training_mse:.4g} for {squares.mse:.4g}, {note}")
        bad = not apart <= slack_own and not measure.fragile
        self.count("not optimal", bad, f"says {run.training_mse:.4g}, its answers have {own:.4g}, {note}")

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

    def twins(self, run: la.Run, decisions: np.ndarray, measure: Measure, squares: LeastSquares | None = None) -> None:
        """Where an input is open, a twin exists and answers as asked at the same loss; elsewhere there is none."""
        for i in np.flatnonzero(decisions == Decision.OPEN)[:2]:
            twin = self.twin(run, int(i), measure, squares)
            self.count("amber without twin", twin is None, f"input {i}, {self.refusal}")
        for i in np.flatnonzero(decisions != Decision.OPEN)[:1]:
            twin = self.twin(run, int(i), measure, squares)
            certified = decisions[i] == Decision.CERTIFIED
            self.count("twin of unequal loss", twin is not None and certified, f"input {i}, certified")

    def twin(self, run: la.Run, i: int, measure: Measure, squares: LeastSquares | None) -> Any:
        """Ask for a twin at an input, with an answer as far off as the features are long; check what comes."""
        Z, scale = self.case.asked[i], float(np.sqrt(np.mean(self.case.answers**2))) or 1.0
        apart = scale * min(1.0, measure.length(Z)) * (1.0 + np.arange(self.case.answers.shape[1]))
        y = run.predictor(Z) + apart
        twin = self.guarded("twin", lambda: la.twin(run, Z, y))
        if twin is None:
            return None
        loss, mean = mean_square(twin, self.case), scale**2 * len(y)
        off = float(np.linalg.norm(twin(Z) - y))
        slack = TWIN_RELATIVE * run.training_mse + (TWIN_SLACK + measure.rounding) * mean
        allowed = TWIN_ANSWER * float(np.linalg.norm(apart)) + 1e-9 * float(np.linalg.norm(y))
        if abs(loss - run.training_mse) > slack or off > allowed:  # what large coefficients round
            turned = float(np.linalg.norm(apart)) / max(measure.sine(Z), EPS)
            strain = (100 * EPS * turned / measure.length(Z)) ** 2
            if squares is not None:
                strain += measure.strain(squares)
                allowed += 32 * EPS * float(np.linalg.norm(measure.sizes(squares, [Z])))
            slack += strain + 2 * np.sqrt(strain * run.training_mse)
            allowed += 100 * EPS * turned
        bad = not (abs(loss - run.training_mse) <= slack and off <= allowed)
        said = (
            f"loss {loss:.3g} for {run.training_mse:.3g} within {slack:.1g}, answer {off:.2g} off within {allowed:.1g}"
        )
        self.count("twin of unequal loss", bad, f"input {i}: {said}, answers {twin(Z)} for {y}")
        return twin

    def roads(self, traces: la.Traces, decisions: np.ndarray, inside: np.ndarray, measure: Measure) -> None:
        """Other roads to the same range never contradict it."""
        asked = contexts_of(self.case.asked)
        shards = self.case.shards(traces)
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
                if other != Decision.UNDECIDED and not self.close(other, bool(inside[i]), self.case.asked[i], measure):
                    self.against(int(other), bool(inside[i]), i, measure, road)
                note = f"input {i}: learn {NAMES[int(one)]}, {road} {NAMES[int(other)]}"
                self.count("two roads contradict", {one, other} == pair, note)
                if one != Decision.UNDECIDED:
                    self.count("a road undecided", other == Decision.UNDECIDED, note)

    def taken(self, roads: dict[str, Any]) -> list[str]:
        """One road a case, in turn; every sixth case takes all."""
        names = list(roads)
        return names if self.number % 6 == 0 else [names[self.number % 6]]

    def heads(self, traces: la.Traces) -> None:
        """Heads answer the data as the predictor does, or say by how much they do not."""
        mode = ("svd", "minimal")[self.number // 5 % 2]
        run = self.guarded(mode, lambda: la.learn(traces, heads=mode))
        if run is None:
            return
        given = np.array([run.predictor(Z) - run.model(Z) for Z in self.case.contexts])
        off = float(np.abs(given).max()) / (float(np.abs(self.case.answers).max()) or 1.0)
        stated = max(HEADS_OFF, 4 * run.heads.deviation)
        self.count("heads off", not off <= stated, f"{mode}: {off:.1e} off, stated {run.heads.deviation:.1e}")
        if run.heads.deviation <= HEADS_OFF:
            loss, mean = mean_square(run.model, self.case), float(np.mean(np.sum(self.case.answers**2, axis=1)))
            slack = 1e-3 * HEADS_OFF * mean  # answers off by HEADS_OFF change a loss by no more, square and cross term
            worse = loss > run.training_mse * (1 + 1e-3) + slack
            self.count("heads off", worse, f"{mode}: loss {loss:.3g} for {run.training_mse:.3g}, mean y^2 {mean:.1g}")

    def ridge(self, traces: la.Traces) -> None:
        """With a ridge the answers are those of the one best fit, in the units given; there is no twin."""
        rows = np.array([literal_features(Z) for Z in self.case.contexts])
        lengths = np.linalg.norm(rows, axis=1)
        if not self.case.plain or not lengths.all():
            return
        run = self.guarded("ridge", lambda: la.learn(traces, heads=None, ridge=0.01))
        if run is None:
            return
        weights = np.sqrt(np.array(self.case.repeats, dtype=float))[:, None]
        small = np.sqrt(0.01 * len(traces)) * np.eye(rows.shape[1])
        nothing = np.zeros((len(small), self.case.answers.shape[1]))
        answers = np.vstack([self.case.answers * weights, nothing])
        wanted = np.linalg.lstsq(np.vstack([rows * weights, small]), answers, rcond=None)[0].T
        off = np.linalg.norm(run.predictor.coefficients() - wanted)
        self.count("not the least norm", off > 1e-7 * np.linalg.norm(wanted) + 1e-300, f"ridge: {off:.1e} off")
        twin = self.guarded("twin", lambda: la.twin(run, self.case.asked[3], self.case.answers[0] + 1.0))
        self.count("twin of unequal loss", twin is not None, "a twin of a ridge")


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
