"""Two transformers of equal loss that disagree: what an open certificate means, and which trace would close it."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from linattn_core.attention import LinearAttention, Predictor, dense_predictor
from linattn_core.certificate import Certificate
from linattn_core.certificates.decision import Decision
from linattn_core.errors import CertifiedError, LinattnError, ShapeError, UndecidedError
from linattn_core.features import as_context
from linattn_core.heads import as_predictor, plain_heads, svd_heads
from linattn_core.inputs import number, targets_of
from linattn_core.learn import Run
from linattn_core.numerics import check_memory
from linattn_core.tolerances import ANSWERED, EPSILON, EQUAL_LOSS, ROUNDED_LOSS, ROUNDING_EPSILONS
from linattn_core.traces import Traces

CHOICE = 1e-12
"""Differences of ambiguities below this are rounding of the updates; what is left is no choice any more."""


def twin(run: Run, Z: np.ndarray, y: np.ndarray) -> LinearAttention:
    """Return a model with the same training loss as ``run`` that answers ``y`` (m,) at ``Z`` (d, n).

    Ours: with u = (I - Pi) phi(Z) != 0 the predictor P + v u^T agrees with P on every training input, since their
    features lie in range(Lambda), and v = (y - P phi(Z)) / <u, phi(Z)> makes it answer y at Z. Its loss is computed
    before it is returned. Raises ``CertifiedError`` where Z is certified, ``UndecidedError`` where neither that nor the
    contrary can be shown at this precision, or the losses are not equal, ``ShapeError`` for a malformed Z or y.
    """
    found = _built(run, Z, y)
    heads = svd_heads(found)
    if _fault(run, heads, Z, y):
        heads = plain_heads(found)
        _demand(_fault(run, heads, Z, y))
    return heads


def twin_predictor(run: Run, Z: np.ndarray, y: np.ndarray) -> Predictor:
    """Return the twin as a linear predictor."""
    found = _built(run, Z, y)
    _demand(_fault(run, found, Z, y))
    return found


def _built(run: Run, Z: np.ndarray, y: np.ndarray) -> Predictor:
    """Return the twin, not yet held to its promise."""
    certificate, predictor = run.certificate, run.predictor
    Z, y = as_context(Z, certificate.dim), np.atleast_1d(targets_of(y, "twin: the answer"))
    m = len(predictor.weights)
    if y.shape != (m,):
        raise ShapeError(f"twin: got an answer of shape {y.shape}, wanted ({m},) finite numbers.")
    if certificate.ridge:
        raise LinattnError("twin: got a run with a ridge, whose best fit depends on units; learn with ridge = 0.")
    asked = Traces.contexts(Z.T, np.array([0]), np.array([Z.shape[1]]))
    _demand_open(certificate, asked)
    rows = certificate.rows_inside(asked)
    u, phi = certificate.free_direction(rows), rows.toarray()[0]
    check_memory(32.0 * m * len(phi), "The twin's coefficients", "use a smaller embedding dimension")
    P = predictor.inner_coefficients()
    P += np.outer((y - predictor(Z)) / (u @ phi), u)
    return dense_predictor(predictor.dim, P, predictor.whitening)


def _demand_open(certificate: Certificate, asked: Traces) -> None:
    decision = certificate.decide(asked)[0]
    if decision == Decision.CERTIFIED:
        raise CertifiedError(
            "twin: got an input that the data pin down (ambiguity 0), so every minimiser gives the same answer there; "
            "choose an input whose ambiguity is above 0."
        )
    if decision == Decision.UNDECIDED:
        raise UndecidedError(f"twin: it is undecided whether the data pin down this input: {certificate.reason}.")


def _demand(fault: str) -> None:
    if fault:
        raise UndecidedError(f"twin: {fault}, since rounding is too coarse here; choose another input or answer.")


def _fault(run: Run, found: Predictor | LinearAttention, Z: np.ndarray, y: np.ndarray) -> str:
    """Say what is wrong with a twin, computed: its training loss, or its answer; "" where it keeps its promise.

    Two losses are equal where they differ by no more than the rounding of the answers they are made of.
    """
    loss, allowed = run.loss(found), EQUAL_LOSS * run.training_mse + ROUNDED_LOSS * run.answer_scale**2
    if abs(loss - run.training_mse) > allowed + run.loss_rounding(as_predictor(found)):
        return f"the model built has training loss {loss:.2g} instead of {run.training_mse:.2g}"
    asked = Traces.contexts(Z.T, np.array([0]), np.array([Z.shape[1]]))
    rounding = ROUNDING_EPSILONS * EPSILON * float(as_predictor(found).rounding(asked)[0])
    off = float(np.abs(found.on(asked)[0] - y).max(initial=0.0))
    if off > rounding + ANSWERED * float(np.abs(y - run.predictor(Z)).max(initial=0.0)):
        return f"the model built misses the answer asked for by {off:.2g}"
    return ""


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
    rows = certificate.rows_inside(candidates)
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    left = sparse.csr_array(sparse.diags_array(1 / np.where(norms > 0, norms, 1)) @ certificate.outside(rows))
    ambiguity = np.asarray(left.multiply(left).sum(axis=1)).ravel()
    limit = min(
        int(number(count, "next_traces: count")), len(candidates), len(np.unique(left.indices))
    )  # no more directions than features are left
    check_memory(
        8.0 * len(candidates) * limit,
        f"Choosing up to {limit:,} of {len(candidates):,} candidates",
        "ask for fewer, or offer fewer candidates",
    )
    chosen: list[int] = []
    columns = np.zeros((len(candidates), limit))
    while len(chosen) < limit and ambiguity.max(initial=0.0) > CHOICE:
        best, t = int(np.argmax(ambiguity)), len(chosen)
        column = (left @ left[[best]].T).toarray().ravel() - columns[:, :t] @ columns[best, :t]
        columns[:, t] = column / np.sqrt(ambiguity[best])
        ambiguity = np.maximum(ambiguity - columns[:, t] ** 2, 0.0)
        chosen.append(best)
        ambiguity[chosen] = 0.0
    return chosen
