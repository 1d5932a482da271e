"""Typed heads, "decompile": the predictor as a program over the named attributes of the embedding (ours).

For every output attribute: the fewest attribute triples that give all its answers (``triples``), the sparsest
coefficients inside them (``sparsest``), and of the two attributes in the context the one as value and the other as key
that leaves fewer heads. Each head then reads as a sentence. This is Tracr (arXiv:2301.05062) backwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import sparse

from linattn_core.attention import LinearAttention, Predictor
from linattn_core.features import feature_count, svec_indices, svec_position
from linattn_core.heads.program import Program, Relation, TypedHeads, reason
from linattn_core.heads.readable import Freedom, Head, readable_heads
from linattn_core.heads.sentences import program_sentences
from linattn_core.heads.sparsest import System, systems
from linattn_core.heads.triples import (
    Attribute,
    Choice,
    Triple,
    check_attributes,
    owners,
    smallest_choices,
    triple_code,
    triple_labels,
)
from linattn_core.numerics import Progress, check_memory, no_progress
from linattn_core.solve.subspace import Subspace

ZERO = 1e-9
"""Typed coefficients below this fraction of the largest are rounding."""
WHOLE = 1e-9
"""Coefficients this near a whole number, relative to the largest, are that number: one-hot data have whole answers."""
ALTERNATIVES = 24
"""Sets of triples per output attribute that are turned into programs."""
TURNS = 8
"""With at most so many triples all ways to tell value from key are tried, otherwise one triple after the other."""


@dataclass(frozen=True, eq=False)
class Reading:
    """One way to give one output attribute: relations, and W[a, value, key, query] as (m d) x (d d)."""

    relations: tuple[Relation, ...]
    matrix: sparse.csr_array
    heads: int
    preference: tuple[int, ...]


Entries = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""(a, j, k, l, coefficient) of one triple, j in its first attribute and k in its second."""


def typed_heads(
    predictor: Predictor,
    spaces: Sequence[Subspace],
    attributes: Sequence[Attribute],
    output_attributes: Sequence[Attribute],
    *,
    progress: Progress = no_progress,
) -> TypedHeads:
    """Return ``predictor`` as heads that each read one attribute, match one and are asked by one.

    ``spaces`` is the factored range of Lambda (``certificate.spaces``); the heads agree with the predictor there, so
    their training loss is the same. ``attributes`` name the coordinates 0 .. d-1, ``output_attributes`` 0 .. m-1.
    Raises ``ShapeError`` where they do not, ``LinattnError`` where the linear programme fails, ``TooLargeError`` where
    the tables would not fit.
    """
    d, m = predictor.dim, len(predictor.weights)
    check_attributes(attributes, d, "typed heads: attributes")
    check_attributes(output_attributes, m, "typed heads: output attributes")
    freedom = Freedom(_settled(spaces, d), owners(attributes))
    decompiler = _Decompiler(systems(predictor, spaces), attributes, output_attributes, freedom)
    choices = decompiler.choices()
    readings: list[list[Reading]] = []
    for output, found in zip(output_attributes, choices, strict=True):
        progress(0.5 + 0.5 * len(readings) / len(choices), f"reading {output.name}")
        readings.append(decompiler.readings(output, found))
    programs = [decompiler.program(choice) for choice in _combinations(readings)]
    best = programs[0]
    return TypedHeads(
        best.model, best.residual, best.lower_bound, best.reason, best.relations, best.sentences, tuple(programs)
    )


def _combinations(readings: Sequence[Sequence[Reading]]) -> Iterator[tuple[Reading, ...]]:
    """Yield the preferred reading of every output attribute, then every change of one of them."""
    first = tuple(options[0] for options in readings)
    yield first
    for place, options in enumerate(readings):
        for other in options[1:]:
            yield (*first[:place], other, *first[place + 1 :])


