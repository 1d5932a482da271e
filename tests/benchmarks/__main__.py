"""Print this machine's ratios: ``python -m tests.benchmarks [name ...]``; without names, all but the long ones.

``--cases N`` says how many cases the adversary (trust) judges.
"""

import argparse
import sys
from collections.abc import Callable

from tests.benchmarks import heads, plans, scale, speed, trust, turing

TABLES: dict[str, Callable[[], str]] = {
    "algorithm1": speed.against_algorithm1,
    "rank-k": speed.rank_k_update,
    "device": speed.devices,
    "adamw": speed.against_adamw,
    "automata": scale.all_automata,
    "streams": scale.streams,
    "growth": scale.growth,
    "heads": heads.tables,
    "automata-12": lambda: scale.all_automata(((12, 12),)),
    "plans": plans.plans,
    "certified": turing.certified,
    "certified-4-3-8": lambda: turing.certified((((4, 3, 8), (250, 300, 350, 400)),), steps=20, halting=0.2),
    "trust": trust.report,
}
LONG = {"automata-12", "heads", "certified-4-3-8", "trust"}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--cases", type=int, default=trust.CASES)
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in TABLES]
    if unknown:
        sys.exit(f"benchmarks: got {', '.join(unknown)}, wanted any of {', '.join(TABLES)}.")
    tables = TABLES | {"trust": lambda: trust.report(asked.cases)}
    for name in asked.names or [name for name in TABLES if name not in LONG]:
        print(tables[name](), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
