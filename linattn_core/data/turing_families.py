"""Compute the shipped legal spaces: ``python -m linattn_core.data.turing_families slim 4 3 8`` (design, Q, S, n).

Without arguments it computes all of ``SHIPPED``. Writes ``turing_families.json`` beside this file.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from linattn_core.tasks.turing_certificate import DATA, compute_record, record_name
from linattn_core.tasks.turing_designs import DESIGNS

SHIPPED: tuple[tuple[str, int, int, int], ...] = (
    ("slim", 2, 2, 4),
    ("wide", 2, 2, 4),
    ("duo", 2, 2, 4),
    ("slim", 3, 2, 6),
    ("slim", 4, 3, 8),
)


def main(arguments: list[str]) -> None:
    """Compute the asked records and merge them into the file."""
    asked = list(SHIPPED)
    if arguments:
        states, letters, cells = map(int, arguments[1:4])
        asked = [(arguments[0], states, letters, cells)]
    path = Path(__file__).with_name(DATA)
    records = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name, states, letters, cells in asked:
        design = DESIGNS[name](states, letters, cells)
        begin = time.perf_counter()
        steps, halting = (20, 0.2) if states > 3 else (10, 0.3)
        record = compute_record(design, steps=steps, halting=halting)
        records[record_name(design)] = record
        seconds = time.perf_counter() - begin
        sys.stderr.write(f"{record_name(design)}: {record['dimension']} = {record['stages']} in {seconds:.0f} s\n")
        path.write_text(json.dumps(records, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
