"""Executing Turing machines by attention alone: answer after answer, many runs side by side."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from linattn_core.attention import LinearAttention, Predictor
from linattn_core.errors import ShapeError
from linattn_core.features import svec_indices, svec_scale
from linattn_core.tasks.turing_layout import Design
from linattn_core.tasks.turing_traces import Episodes, sequences, simulate_all

CACHE_BYTES = 256 * 2**20
HALT_BELOW = 0.5
"""An answer all of whose entries are smaller than this is the zero token: halt. Tokens have entries in {-1, 0, 1}."""


class Answers:
    """Answers of one model at many C (b, d, d) that share a last token z: linear in C, y = M_z vec(C).

    M_z is formed once for each z and kept, unless few heads respond to z: then V_h C Q_h z is cheaper.
    """

    def __init__(self, model: LinearAttention | Predictor) -> None:
        self.model = model
        self._kept: OrderedDict[bytes, np.ndarray] = OrderedDict()

    def __call__(self, C: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return the answers (b, m)."""
        if isinstance(self.model, LinearAttention):
            scores = self.model.Q @ z
            active = np.flatnonzero(scores.any(axis=1))
            if 2 * len(active) <= self.model.outputs:
                return np.einsum("had,bdh->ba", self.model.V[active], C @ scores[active].T, optimize=True)
        return C.reshape(len(C), -1) @ self.map(z).T

    def map(self, z: np.ndarray) -> np.ndarray:
        """Return M_z (m, d * d)."""
        key = z.tobytes()
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        found = self._from_heads(z) if isinstance(self.model, LinearAttention) else self._from_weights(z)
        self._kept[key] = found
        while len(self._kept) > max(1, CACHE_BYTES // found.nbytes):
            self._kept.popitem(last=False)
        return found

    def _from_heads(self, z: np.ndarray) -> np.ndarray:
        assert isinstance(self.model, LinearAttention)
        scores = self.model.Q @ z
        return np.tensordot(self.model.V, scores, axes=(0, 0)).reshape(self.model.outputs, -1)

    def _from_weights(self, z: np.ndarray) -> np.ndarray:
        assert isinstance(self.model, Predictor)
        d = self.model.dim
        entry, query = np.divmod(self.model.columns, d)
        j, k = svec_indices(d)
        place, scale = j * d + k, svec_scale(d)  # C is symmetric: its upper triangle is enough
        M = np.zeros((len(self.model.weights), d * d))
        for axis in np.flatnonzero(z):
            use = query == axis
            M[:, place[entry[use]]] += self.model.weights[:, use] * (z[axis] * scale[entry[use]])
        return M


@dataclass(frozen=True, eq=False)
class Execution:
    """Tokens (B, T, d) the model appended, zero after its halt, and the largest |y - round(y)| (B,) of each run."""

    tokens: np.ndarray
    rounding_error: np.ndarray


def execute(model: LinearAttention | Predictor, prompts: np.ndarray, count: int, *, rounding: bool = True) -> Execution:
    """Append up to ``count`` answers to each prompt (B, L, d), as the literal attention formula would give them.

    C grows by z z^T for each new token z, which is what summing over the whole context again would give. Runs stop at a
    zero answer. ``rounding`` sets every answer to the nearest integers before it is appended.
    """
    if prompts.ndim != 3 or prompts.shape[2] != model.dim or prompts.shape[1] < 1:
        raise ShapeError(f"prompts: got shape {prompts.shape}, wanted (B, L, {model.dim}) with L >= 1 tokens a prompt.")
    answers = Answers(model)
    C = np.swapaxes(prompts, 1, 2) @ prompts
    z, out = prompts[:, -1].copy(), np.zeros((len(prompts), count, model.dim))
    error, running = np.zeros(len(prompts)), np.arange(len(prompts))
    for t in range(count):
        if len(running) == 0:
            break
        y = _grouped(answers, C, z, running)
        nearest = np.rint(y) + 0.0  # -0.0 would look like another token
        error[running] = np.maximum(error[running], np.abs(y - nearest).max(axis=1))
        token = nearest if rounding else y
        # A run that left the legal contexts without rounding may grow without bound; it has lost its meaning anyway.
        goes_on = (np.abs(y).max(axis=1) >= HALT_BELOW) & (np.abs(y).max(axis=1) < 1e9)
        running, token = running[goes_on], token[goes_on]
        out[running, t] = z[running] = token
        C[running] += token[:, :, None] * token[:, None, :]
    return Execution(out, error)


def _grouped(answers: Answers, C: np.ndarray, z: np.ndarray, running: np.ndarray) -> np.ndarray:
    """Return the answers (r, m) of the runs ``running``; those with the same last token are computed together."""
    last = np.ascontiguousarray(z[running])
    rows = last.view(np.dtype((np.void, last.dtype.itemsize * last.shape[1]))).ravel()
    _, first, group = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(group, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(group))[:-1])
    found = [answers(C[running[members]], last[first[g]]) for g, members in enumerate(parts)]
    y = np.empty((len(running), found[0].shape[1]))
    y[order] = np.concatenate(found)
    return y


@dataclass(frozen=True, eq=False)
class Trial:
    """Runs of many machines against the plain simulator: ``exact`` (B,) where every token was right to the end."""

    exact: np.ndarray
    halted: np.ndarray
    steps: np.ndarray
    rounding_error: np.ndarray


def try_runs(
    model: LinearAttention | Predictor, design: Design, episodes: Episodes, steps: int, *, rounding: bool = True
) -> Trial:
    """Execute the episodes for at most ``steps`` steps and compare every token with what the simulator demands."""
    history = simulate_all(episodes, steps)
    wanted = sequences(design, episodes, history)
    L = wanted.prompt
    prompts = wanted.tokens[wanted.start[:, None] + np.arange(L)]
    count = int((wanted.stop - wanted.start).max()) - L
    ran = execute(model, prompts, count, rounding=rounding)
    # Answers asked for: up to the token closing a halting run, or up to the T1 of the first step not taken.
    length = wanted.answered - wanted.start - L
    ask = np.arange(count)[None] < length[:, None]
    index = np.where(ask, wanted.start[:, None] + L + np.arange(count)[None], 0)
    wrong = np.abs(ran.tokens - wanted.tokens[index]).max(axis=2) > HALT_BELOW
    return Trial(~(wrong & ask).any(axis=1), history.halted, history.lengths, ran.rounding_error)
