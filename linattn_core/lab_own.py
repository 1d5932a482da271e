"""What a lab can build out of a user's own tables and files: memories of words and vectors, sequences."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Collection
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, PlainSerializer, PlainValidator, SerializerFunctionWrapHandler, model_serializer

from linattn_core.errors import SpecError
from linattn_core.lab_spec import Label, Number, Seed, Spec, Whole
from linattn_core.sequences import Sequences
from linattn_core.tasks import AssociativeMemory, OwnSequences, TableMemory, VectorMemory
from linattn_core.tasks.base import check_size, random_stream
from linattn_core.tasks.correlated import MAX_CORRELATION
from linattn_core.tasks.vectors import MAX_ENTRIES

Numbers = Annotated[tuple[Number, ...], Field(max_length=MAX_ENTRIES)]
Embedding = Literal["one-hot", "gaussian", "unitary", "own"]
PLACES = 2  # decimals of a vector that is drawn for the user to edit


class MemoryBuild(Spec):
    """An associative memory of random vectors, of one's own words, or of one's own vectors.

    random vectors: ``dim`` of ``dim`` entries each, a share ``unitary`` of the memories orthogonal; ``answer`` says
    whether the traces show the paper's sum or the asked value (``AssociativeMemory``).
    words: ``table`` of (key, value). Their vectors, by ``embedding``: one-hot; gaussian, ``dim`` entries N(0, 1) drawn
    from ``seed``; unitary, orthonormal ones drawn from it; own, the numbers in ``words``, one vector a word.
    vectors: (key, value) rows of numbers.
    correlation: moves the overlaps of the keys towards 1 (``tasks.correlated``).
    """

    kind: Literal["memory"] = "memory"
    dim: Whole = 4
    unitary: Number = 0.0
    table: tuple[tuple[Label, Label], ...] = ()
    correlation: Annotated[float, Field(strict=True, ge=0, le=MAX_CORRELATION, allow_inf_nan=False)] = 0.0
    answer: Literal["sum", "value"] = "sum"
    embedding: Embedding = "one-hot"
    seed: Seed = 0
    words: Annotated[tuple[tuple[Label, Numbers], ...], Field(max_length=200)] = ()
    vectors: tuple[tuple[Numbers, Numbers], ...] = ()

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is not used: files and links stay as they were before there was more than dim and table."""
        plain = ("kind", "dim", "unitary", "table")
        fields = type(self).model_fields
        return {
            name: value
            for name, value in handler(self).items()
            if name in plain or getattr(self, name) != fields[name].default
        }

    def task(self, length: int = 12) -> AssociativeMemory | TableMemory | VectorMemory:
        """Return the task; ``length`` plays no part."""
        if self.vectors:
            if self.table or self.words:
                raise SpecError("The memory has both words and vectors; leave out 'vectors', or 'table' and 'words'.")
            return VectorMemory(self.vectors, (), self.correlation)
        if not self.table:
            return AssociativeMemory(self.dim, self.unitary, self.correlation, self.answer)
        table = TableMemory(self.table)  # checks the words
        if self.embedding == "one-hot" and not self.correlation:
            return table
        keys, values = self._embedded(table)
        pairs = tuple((keys[key], values[value]) for key, value in self.table)
        return VectorMemory(pairs, self.table, self.correlation)

    def with_table(self, table: tuple[tuple[str, str], ...]) -> MemoryBuild:
        """Return the memory of other words; with own vectors, known words keep theirs and new ones are drawn one."""
        build: MemoryBuild = self.replace(table=table, vectors=())
        return build.with_own_vectors() if self.embedding == "own" else build.replace(words=())

    def with_own_vectors(self) -> MemoryBuild:
        """Return the memory with a vector of the user's own for every word: those given, else Gaussian ones, rounded.

        A word drawn afresh gets as many entries as the given vectors have, ``dim`` where none is given.
        """
        given = dict(self.words)
        entries = len(next(iter(given.values()))) if given else self.dim
        check_size(entries, "dim", MAX_ENTRIES)
        every = dict.fromkeys(word for pair in self.table for word in pair)
        for word in every:
            if word not in given:
                given[word] = self._drawn(word, entries, set(given.values()))
        words = tuple((word, given[word]) for word in every)
        changed: MemoryBuild = self.replace(embedding="own", words=words)
        return changed

    def _drawn(self, word: str, entries: int, taken: Collection[tuple[float, ...]]) -> tuple[float, ...]:
        """Return a vector for a new word: its own stream of the seed, whatever words are there already.

        Rounded numbers may meet a vector that is ``taken``; then the next of the stream is, in the end with more
        places.
        """
        rng = random_stream(self.seed, 3, zlib.crc32(word.encode()))
        for attempt in itertools.count():
            drawn = np.round(rng.normal(size=entries), PLACES + attempt // 100) + 0.0
            vector: tuple[float, ...] = tuple(drawn.tolist())
            if any(vector) and vector not in taken:
                return vector
        raise AssertionError("unreachable")

    def _embedded(self, table: TableMemory) -> tuple[dict[str, tuple[float, ...]], dict[str, tuple[float, ...]]]:
        """Return the vectors of the key words and of the value words."""
        if self.embedding == "own":
            given = self._own_vectors(table)
            return given, given
        found = []
        for stream, words in enumerate((table.keys, table.values), start=1):
            if self.embedding == "gaussian":
                check_size(self.dim, "dim", MAX_ENTRIES)
                rows = random_stream(self.seed, stream).normal(size=(len(words), self.dim))
            else:
                rows = np.eye(len(words))
            if self.embedding == "unitary":
                gaussian = random_stream(self.seed, stream).normal(size=rows.shape)
                Q, R = np.linalg.qr(gaussian)
                rows = Q * np.sign(np.diag(R))
            found.append({word: tuple(row) for word, row in zip(words, rows.tolist(), strict=True)})
        return found[0], found[1]

    def _own_vectors(self, table: TableMemory) -> dict[str, tuple[float, ...]]:
        """Return the given vectors by word. Raises ``SpecError``: a word without, twice, or like another value's."""
        given = dict(self.words)
        if len(given) < len(self.words):
            raise SpecError("A word of the memory has two vectors; give each word one.")
        for word in (*table.keys, *table.values):
            if word not in given:
                raise SpecError(f"The word {word!r} of the memory has no vector; give it one.")
        of: dict[tuple[float, ...], str] = {}
        for word in table.values:
            if of.setdefault(given[word], word) != word:
                raise SpecError(
                    f"The values {of[given[word]]!r} and {word!r} have the same vector, so no answer could tell them "
                    "apart; change one."
                )
        return given


def _sequences_in(value: Any) -> Sequences:
    return value if isinstance(value, Sequences) else Sequences.unpack(value)


SequencesField = Annotated[Sequences, PlainValidator(_sequences_in), PlainSerializer(lambda data: data.packed)]


class SequencesBuild(Spec):
    """A user's own sequences, the numbers themselves: see ``OwnSequences``.

    name: what the user calls them, such as the file they came in. held_out: share of the sequences kept for the end.
    At most ``count`` sequences of the traces are learned from; their seed draws which are held out.
    """

    kind: Literal["sequences"] = "sequences"
    name: Label = "sequences"
    data: SequencesField
    held_out: Number = 0.2

    def task(self, length: int = 12) -> OwnSequences:
        """Return the task; ``length`` plays no part."""
        return OwnSequences(self.data, self.held_out)
