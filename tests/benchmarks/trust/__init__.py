"""An adversary for the light: random and nasty cases through the public API, judged by oracles that share no code.

``python -m tests.benchmarks trust`` judges all of them, ``python -m tests.benchmarks.trust`` has options: another
number, one family, one case. ``oracles`` knows what is exactly so (integers modulo primes, least squares in long
arithmetic), ``simulate`` runs machines by hand, ``measure`` tells close calls of floating point from lies, ``judge``
holds one data set against them, ``dense``, ``tasks`` and ``labs`` draw the cases.
"""

from tests.benchmarks.trust.runner import CASES, report, run

__all__ = ["CASES", "report", "run"]
