"""Every tolerance of a numeric decision, in one table.

Measured against exact membership (integers, and floating-point tokens read as the fractions they are): with rows
normalised and the projection applied twice, members of a range keep an ambiguity below 15 EPSILON^2 (1 + l), l their
leverage; the nearest intruders lie at 4e-20 (Turing machines, wide) and above 1e-9 elsewhere.
"""

from __future__ import annotations

EPSILON = 2.0**-52

WELL_CONDITIONED = 1e-9
"""A second moment whose eigenvalues (or LAPACK's estimate of them) keep above this fraction of the largest has full
rank beyond doubt, and normal equations with one refinement solve it to rounding. Below, the features themselves are
factored: squaring them loses half of the digits."""

KEPT, SURELY_KEPT, SURELY_DROPPED = 1e-13, 1e-12, 1e-14
"""Singular values of normalised feature rows, as fractions of the largest: above the first they count for the rank; any
between the second and the third leave the rank undecided, since rounding lies at 1e-15."""

PIVOT_KEPT, PIVOT_DROPPED = 1e-9, 1e-13
"""A pivoted Cholesky factor of normalised rows decides a rank alone where no pivot lies between these."""

RANK_TOLERANCE = 1e-12
"""Pivots of normalised rows below this fraction of the largest count as zero where they must decide alone."""

CERTIFIED_EPSILONS, CERTIFIED, OPEN = 100.0, 1e-24, 1e-16
"""An input is certified where its ambiguity is at most min(100 EPSILON^2 (1 + leverage), 1e-24), open above 1e-16 and
undecided between the two."""

OPEN_IN_DOUBT = 1e-8
"""Where some directions are in doubt, only what lies outside by more than this is open: a twin off those directions
would amplify their rounding."""

AS_THEY_ARE = 16.0
"""Tokens whose singular values differ by no more than this factor are learned in the coordinates they come in."""

UNUSED, STRAY = 1e-13, 1e-12
"""A direction of relative singular value below the first is used by no training token; an input uses it where a token's
component there exceeds the second times the token's whitened length."""

ROUNDING_EPSILONS = 16.0
"""The rounding of an answer is at most this many epsilons of sum |P| |phi|."""

EVEN_ROWS = 1e4
"""Squared lengths of weighted rows may differ by this factor before a fit must factor the rows sorted by size."""

FIT_ROUNDING = 1e-9
"""Heads agree with the predictor where their answers differ by at most this fraction of the largest answer."""

EQUAL_LOSS = 1e-9
"""Two models have equal training loss where it differs by at most this fraction of mean ||y||^2 (or of the loss)."""

ROUNDED_LOSS = 1e-20
"""A training loss below this fraction of the largest ||y||^2 is rounding: two such are equal."""

REALIZED = 1e-6
"""A largest training residual below this fraction of the largest answer is a fit to rounding, magnified at most."""

ANSWERED = 1e-6
"""A twin answers what was asked where it misses it by at most this fraction of the change asked for."""

EXACT_FIT = 1e-8
"""The light's: a layer fits its traces exactly where the LARGEST residual is at most this fraction of the largest
answer. Rounding leaves 1e-15 to 1e-12 on data of even units and up to 1e-10 where offsets are a million standard
deviations; noise that anybody would set lies above."""

SOUND_ANSWER = 1e-6
"""The light's: an answer is sound where rounding can have changed it by at most this fraction of the largest one, and a
fresh check agrees within it: a million times finer than the step between two states or two symbols."""
