"""When a fit is exact and an answer is sound: every tolerance of the light, each relative to the largest answer.

What decides a range or a rank stands in ``linattn_core.tolerances``; here is only what the light asks beside it.
"""

from __future__ import annotations

EXACT_FIT = 1e-8
"""A layer fits its traces exactly where the LARGEST residual is at most this: rounding leaves 1e-15 to 1e-12 on data of
even units and up to 1e-10 where offsets are a million standard deviations; noise that anybody would set lies above."""

SOUND_ANSWER = 1e-6
"""An answer is sound where rounding can have changed it by at most this, and a fresh check agrees within it: a million
times finer than the step between two states or two symbols."""
