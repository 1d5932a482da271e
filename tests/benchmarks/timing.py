"""Wall time, and tables a person can read."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
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
    """The largest resident size of this process; Linux's own count, since getrusage's is inherited from the parent."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmHWM in /proc/self/status: peak memory is measured on Linux only")


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain-text table; numbers to three significant digits."""
    cells = [[_cell(c) for c in row] for row in rows]
    width = [max(len(r[i]) for r in [list(header), *cells]) for i in range(len(header))]
    lines = ["  ".join(c.rjust(w) for c, w in zip(row, width, strict=True)) for row in [list(header), *cells]]
    return "\n".join(["", f"## {title}", *lines])


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