class _Decompiler:
    """What all readings of one predictor share."""

    def __init__(
        self, blocks: list[System], attributes: Sequence[Attribute], outputs: Sequence[Attribute], freedom: Freedom
    ) -> None:
        self.blocks, self.attributes, self.outputs = blocks, attributes, outputs
        self.freedom, self.dim = freedom, freedom.dim
        self.labels = [triple_labels(freedom.asker, b.columns, len(attributes)) for b in blocks]
        self.width = sum(o.size for o in outputs)

    def choices(self) -> list[list[Choice]]:
        """Return the smallest sets of triples for every output attribute."""
        return smallest_choices(self.blocks, self.labels, [o.slice for o in self.outputs], len(self.attributes))

    def readings(self, output: Attribute, choices: Sequence[Choice]) -> list[Reading]:
        """Return the readings of one output attribute, the preferred one first."""
        found = [reading for choice in choices[:ALTERNATIVES] for reading in self._of_choice(choice, output)]
        return sorted(found, key=lambda r: r.preference)

    def _of_choice(self, choice: Choice, output: Attribute) -> Iterator[Reading]:
        """Yield the orientation of fewest heads and, where it is another one, the preferred one."""
        triples = sorted(choice)
        entries = self._entries(choice, output)
        if len(triples) <= TURNS:
            turns = list(product((True, False), repeat=len(triples)))
        else:  # each triple by itself, the others as they are
            turns = [(True,) * len(triples)]
            for i in range(len(triples)):
                both = [(*turns[0][:i], side, *turns[0][i + 1 :]) for side in (True, False)]
                turns = [min(both, key=lambda turn: self._reading(triples, entries, turn, output).heads)]
        oriented = [self._reading(triples, entries, turn, output) for turn in turns]
        fewest = min(oriented, key=lambda r: (r.heads, r.preference))
        preferred = min(oriented, key=lambda r: r.preference)
        yield fewest
        if preferred is not fewest:
            yield preferred

    def _entries(self, choice: Choice, output: Attribute) -> dict[Triple, Entries]:
        """Return the sparsest coefficients of every triple of a choice."""
        parts: dict[Triple, list[Entries]] = {t: [] for t in choice}
        for block, labels in zip(self.blocks, self.labels, strict=True):
            chosen = np.isin(labels, [triple_code(t, len(self.attributes)) for t in choice])
            if not chosen.any() or not block.answers[:, output.slice].any():
                continue
            solution = block.sparsest(chosen, output.slice)
            largest = float(np.abs(solution).max())
            solution[np.abs(solution) <= ZERO * largest] = 0.0
            whole = np.round(solution)
            near = np.abs(solution - whole) <= WHOLE * largest
            solution[near] = whole[near]
            at, a = np.nonzero(solution)
            pair, last = np.divmod(block.columns[chosen][at], self.dim)
            low, high = (index[pair] for index in svec_indices(self.dim))
            owner = labels[chosen][at]
            for t in choice:
                here = owner == triple_code(t, len(self.attributes))
                j, k = low[here], high[here]  # attributes lie side by side, so j <= k puts j in the first one
                parts[t].append((a[here] + output.start, j, k, last[here], solution[at, a][here]))
        return {t: _joined(p) for t, p in parts.items()}

    def _reading(
        self, triples: Sequence[Triple], entries: dict[Triple, Entries], turns: Sequence[bool], output: Attribute
    ) -> Reading:
        """Return the reading in which ``turns`` says of every triple whether its first attribute is the value."""
        matrix = sparse.csr_array((self.width * self.dim, self.dim**2))
        relations, costs = [], np.zeros(4, dtype=int)
        for t, turn in zip(triples, turns, strict=True):
            value, key = (t.first, t.second) if turn else (t.second, t.first)
            read, matched, query = (self.attributes[i] for i in (value, key, t.query))
            relations.append(Relation(output.name, read.name, matched.name, query.name))
            matrix = sparse.csr_array(matrix + self._matrix(t, entries[t], turn))
            # Rather the transition matrices of an attribute, then fewer heads, a query that varies, a short key.
            transition = read.labels == output.labels and matched.size == 1
            costs += (not transition, query.size == 1, matched.size, value)
        heads = len(readable_heads(matrix, self.freedom))
        return Reading(tuple(relations), matrix, heads, (int(costs[0]), heads, *map(int, costs[1:])))

    def _matrix(self, triple: Triple, entries: Entries, turn: bool) -> sparse.csr_array:
        """Return W of one triple. Inside one attribute, ``turn`` False shares C_jk out between both ways round."""
        d = self.dim
        a, j, k, last, value = entries
        if triple.first == triple.second and not turn:
            a, last, value = np.tile(a, 2), np.tile(last, 2), np.tile(value / 2, 2)
            j, k = np.concatenate([j, k]), np.concatenate([k, j])
        elif not turn:
            j, k = k, j
        return sparse.csr_array(sparse.coo_array((value, (a * d + j, k * d + last)), (self.width * d, d * d)))

    def program(self, readings: Sequence[Reading]) -> Program:
        """Return the heads of one reading of every output attribute."""
        d, m = self.dim, self.width
        matrix = sparse.csr_array((m * d, d * d))
        for reading in readings:
            matrix = sparse.csr_array(matrix + reading.matrix)
        pairs = readable_heads(matrix, self.freedom)
        H = max(1, len(pairs))
        check_memory(8.0 * H * d * (m + d), f"{H:,} heads at d = {d}", "learn with heads=None")
        V, Q = np.zeros((H, m * d)), np.zeros((H, d * d))
        for h, (rows, left, columns, right) in enumerate(pairs):
            V[h, rows], Q[h, columns] = left, right
        model = LinearAttention(V.reshape(H, m, d), Q.reshape(H, d, d))
        relations = tuple(relation for reading in readings for relation in reading.relations)
        residual = self._residual(pairs)
        sentences = program_sentences(model, self.attributes, self.outputs)
        return Program(model, residual, 1, reason(H, relations, residual), relations, sentences)

    def _residual(self, pairs: Sequence[Head]) -> float:
        """Return how far the heads are from the answers every block demands, relative to them."""
        d, entries = self.dim, []
        for rows, left, columns, right in pairs:
            row, column = np.repeat(rows, len(columns)), np.tile(columns, len(rows))
            low, high = np.minimum(row % d, column // d), np.maximum(row % d, column // d)
            entries.append((np.outer(left, right).ravel(), row // d, svec_position(low, high, d) * d + column % d))
        value, a, feature = (np.concatenate(part) for part in zip(*entries, strict=True)) if entries else ([], [], [])
        c = sparse.csc_array(sparse.coo_array((value, (a, feature)), shape=(self.width, feature_count(d))))
        missed, whole = 0.0, 0.0
        for block in self.blocks:
            plain = c[:, block.columns].T.toarray()
            given = plain if block.rows is None else block.rows @ plain
            missed += float(np.sum((given - block.answers) ** 2))
            whole += float(np.sum(block.answers**2))
        return float(np.sqrt(missed / whole)) if whole else 0.0


def _settled(spaces: Sequence[Subspace], dim: int) -> np.ndarray:
    """Return (d, d, d) booleans: C_jk z_l is not zero in all examples."""
    check_memory(2.0 * dim**3, f"The typed heads' table of features at d = {dim}", "use heads='svd'")
    settled = np.zeros((dim, dim, dim), dtype=bool)
    j, k = svec_indices(dim)
    for space in spaces:
        pair, last = np.divmod(space.columns, dim)
        settled[j[pair], k[pair], last] = settled[k[pair], j[pair], last] = True
    return settled


def _joined(parts: Sequence[Entries]) -> Entries:
    empty = np.empty(0, dtype=np.int64)
    if not parts:
        return empty, empty, empty, empty, np.empty(0)
    a, j, k, last, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    return a, j, k, last, value
