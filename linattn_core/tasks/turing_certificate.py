"""The legal space of a universal Turing machine as a ``Family``: its dimension, and legal contexts that span it (ours).

From above: Karr's analysis (``linattn_core.turing_family``), proved over the rationals (``linattn_core.turing_proof``).
From below: real contexts of real runs, chosen so that they are independent modulo a prime. Where the numbers meet, the
chosen contexts span the features of every legal context.
"""

from __future__ import annotations

import base64
import json
import zlib
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from linattn_core.family import Family
from linattn_core.numerics import Progress, no_progress
from linattn_core.tasks.turing_layout import Design
from linattn_core.tasks.turing_legal import all_steps, token_machine
from linattn_core.tasks.turing_rank import independent
from linattn_core.tasks.turing_sample import FAMILY_SEED, sample_family
from linattn_core.tasks.turing_traces import Episodes, draw_episodes, make_traces
from linattn_core.tasks.turing_words import situations
from linattn_core.traces import Traces
from linattn_core.turing_family import LegalBlock, TokenMachine, legal_blocks, legal_spaces
from linattn_core.turing_proof import prove

DATA = "turing_families.json"
EXACT_BELOW_DIM = 24
"""Designs up to this embedding dimension are analysed on demand, in seconds; larger ones only where shipped."""
MAX_MACHINES = 4096


@lru_cache(maxsize=1)
def shipped() -> dict[str, dict[str, Any]]:
    """Return the shipped records by design and sizes, such as "slim 4 3 8"."""
    text = files("linattn_core.data").joinpath(DATA).read_text(encoding="utf-8")
    records: dict[str, dict[str, Any]] = json.loads(text)
    return records


def record_name(design: Design) -> str:
    """Return the name of a design's record."""
    return f"{design.name} {design.states} {design.letters} {design.cells}"


def known_dimension(design: Design) -> int | None:
    """Return the dimension of the legal space: shipped or computed in seconds, None where it is not known exactly."""
    record = _record(design)
    return int(record["dimension"]) if record is not None and record["exact"] else None


def known_source(design: Design) -> str:
    """Return how the dimension of ``known_dimension`` was found."""
    record = _record(design)
    assert record is not None, "asked where the dimension is known"
    return str(record["source"])


@lru_cache(maxsize=4)
def turing_family(design: Design) -> Family:
    """Return legal contexts that span the legal space; ``source`` says "exact" or, for large designs, "sampled"."""
    if _record(design) is None:
        return sample_family(design).family
    contexts, words, source = spanning_contexts(design)
    return Family.of(contexts, words, len(words), source)


def spanning_contexts(design: Design) -> tuple[Traces, tuple[str, ...], str]:
    """Return the independent legal contexts of a known record, their words, and how far they span the legal space."""
    record = _record(design)
    assert record is not None, "asked where a record is known"
    episodes, steps = unpack_episodes(design, record["episodes"]), record["steps"]
    chosen = np.flatnonzero(_unpack_bits(record["chosen"]))
    words, _ = situations(design, episodes, steps)
    contexts = make_traces(design, episodes, steps, 0.0, 0).subset(chosen)
    return contexts, tuple(words[i] for i in chosen), record["source"]


def _record(design: Design) -> dict[str, Any] | None:
    name = record_name(design)
    if name in shipped():
        return shipped()[name]
    return _computed(design) if design.dim <= EXACT_BELOW_DIM else None


@lru_cache(maxsize=8)
def _computed(design: Design) -> dict[str, Any]:
    return compute_record(design)


