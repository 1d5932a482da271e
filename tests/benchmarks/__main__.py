"""Print this machine's ratios: ``python -m tests.benchmarks [name ...]``; without names, all but the long ones."""

import sys
from collections.abc import Callable

from tests.benchmarks import heads, scale, speed

TABLES: dict[str, Callable[[], str]] = {
    "algorithm1": speed.against_algorithm1,
    "rank-k": speed.rank_k_update,
    "devices": speed.devices,
    "adamw": speed.against_adamw,
    "automata": scale.all_automata,
    "streams": scale.streams,
    "growth": scale.growth,
    "heads": heads.tables,
    "automata-12": lambda: scale.all_automata(((12, 12),)),
}
LONG = {"automata-12", "heads"}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        sys.exit(f"benchmarks: got {', '.join(unknown)}, wanted any of {', '.join(TABLES)}.")
    for name in names or [name for name in TABLES if name not in LONG]:
        print(TABLES[name](), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
