"""``python -m tests.benchmarks.trust [--cases N] [--seed S] [--only family ...] [--case family:number]``."""

import argparse

from tests.benchmarks.trust import runner

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=runner.CASES)
    parser.add_argument("--seed", type=int, default=runner.SEED)
    parser.add_argument("--processes", type=int, default=runner.PROCESSES)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--case", help="one case, such as plain:17")
    asked = parser.parse_args()
    if asked.case:
        family, _, number = asked.case.rpartition(":")
        print(runner.part([(family, int(number))], asked.seed).report(20))
    else:
        print(runner.run(asked.cases, asked.seed, asked.processes, asked.only).report())