def compute_record(
    design: Design, *, steps: int = 10, halting: float = 0.3, progress: Progress = no_progress
) -> dict[str, Any]:
    """Compute the legal dimension from above, and independent legal contexts from below; "exact" if the two meet.

    They need not: with one letter the affine bound is too generous (a machine that never stops writes the same for
    ever, which no affine relation says). Then the contexts are a sample, and said to be one.

    About 2 s for slim (2,2,4), 20 s for slim (3,2,6), 10 minutes for slim (4,3,8), each on one core.
    """
    machine = token_machine(design)
    spaces = legal_spaces(machine, progress)
    parts = legal_blocks(machine, spaces, progress)
    gap = prove(machine, spaces, parts)
    dimension = sum(part.dimension for part in parts)
    arithmetic = "Karr's analysis over the rationals" if not gap else f"Karr's analysis modulo 2^31 - 1 ({gap})"
    episodes, mask, count = _spanning_runs(design, dimension, steps, halting, progress)
    rank = int(mask.sum())
    if rank == dimension:
        source = f"exact: {arithmetic}, met by contexts of {count} random machines"
    else:
        source = f"sampled: contexts of {count} random machines span {rank}; {arithmetic} allows {dimension}"
    return {
        "exact": rank == dimension,
        "dimension": rank,
        "bound": dimension,
        "stages": stage_dimensions(design, machine, parts),
        "source": source,
        "steps": steps,
        "episodes": pack_episodes(episodes),
        "chosen": _pack_bits(mask),
    }


def _spanning_runs(
    design: Design, dimension: int, steps: int, halting: float, progress: Progress
) -> tuple[Episodes, np.ndarray, int]:
    """Return runs, the mask of independent contexts, and how many machines: doubled until the rank is met or stalls.

    Early contexts are taken first, so that the words about them are short stories.
    """
    count, before = 64, -1
    while True:
        count *= 2
        episodes = draw_episodes(design, count, FAMILY_SEED, halting)
        contexts = make_traces(design, episodes, steps, 0.0, 0)
        if len(contexts) < 1.2 * dimension and count < MAX_MACHINES:
            continue
        _, times = situations(design, episodes, steps)
        mask = independent(contexts, np.argsort(times, kind="stable"), progress)
        if int(mask.sum()) in (dimension, before) or count >= MAX_MACHINES:
            return episodes, mask, count
        before = int(mask.sum())


def stage_dimensions(design: Design, machine: TokenMachine, parts: list[LegalBlock]) -> dict[str, int]:
    """Return the dimension of the legal space at each stage; stages whose tokens share coordinates count together."""
    steps = all_steps(design.states, design.letters, design.cells)
    # Token i of a step is the query of stage i + 1; the last is the T1 of the next step.
    stage = {
        t.tobytes(): (i + 1) % len(chain) for chain in design.step(steps).astype(np.int64) for i, t in enumerate(chain)
    }
    found: dict[str, int] = {}
    for part in parts:
        names = {design.stages[stage.get(machine.tokens[z].tobytes(), 0)] for z in part.tokens}
        label = " + ".join(name for name in design.stages if name in names)
        found[label] = found.get(label, 0) + part.dimension
    return found


def pack_episodes(episodes: Episodes) -> str:
    """Return episodes as text: integers from -1 to 126, compressed."""
    flat = np.concatenate(
        [x.reshape(len(episodes), -1) for x in (episodes.table, episodes.tape, episodes.state, episodes.head)], axis=1
    )
    return base64.b64encode(zlib.compress(flat.astype(np.int8).tobytes(), 9)).decode("ascii")


def unpack_episodes(design: Design, text: str) -> Episodes:
    """Return the episodes behind ``pack_episodes``."""
    Q, S, n = design.states, design.letters, design.cells
    flat = (
        np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.int8)
        .astype(np.int64)
        .reshape(-1, Q * S * 3 + n + 2)
    )
    table, tape, state, head = np.split(flat, [Q * S * 3, Q * S * 3 + n, Q * S * 3 + n + 1], axis=1)
    return Episodes(table.reshape(-1, Q, S, 3), tape, state.ravel(), head.ravel())


def _pack_bits(mask: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes(), 9)).decode("ascii")


def _unpack_bits(text: str) -> np.ndarray:
    return np.unpackbits(np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8))
