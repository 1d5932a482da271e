"""Heads as sentences in the words of the task: who asks, who is matched, what is copied.

    V = I on `next state`, Q = I on `pair`:           query `pair` matches key `pair` and copies `next state`
    V = a transition matrix, Q = constant by letter:  if query `letter` is 1, maps `state`: even -> odd; odd -> even

Names and labels are passed through literally, whatever they hold; whoever draws a sentence escapes it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from linattn_core.attention import LinearAttention
from linattn_core.heads.triples import Attribute

SHOWN = 12
"""Entries of a list that are spelled out."""
TERMS = 3
"""Labels a combination may hold to be spelled out."""
EQUAL = 1e-6
"""Weights that differ by less, relative to the largest of their block, are the same."""


def program_sentences(
    model: LinearAttention, attributes: Sequence[Attribute], output_attributes: Sequence[Attribute]
) -> tuple[str, ...]:
    """Return one sentence a head; ``attributes`` name the d coordinates, ``output_attributes`` the m answers."""
    return tuple(sentence(V, Q, attributes, output_attributes) for V, Q in zip(model.V, model.Q, strict=True))


def sentence(V: np.ndarray, Q: np.ndarray, attributes: Sequence[Attribute], outputs: Sequence[Attribute]) -> str:
    """Return one head, V (m, d) and Q (d, d), as a sentence."""
    values, queries = _blocks(V, outputs, attributes), _blocks(Q, attributes, attributes)
    if not values or not queries:
        return "does nothing: its answers are zero"
    does = _actions(values)
    if all(key.size == 1 for _, key, _ in queries):
        asked = [f"query {_weighted(block[0], query, 'is ')}" for block, _, query in queries if query.size > 1]
        if len(asked) < len(queries):  # a constant query meets a constant key
            return f"always {does}" if not asked else f"always, and more if {_join(asked, ' or ')}, {does}"
        return f"if {_join(asked, ' or ')}, {does}"
    return f"{_join([_match(*part) for part in queries], ' or ')} and {does}"


Part = tuple[np.ndarray, Attribute, Attribute]


def _blocks(matrix: np.ndarray, rows: Sequence[Attribute], columns: Sequence[Attribute]) -> list[Part]:
    """Return the non-zero blocks of a matrix with their row and column attributes."""
    floor = EQUAL * float(np.abs(matrix).max(initial=0.0))
    cleaned = np.where(np.abs(matrix) > floor, matrix, 0.0)
    every = [(cleaned[row.slice, column.slice], row, column) for row in rows for column in columns]
    return [(block, row, column) for block, row, column in every if block.any()]


def _match(block: np.ndarray, key: Attribute, query: Attribute) -> str:
    """Say which keys (rows) a query (columns) meets."""
    size = EQUAL * float(np.abs(block).max())
    scale = _identity(block)
    if scale is not None and block.size > 1:
        return f"query `{query.name}` matches key `{key.name}`{_times(scale)}"
    if (np.abs(block - block[:1]) <= size).all():  # every key alike
        who = "any query" if query.size == 1 else f"query {_weighted(block[0], query, '')}"
        return f"{who} matches every key `{key.name}`" if key.size > 1 else f"{who} matches any key"
    if (np.abs(block - block[:, :1]) <= size).all():  # every query alike
        who = "any query" if query.size == 1 else f"any query `{query.name}`"
        return f"{who} matches key {_weighted(block[:, 0], key, '')}"
    if query.name == key.name and _identity(block[np.ix_(*(np.flatnonzero(block.any(axis=0)),) * 2)]) is not None:
        shared = np.diag(block)
        return f"query `{query.name}` matches key `{key.name}` where it is {_labels(shared, key)}"
    pairs = _mapping(block.T, query, key, " with ")
    if pairs is None:
        return f"query `{query.name}` is weighed against key `{key.name}` by a {_size(block)} matrix"
    return f"query `{query.name}` matches key `{key.name}` ({pairs})"


def _actions(values: Sequence[Part]) -> str:
    """Say what becomes of the value attributes (columns) in the output attributes (rows)."""
    copied, other = [], []
    for block, output, value in values:
        scale = _identity(block)
        into = "" if value.name == output.name else f" to `{output.name}`"
        if scale is not None and block.size > 1 and not _times(scale):
            copied.append(f"`{value.name}`{into}")
        elif scale is not None and block.size > 1:
            other.append(f"copies `{value.name}`{into}{_times(scale)}")
        elif value.size == 1:
            other.append(f"answers `{output.name}` {_labels(block[:, 0], output)}")
        elif (pairs := _mapping(block.T, value, output, " -> ")) is not None:
            other.append(f"maps `{value.name}`{into}: {pairs}")
        else:
            other.append(f"mixes `{value.name}`{into} by a {_size(block)} matrix")
    return _join(([f"copies {_join(copied, ' and ')}"] if copied else []) + other, " and ", ", ")


def _identity(block: np.ndarray) -> float | None:
    """Return c where the block is c times the identity, else None."""
    if block.shape[0] != block.shape[1]:
        return None
    c = float(np.mean(np.diag(block)))
    close = np.abs(block - c * np.eye(len(block))) <= EQUAL * np.abs(block).max()
    return c if c and close.all() else None


def _weighted(weights: np.ndarray, attribute: Attribute, verb: str) -> str:
    """Name the coordinates of a vector of weights: `letter`, or `letter` a or b with ``verb`` in between."""
    full = np.count_nonzero(weights) == len(weights) and np.ptp(weights) <= EQUAL * np.abs(weights).max()
    if full:
        return f"`{attribute.name}`{_times(float(weights[0]))}"
    return f"`{attribute.name}` {verb}{_labels(weights, attribute)}"


def _labels(weights: np.ndarray, attribute: Attribute) -> str:
    """List the labels of the non-zero weights, with the weights where they are not all one."""
    active = np.flatnonzero(weights)
    names = [attribute.labels[i] + (f" (times {weights[i]:.4g})" if _times(float(weights[i])) else "") for i in active]
    return _listed(names, " or ")


def _mapping(block: np.ndarray, source: Attribute, target: Attribute, arrow: str) -> str | None:
    """Spell out the rows of ``block`` (source, target) as "a -> b; c -> d - e"; None where a row is too full."""
    if (np.count_nonzero(block, axis=1) > TERMS).any():
        return None
    active = np.flatnonzero(block.any(axis=1))
    return _listed([f"{source.labels[i]}{arrow}{_combination(block[i], target)}" for i in active], "; ")


def _combination(weights: np.ndarray, attribute: Attribute) -> str:
    """Write a sparse combination of labels, positive terms first: "b - 0.5 a"."""
    text = ""
    for i in sorted(np.flatnonzero(weights), key=lambda i: -weights[i]):
        size = abs(weights[i])
        factor = "" if abs(size - 1) <= EQUAL else f"{size:.4g} "
        sign = (" + " if weights[i] > 0 else " - ") if text else ("" if weights[i] > 0 else "-")
        text += f"{sign}{factor}{attribute.labels[i]}"
    return text


def _times(scale: float) -> str:
    return "" if abs(scale - 1) <= EQUAL else f" times {scale:.4g}"


def _size(block: np.ndarray) -> str:
    return f"{block.shape[0]} x {block.shape[1]}"


def _listed(items: Sequence[str], separator: str) -> str:
    """Join items, at most ``SHOWN`` of them."""
    more = f"{separator}{len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return separator.join(items[:SHOWN]) + more


def _join(items: Sequence[str], last: str, between: str = ", ") -> str:
    return items[0] if len(items) == 1 else between.join(items[:-1]) + last + items[-1]
