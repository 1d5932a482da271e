"""Wall time, and tables a person can read."""

import resource
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def timed(call: Callable[[], T], repeats: int = 1) -> tuple[float, T]:
    """The best of ``repeats`` runs, in seconds, and the last result."""
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - begin)
    return best, result


def peak_bytes() -> int:
    """The largest resident size this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain-text table; numbers to three significant digits."""
    cells = [[_cell(c) for c in row] for row in rows]
    width = [max(len(r[i]) for r in [list(header), *cells]) for i in range(len(header))]
    lines = ["  ".join(c.rjust(w) for c, w in zip(row, width, strict=True)) for row in [list(header), *cells]]
    return "\n".join(["", f"## {title}", *lines])


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
