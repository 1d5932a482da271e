"""What a memory answers when it is asked for each of its keys: the plain associative memory, and the learned layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from linattn_core.attention import Predictor
from linattn_core.tasks.correlated import cosines
from linattn_core.tasks.memory import AssociativeMemory
from linattn_core.tasks.vectors import VectorMemory
from linattn_core.tasks.words import TableMemory
from linattn_core.traces import Traces

MemoryTask = AssociativeMemory | TableMemory | VectorMemory
ROUNDING = 1e-7  # of the values' spread: farther from a value, an answer is not that value
NEARER = 1e-9  # of the largest distance: closer calls than this are no retrieval, the answer lies between two values


@dataclass(frozen=True, eq=False)
class Retrieval:
    """One memory of K keys and L distinct values, asked for every key.

    overlaps (K, K): cosines of the keys. plain, learned (K, L): Euclidean distance of the answer to key i from value j;
    the nearest value is what is retrieved. right (K,): the number of the value that belongs to each key. spread: the
    largest distance between two of the values (of a single one, from zero). ``memory`` says in words which memory was
    asked.
    """

    keys: tuple[str, ...]
    values: tuple[str, ...]
    right: np.ndarray
    overlaps: np.ndarray
    plain: np.ndarray
    learned: np.ndarray
    spread: float
    memory: str

    @property
    def plain_right(self) -> np.ndarray:
        """(K,) booleans: the plain memory's answer is nearer to the right value than to any other."""
        return self._nearest(self.plain)

    @property
    def learned_right(self) -> np.ndarray:
        """(K,) booleans: the learned layer's answer is nearer to the right value than to any other."""
        return self._nearest(self.learned)

    @property
    def margins(self) -> np.ndarray:
        """(K,): how much nearer the learned answer is to the right value than to any other; below 0 it is not."""
        row = np.arange(len(self.keys))
        others = self.learned.copy()
        others[row, self.right] = np.inf
        return np.asarray(others.min(axis=1) - self.learned[row, self.right])

    @property
    def plain_miss(self) -> float:
        """The mean distance of the plain memory's answers from their values."""
        return float(self.plain[np.arange(len(self.keys)), self.right].mean())

    @property
    def learned_miss(self) -> float:
        """The mean distance of the learned layer's answers from their values."""
        return float(self.learned[np.arange(len(self.keys)), self.right].mean())

    @property
    def plain_exact(self) -> bool:
        """Whether every answer of the plain memory is the right value, up to rounding."""
        return self._exact(self.plain)

    @property
    def learned_exact(self) -> bool:
        """Whether every answer of the learned layer is the right value, up to rounding."""
        return self._exact(self.learned)

    @property
    def mean_overlap(self) -> float:
        """The mean cosine of two different keys; 0 for a single key."""
        K = len(self.keys)
        return float((self.overlaps.sum() - np.trace(self.overlaps)) / (K * (K - 1))) if K > 1 else 0.0

    def _exact(self, distances: np.ndarray) -> bool:
        scale = max(self.spread, float(distances.max()), 1e-300)
        return bool((distances[np.arange(len(self.keys)), self.right] <= ROUNDING * scale).all())

    def _nearest(self, distances: np.ndarray) -> np.ndarray:
        row = np.arange(len(self.keys))
        others = distances.copy()
        others[row, self.right] = np.inf
        margin = NEARER * max(float(distances.max()), 1e-300)
        return np.asarray(distances[row, self.right] + margin < others.min(axis=1))


def retrieval(task: MemoryTask, traces: Traces, predictor: Predictor) -> Retrieval:
    """Ask the user's own table, or the first memory of ``traces`` where every memory is drawn afresh.

    The plain memory answers sum_j <q, k_j> v_j / <q, q>, so that the asked value has weight 1 and what is added is the
    interference. A layer that learned the sums themselves is divided by <q, q> as well.
    """
    keys, values, right, key_names, value_names, memory = _asked(task, traces)
    overlaps = keys @ keys.T
    weights = overlaps / np.diag(overlaps)[:, None]
    answers = predictor.on(_contexts(keys, values[right]))
    if isinstance(task, AssociativeMemory):
        answers = answers[:, task.key_dim :]
        if task.answer == "sum":
            answers = answers / np.diag(overlaps)[:, None]
    return Retrieval(
        key_names,
        value_names,
        right,
        cosines(keys),
        _distances(weights @ values[right], values),
        _distances(answers, values),
        float(_distances(values, values if len(values) > 1 else 0.0 * values).max()) or 1.0,
        memory,
    )


_Asked = tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...], tuple[str, ...], str]


def _asked(task: MemoryTask, traces: Traces) -> _Asked:
    """Return keys (K, dk), distinct values (L, dv), the number of each key's value, names, and which memory it is."""
    if isinstance(task, VectorMemory):
        return task.keys, task.values, task.own, task.key_names, task.value_names, "your own table"
    if isinstance(task, TableMemory):
        own = np.array([task.values.index(value) for _, value in task.table])
        return np.eye(len(task.keys)), np.eye(len(task.values)), own, task.keys, task.values, "your own table"
    first, _ = traces[0]
    d = task.key_dim
    numbered: Callable[[str], tuple[str, ...]] = lambda what: tuple(f"{what} {i + 1}" for i in range(d))  # noqa: E731
    memory = "the first memory of the traces, with nothing beside the query"
    return first[:d, :d].T, first[d:, :d].T, np.arange(d), numbered("key"), numbered("value"), memory


def _contexts(keys: np.ndarray, values: np.ndarray) -> Traces:
    """Return one context a key: all pairs, then the key with nothing beside it."""
    K, dk = keys.shape
    tokens = np.zeros((K, K + 1, dk + values.shape[1]))
    tokens[:, :K, :dk], tokens[:, :K, dk:] = keys, values
    tokens[:, K, :dk] = keys
    start = np.arange(K) * (K + 1)
    return Traces.contexts(tokens.reshape(K * (K + 1), -1), start, start + K + 1)


def _distances(answers: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(answers[:, None] - values[None], axis=2))
