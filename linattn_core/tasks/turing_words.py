"""What goes on at each example of a Turing machine's run, in words: phrases for a family's missing directions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from linattn_core.tasks.turing_layout import Design
from linattn_core.tasks.turing_traces import Episodes, simulate_all


def situations(design: Design, episodes: Episodes, steps: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Return a phrase for each example of ``make_traces`` with these arguments, and its time in the run (N,)."""
    history = simulate_all(episodes, steps)
    columns = [
        getattr(history.steps, name).tolist() for name in ("state", "head", "letter", "next_state", "written", "move")
    ]
    words, times, e = [], [], 0
    stages = len(design.stages)
    for length, halted in zip(history.lengths, history.halted, strict=True):
        for t in range(length):
            step = tuple(column[e] for column in columns)
            # In duo a halting step writes a token after which the model still has to answer: nothing.
            last = design.writes_at_halt and halted and t == length - 1
            words += [f"step {t + 1}, {situation(design, s, step)}" for s in range(stages + last)]
            times += [t * stages + s for s in range(stages + last)]
            e += 1
    return tuple(words), np.array(times)


def situation(design: Design, stage: int, step: Sequence[int]) -> str:
    """Say what the model has to do at one stage of a step (state, head, letter, next state, written, move)."""
    q, q2 = (f"q{step[i]}" for i in (0, 3))
    a, w = (design.letter_labels[step[i]] for i in (2, 4))
    does = {-1: "moves left", 0: "halts", 1: "moves right"}[step[5]]
    what = design.stages[stage] if stage < len(design.stages) else "stop"
    if what == "read":
        return f"reading cell {step[1]} in state {q}"
    if what == "join":
        return f"having read {a} in state {q}"
    if what.startswith("look up"):
        return f"looking up state {q} on {a} at cell {step[1]}: a machine that writes {w}, goes to {q2} and {does}"
    return f"a machine that {does} after writing {w} over {a} in state {q} at cell {step[1]}"
