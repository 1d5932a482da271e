"""What the figures show, taken from results: axis names, head sizes, blocks of the spectrum, visits per transition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from linattn_core.attention import LinearAttention
from linattn_core.certificate import Certificate
from linattn_core.tasks import Attribute, StepAutomaton
from linattn_core.traces import Traces

SPECTRUM_LIMIT = 500  # eigenvalues of a block of this rank take a few hundredths of a second


def axis_names(attributes: Sequence[Attribute]) -> list[str]:
    """A name for every coordinate of an embedding or an answer: its label, with the block's name where two collide.

    A block of one coordinate, like the constant, goes by the name of the block.
    """
    plain = [name for a in attributes for name in (a.labels if a.size > 1 else (a.name,))]
    if len(set(plain)) == len(plain):
        return plain
    return [f"{attribute.name}: {name}" for attribute in attributes for name in attribute.labels]


def head_sizes(model: LinearAttention) -> np.ndarray:
    """||V_h||_F ||Q_h||_F for each head (H,).

    For heads made by a singular value decomposition these are the singular values of the (m d) x (d d) unfolding of W:
    V_h and Q_h are unit singular vectors, each scaled by the root of the singular value.
    """
    return np.sqrt(np.sum(model.V**2, axis=(1, 2)) * np.sum(model.Q**2, axis=(1, 2)))


def eigenvalues(certificate: Certificate) -> tuple[np.ndarray, int]:
    """The non-zero eigenvalues of Lambda / N that are cheap to have, falling, and how many more there are.

    Small blocks keep their eigenvalues; a block known by r independent examples has those of its r x r core, since
    L L^T and L^T L share their non-zero ones. Blocks with r above `SPECTRUM_LIMIT` are only counted. In the coordinates
    of T z where the learner took others than the tokens came in.
    """
    found = []
    for space in certificate.spaces:
        if space.rank <= SPECTRUM_LIMIT and (values := space.spectrum) is not None:
            found.append(values)
    values = np.sort(np.concatenate(found))[::-1] if found else np.empty(0)
    return values / certificate.count, certificate.rank - len(values)


def visits(task: StepAutomaton, traces: Traces) -> np.ndarray:
    """How many examples stand at each (state, letter), (Q, S) integers."""
    tokens = traces.tokens[traces.stop - 1]
    states, letters = (tokens[:, attribute.slice] for attribute in task.attributes[:2])
    return np.rint(np.asarray((states.T @ letters).todense() if hasattr(tokens, "todense") else states.T @ letters))


def first_tokens(traces: Traces, count: int) -> np.ndarray:
    """The first `count` stored tokens (d, count), dense, one a column."""
    tokens = sparse.csr_array(traces.tokens[:count])
    return tokens.toarray().T


def running_moments(Z: np.ndarray) -> np.ndarray:
    """C_1 .. C_n (n, d, d) of a context Z (d, n): the second moment of the tokens read so far."""
    return np.cumsum(np.einsum("jt,kt->tjk", Z, Z), axis=0)


def stacked_heads(model: LinearAttention) -> np.ndarray:
    """Each head as one tile (H, d + 1 + m, d): Q, an empty line, V below it.

    Only the product of V_h and Q_h matters, so in each the largest entry is set to the head's size relative to the
    largest head: faint tiles are small heads.
    """
    H, m, d = model.V.shape
    tiles = np.full((H, d + 1 + m, d), np.nan)
    weight = head_sizes(model) / max(float(head_sizes(model).max(initial=0.0)), np.finfo(float).tiny)
    for h, (V, Q) in enumerate(zip(model.V, model.Q, strict=True)):
        tiles[h, :d] = Q / (np.abs(Q).max() or 1.0) * weight[h]
        tiles[h, d + 1 :] = V / (np.abs(V).max() or 1.0) * weight[h]
    return tiles
