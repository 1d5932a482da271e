"""How far it goes: all 8-state automata, streams of ten million examples, and growth against N, T, d and Q."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

import linattn_core as la
from tests.benchmarks.timing import peak_bytes, table, timed


def in_fresh_process(call: str) -> dict[str, float]:
    """Run ``call``, an expression over this module giving a dict, in its own process: peak memory is its own."""
    code = f"import json; from tests.benchmarks import scale; print(json.dumps(scale.{call}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def universal(states: int, letters: int, share: float = 1.5) -> dict[str, float]:
    """Learn and certify every automaton of one size from ``share`` times as many random traces as dimensions."""
    task = la.tasks.UniversalAutomaton(states=states, letters=letters)
    count = int(share * task.family_dimension)
    traces = task.traces(count, seed=0)
    before = peak_bytes()
    planned, plan = timed(lambda: la.plan(traces))
    learned, run = timed(lambda: la.learn(traces, heads=None))
    grown = peak_bytes() - before
    certified, family = timed(lambda: run.certificate.covers(task))
    fresh = task.traces(2_000, seed=1)
    return {
        "examples": count,
        "dimension": family.dimension,
        "rank": family.rank,
        "holds": int(family.holds),
        "blocks": len(plan.blocks),
        "plan s": planned,
        "predicted s": plan.seconds,
        "learn s": learned,
        "predicted MiB": plan.bytes / 2**20,
        "learn MiB": grown / 2**20,
        "certify s": certified,
        "fresh error": float(abs(run.predictor.on(fresh) - fresh.targets).max()),
        "peak MiB": peak_bytes() / 2**20,
    }


def all_automata(sizes: tuple[tuple[int, int], ...] = ((4, 4), (6, 6), (8, 8))) -> str:
    """One row a size, each in its own process."""
    found = [in_fresh_process(f"universal({Q}, {S})") for Q, S in sizes]
    rows = [(f"({Q},{S})", *result.values()) for (Q, S), result in zip(sizes, found, strict=True)]
    return table("Every automaton of a size: learned AND certified", ("(Q,S)", *found[0]), rows)


def stream(count: int, d: int) -> dict[str, float]:
    """Add ``count`` examples from a generator of chunks; memory must not depend on ``count``."""

    def chunks():
        rng = np.random.default_rng(0)
        for _ in range(count // 100_000):
            yield la.Traces.from_sequences(rng.normal(size=(1_000, 100, d)) / 10, rng.normal(size=(1_000, 100, 1)))

    seconds, moments = timed(lambda: la.Moments.of(chunks()))
    learned, _ = timed(lambda: la.learn(moments, heads=None))
    return {"examples": moments.count, "stream s": seconds, "learn s": learned, "peak MiB": peak_bytes() / 2**20}


def streams() -> str:
    """Constant memory: one million and ten million examples at d = 8."""
    found = [in_fresh_process(f"stream({count}, 8)") for count in (10**6, 10**7)]
    return table("Streaming at d = 8", tuple(found[0]), [tuple(f.values()) for f in found])


def dense(N: int, T: int, d: int) -> dict[str, float]:
    """Learn from N random sequences of T tokens."""
    rng = np.random.default_rng(0)
    traces = la.Traces.from_sequences(rng.normal(size=(N, T, d)) / np.sqrt(T), rng.normal(size=(N, T, 1)))
    seconds, run = timed(lambda: la.learn(traces, heads=None), repeats=2)
    return {"s": seconds, "moments s": run.seconds["features"], "peak MiB": peak_bytes() / 2**20}


GROWTH = {
    "N (d = 8, T = 100)": ("1: p^2 an example", [(N, f"dense({N}, 100, 8)") for N in (500, 1000, 2000, 4000)]),
    "T (d = 8, N = 500)": ("1: running sums", [(T, f"dense(500, {T}, 8)") for T in (50, 100, 200, 400)]),
    "d (N T = 20,000)": ("6: d^6 / 16 sums of an example", [(d, f"dense(200, 100, {d})") for d in (8, 12, 16, 20)]),
    "Q (all automata, S = 4)": ("see note", [(Q, f"universal({Q}, 4)") for Q in (4, 6, 8, 10)]),
}


def growth() -> str:
    """Time and memory against N, T, d and Q with fitted exponents beside the theoretical ones."""
    rows = []
    for name, (theory, points) in GROWTH.items():
        found = [(x, in_fresh_process(call)) for x, call in points]
        seconds = [f.get("s", f.get("learn s", 0.0)) for _, f in found]
        exponent = np.polyfit(np.log([x for x, _ in found]), np.log(seconds), 1)[0]
        for (x, result), s in zip(found, seconds, strict=True):
            rows.append((name, x, float(s), float(result["peak MiB"]), "", ""))
        rows.append((name, "fit", "", "", float(exponent), theory))
    note = (
        "\nQ: S Q blocks of 1 + S Q (Q-1) dimensions: factoring them is S^4 Q^7 asymptotically; at these sizes forming "
        "the features, S^2 Q^3 examples of about 4 S Q numbers, is as large a part."
    )
    header = ("against", "value", "seconds", "peak MiB", "fitted exponent", "theory")
    return table("Growth", header, rows) + note + f"\nThe same as a plot: {_plot(rows)}"


def _plot(rows: list[tuple[object, ...]]) -> Path:
    """Write the growth table as log-log curves, each with its fitted exponent in its name."""
    figure = go.Figure()
    for name in GROWTH:
        points = [row for row in rows if row[0] == name]
        exponent, theory = points[-1][4:]
        xs, ys = zip(*((row[1], row[2]) for row in points[:-1]), strict=True)
        title = f"{name}: exponent {exponent:.2f}, theory {theory}"
        figure.add_scatter(x=xs, y=ys, mode="lines+markers", name=title)
    figure.update_layout(title="Seconds to learn", xaxis_type="log", yaxis_type="log", yaxis_title="seconds")
    target = Path("test-artifacts") / "growth.html"
    target.parent.mkdir(exist_ok=True)
    figure.write_html(target)
    return target
