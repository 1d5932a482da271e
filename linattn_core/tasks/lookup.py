"""Tables in the context: one token a key, [key; value], then the query [key; 0]. Shared by the universal automaton
(keys are state-letter pairs, values states) and the memory of a user's own words.

    key    k0 | 1 0 0 . 0 |       Sum over tokens whose key matches the query, copy the value:
           k1 | 0 1 0 . 1 |       one head, V = [0 I], Q = [I 0; 0 0], is right for every table.
           k2 | 0 0 1 . 0 |
    value  v0 | 1 0 0 . 0 |       For a fixed query all features are affine in the indicators x[key, value], whose
           v1 | 0 1 1 . 0 |       rows sum to one: 1 + K (L - 1) dimensions a query, K (1 + K (L - 1)) in all. Ours.
"""

from __future__ import annotations

import numpy as np

from linattn_core.attention import LinearAttention
from linattn_core.errors import TooLargeError
from linattn_core.tasks.base import ragged_ones
from linattn_core.traces import Traces

MAX_FAMILY = 250_000  # 12 states x 12 letters need 228,240: minutes and gigabytes, planned before they are spent


def lookup_dimension(keys: int, values: int) -> int:
    """Return K (1 + K (L - 1)), the dimension spanned by all tables and queries."""
    return keys * (1 + keys * (values - 1))


def history_dimension(keys: int, values: int) -> int:
    """Return K (1 + K L), the dimension spanned by all tables and queries with tokens of the table repeated.

    A repeated token frees the sum of its row of indicators, so that for a fixed query all K L of them are free, beside
    the query's own token. Measured by exact rank: 36, 78, 114 for (K, L) = (4, 2), (6, 2), (6, 3).
    """
    return keys * (1 + keys * values)


def check_lookup(keys: int, values: int, what: str) -> None:
    """Raise ``TooLargeError`` where the family is beyond what one sitting can learn."""
    dimension = lookup_dimension(keys, values)
    if dimension > MAX_FAMILY:
        raise TooLargeError(
            f"{what}: got {keys} keys and {values} values, a family of {dimension:,} dimensions, wanted at most "
            f"{MAX_FAMILY:,}; use fewer keys or values."
        )


def lookup_truth(keys: int, values: int) -> LinearAttention:
    """Return the one head that answers every query to every table: match the key, copy the value."""
    d = keys + values
    V, Q = np.zeros((1, values, d)), np.zeros((1, d, d))
    V[0, :, keys:] = np.eye(values)
    Q[0, :keys, :keys] = np.eye(keys)
    return LinearAttention(V, Q)


def lookup_contexts(tables: np.ndarray, queries: np.ndarray, values: int, history: np.ndarray | None = None) -> Traces:
    """Return the contexts of N tables (N, K), entries value indices, with queries (N,), key indices.

    history (N, h): keys whose tokens are repeated between the table and the query, as a run leaves them behind. The
    answer is then scaled by 1 + the number of times the queried key is repeated; its largest entry is the same. An
    entry -1 stands for no token.
    """
    N, K = tables.shape
    keys = np.broadcast_to(np.arange(K, dtype=np.int32), (N, K))
    if history is not None:
        keys = np.concatenate([keys, history.astype(np.int32)], axis=1)
    n = keys.shape[1]  # tokens before the query
    held = np.concatenate([keys >= 0, np.ones((N, 1), dtype=bool)], axis=1)
    keys = np.maximum(keys, 0)
    columns = np.empty((N, 2 * n + 1), dtype=np.int32)
    columns[:, 0:-1:2] = keys
    columns[:, 1:-1:2] = K + np.take_along_axis(tables, keys, axis=1)
    columns[:, -1] = queries
    ones_each = np.full((N, n + 1), 2, dtype=np.int32)
    ones_each[:, -1] = 1
    entries = np.repeat(held, 2, axis=1)[:, :-1]
    tokens = ragged_ones(columns[entries], ones_each[held], K + values)
    count = held.sum(axis=1, dtype=np.int64)
    return Traces.adopt(tokens, np.cumsum(count) - count, np.cumsum(count))


def spanning_tables(keys: int, values: int) -> np.ndarray:
    """Return 1 + K (L - 1) tables (R, K) whose indicators span: all zeros, then every single change of one entry."""
    tables = np.zeros((1 + keys * (values - 1), keys), dtype=np.int64)
    flips = [(key, value) for key in range(keys) for value in range(1, values)]
    for row, (key, value) in enumerate(flips, start=1):
        tables[row, key] = value
    return tables


def changed_entry(table: np.ndarray) -> tuple[int, int]:
    """Return (key, value) of the single change of a spanning table that is not the first."""
    key = int(np.flatnonzero(table)[0])
    return key, int(table[key])
