"""The legal space of a universal Turing machine from below alone: the span of the contexts of random runs (ours).

Where Karr's analysis (``turing_certificate``) would take too long there is no bound from above. A sample of legal
contexts spans a subspace of the legal space, so its dimension is a lower bound; growth that stalls is evidence that
little is missing, and no proof: a rare machine may excite a direction that no machine of the sample does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linattn_core.family import Family
from linattn_core.numerics import Progress, no_progress, readable_bytes
from linattn_core.tasks.turing_layout import Design
from linattn_core.tasks.turing_rank import CHUNK, Span
from linattn_core.tasks.turing_traces import draw_episodes, make_traces
from linattn_core.tasks.turing_words import situations
from linattn_core.traces import Traces

FAMILY_SEED = 2410_10101
"""The contexts of a family are drawn from a seed that nobody trains with by default."""
SAMPLE_STEPS, SAMPLE_HALTING = 20, 0.2
FIRST_MACHINES, MAX_MACHINES = 128, 8192
MAX_BASIS_BYTES = 256 * 2**20
"""The echelon bases of a sample; working copies take about four times as much. About a minute of work at most."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A sampled family: ``contexts`` of ``machines`` random machines from ``seed``, at most ``steps`` steps each.

    ``quiet``: how many machines since the last that added a direction. ``stalled``: the second half of the machines
    added none; otherwise a bound on machines or memory ended the sample while it still grew.
    """

    family: Family
    machines: int
    contexts: int
    quiet: int
    stalled: bool
    seed: int
    steps: int

    @property
    def dimension(self) -> int:
        """The dimension of the sample's span: a lower bound on the legal dimension."""
        return self.family.dimension


def sample_family(
    design: Design,
    *,
    seed: int = FAMILY_SEED,
    steps: int = SAMPLE_STEPS,
    halting: float = SAMPLE_HALTING,
    max_machines: int = MAX_MACHINES,
    max_bytes: int = MAX_BASIS_BYTES,
    progress: Progress = no_progress,
) -> Sample:
    """Return the span of the contexts of random machines' runs, the machines doubled until the second half adds none.

    Ranks are decided modulo a prime. Of equal length in time, early contexts are taken first, so that the words about
    them are short stories. ``progress`` may raise ``Cancelled``. Raises what ``draw_episodes`` raises.
    """
    span, chosen, words = Span(design.dim), list[Traces](), list[str]()
    before, total, contexts, last = 0, min(FIRST_MACHINES, max_machines), 0, 0
    while True:
        episodes = draw_episodes(design, total, seed, halting).subset(slice(before, total))
        traces = make_traces(design, episodes, steps, 0.0, 0)
        phrases, times = situations(design, episodes, steps)
        order = np.argsort(times, kind="stable")
        mask = np.zeros(len(traces), dtype=bool)
        for low in range(0, len(order), CHUNK):
            progress(low / len(order), f"sampling legal contexts: {total:,} machines, {span.rank:,} dimensions")
            part = order[low : low + CHUNK]
            mask[part] = span.add(traces.subset(part))
            if span.bytes > max_bytes:
                break
        contexts += len(traces)
        found = np.flatnonzero(mask)
        if len(found):
            last = before + 1 + int(np.searchsorted(np.unique(traces.start), traces.start[found]).max())
        chosen.append(traces.subset(found))
        words += [phrases[i] for i in found]
        stalled = before > 0 and len(found) == 0
        if stalled or total >= max_machines or span.bytes > max_bytes:
            break
        before, total = total, min(2 * total, max_machines)
    quiet = total - last
    source = _source(contexts, total, seed, steps, quiet) + ("" if stalled else _ended(total, span.bytes, max_bytes))
    family = Family.of(Traces.concat(chosen), tuple(words), span.rank, source)
    return Sample(family, total, contexts, quiet, stalled, seed, steps)


def _source(contexts: int, machines: int, seed: int, steps: int, quiet: int) -> str:
    return (
        f"sampled: a lower bound on the legal dimension, from {contexts:,} contexts of {machines:,} random machines "
        f"(seed {seed}, at most {steps} steps each), of which the last {quiet:,} added no direction"
    )


def _ended(machines: int, held: int, max_bytes: int) -> str:
    bound = f"{readable_bytes(max_bytes)} of memory" if held > max_bytes else f"{machines:,} machines"
    return f"; it ended at the bound of {bound} before growth stalled"
