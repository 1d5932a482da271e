"""Two transformers of equal loss that disagree: what an open certificate means, and which trace would close it."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from linattn_core.attention import LinearAttention, Predictor
from linattn_core.certificate import Certificate
from linattn_core.errors import CertifiedError, ShapeError
from linattn_core.features import as_context, feature_rows, features
from linattn_core.heads import svd_heads
from linattn_core.learn import Run
from linattn_core.numerics import AMBIGUITY_TOLERANCE, RANK_TOLERANCE, check_memory
from linattn_core.traces import Traces


def twin(run: Run, Z: np.ndarray, y: np.ndarray) -> LinearAttention:
    """Return a model with the same training loss as ``run`` that answers ``y`` (m,) at ``Z`` (d, n).

    Ours: with u = (I - Pi) phi(Z) != 0 the predictor P + v u^T agrees with P on every training input, since their
    features lie in range(Lambda), and v = (y - P phi(Z)) / ||u||^2 makes it answer y at Z. Raises ``CertifiedError``
    where Z is certified, ``ShapeError`` for a malformed Z or y.
    """
    return svd_heads(twin_predictor(run, Z, y))


def twin_predictor(run: Run, Z: np.ndarray, y: np.ndarray) -> Predictor:
    """Return the twin as a linear predictor."""
    certificate, predictor = run.certificate, run.predictor
    Z, y = as_context(Z, certificate.dim), np.atleast_1d(np.asarray(y, dtype=np.float64))
    m = len(predictor.weights)
    if y.shape != (m,) or not np.isfinite(y).all():
        raise ShapeError(f"twin: got an answer of shape {y.shape}, wanted ({m},) finite numbers.")
    phi = features(Z)
    u = certificate.outside(sparse.csr_array(phi[None])).toarray()[0]
    if u @ u <= AMBIGUITY_TOLERANCE * (phi @ phi):
        raise CertifiedError(
            "twin: got an input that the data pin down (ambiguity 0), so every minimiser gives the same answer there; "
            "choose an input whose ambiguity is above 0."
        )
    check_memory(24.0 * m * len(phi), "The twin's coefficients", "use a smaller embedding dimension")
    P = predictor.coefficients()
    P += np.outer((y - predictor(Z)) / (u @ u), u)
    columns = np.flatnonzero(np.any(P != 0, axis=0))
    return Predictor(predictor.dim, columns, P[:, columns])


def next_trace(certificate: Certificate, candidates: Traces) -> int:
    """Return the index of the candidate of largest ambiguity: it raises the rank by one (ours), unless all are
    certified.

    Raises ``ShapeError`` on zero candidates.
    """
    if len(candidates) == 0:
        raise ShapeError("next_trace: got zero candidates, wanted at least one input to choose from.")
    return int(np.argmax(certificate.ambiguities(candidates)))


def next_traces(certificate: Certificate, candidates: Traces, count: int) -> list[int]:
    """Return up to ``count`` candidates, each the most ambiguous once the ones before it are known.

    Greedy choice with rank-one updates is pivoted Cholesky of the residual Gram matrix of the normalised candidates:
    its diagonal is the ambiguity left, its pivots the choices. Stops early where everything left is certified.
    """
    rows = sparse.csr_array(feature_rows(candidates))
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    left = sparse.csr_array(sparse.diags_array(1 / np.where(norms > 0, norms, 1)) @ certificate.outside(rows))
    ambiguity = np.asarray(left.multiply(left).sum(axis=1)).ravel()
    limit = min(count, len(candidates))
    chosen: list[int] = []
    columns = np.zeros((len(candidates), limit))
    while len(chosen) < limit and ambiguity.max(initial=0.0) > max(AMBIGUITY_TOLERANCE, RANK_TOLERANCE):
        best, t = int(np.argmax(ambiguity)), len(chosen)
        column = (left @ left[[best]].T).toarray().ravel() - columns[:, :t] @ columns[best, :t]
        columns[:, t] = column / np.sqrt(ambiguity[best])
        ambiguity = np.maximum(ambiguity - columns[:, t] ** 2, 0.0)
        chosen.append(best)
        ambiguity[chosen] = 0.0
    return chosen
