"""A user's own sequences as one frozen value: checked, told apart by content, packed exactly into a short text."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from linattn_core.errors import ShapeError, SpecError, TooLargeError
from linattn_core.inputs import numbers, positions
from linattn_core.traces import Traces

MAX_SEQUENCES = 10_000
MAX_LENGTH = 10_000
MAX_ENTRIES = 32  # of a token, and of a target
MAX_NUMBERS = 180_000  # of all tokens and targets: 1.93 MB as text where nothing about them is regular
MAX_SIZE = 1e6  # of a number: features are cubic, their second moments of degree six
MAX_PACKED = 2 * 2**20  # characters
MAX_DECIMALS = 9

_Size = Annotated[int, Field(strict=True, ge=0, le=MAX_NUMBERS)]
_HEADER: TypeAdapter[tuple[Any, ...]] = TypeAdapter(
    tuple[_Size, _Size, list[tuple[_Size, _Size]], str, Annotated[int, Field(strict=True, ge=0, le=MAX_DECIMALS)]]
)
_TYPES = ("i1", "i2", "i4", "f4", "f8")


@dataclass(frozen=True, eq=False, repr=False)
class Sequences:
    """N sequences of tokens with a target each, or, where none are given, with the next token as target.

        tokens    z_1 z_2 z_3 | z_1 z_2 | ...      (M, d), one token a row, sequence after sequence
        targets   y_1 y_2 y_3 | y_1 y_2 | ...      (M, m); m = 0: the target of z_1 .. z_t is z_(t+1)
        lengths         3     |    2    | ...      (N,)

    Two values are equal if their numbers are: ``digest`` is a SHA-256 of them. Make one with ``build``.
    """

    tokens: np.ndarray
    targets: np.ndarray
    lengths: np.ndarray

    @classmethod
    def build(cls, tokens: Any, targets: Any, lengths: Any) -> Sequences:
        """Check the parts; float64, -0 as 0. Raises ``ShapeError`` or ``TooLargeError`` with one sentence."""
        tokens, targets = numbers(tokens, "tokens") + 0.0, numbers(targets, "targets") + 0.0
        lengths = positions(lengths, "lengths")
        _check_sizes(tokens, targets, lengths)
        for what, part in (("tokens", tokens), ("targets", targets)):
            if abs(part).max(initial=0.0) > MAX_SIZE:
                raise ShapeError(
                    f"The {what} hold {abs(part).max():g}; numbers up to {MAX_SIZE:g} are supported, so scale them."
                )
        for part in (tokens, targets, lengths):
            part.setflags(write=False)
        return cls(tokens, targets, lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequences) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Sequences({len(self)} sequences, {len(self.tokens)} tokens, {self.digest[:8]})"

    @property
    def next_token(self) -> bool:
        """Whether the next token is the target, since none was given."""
        return self.targets.shape[1] == 0

    @property
    def dim(self) -> int:
        """The entries d of a token."""
        return int(self.tokens.shape[1])

    @property
    def outputs(self) -> int:
        """The entries m of what is predicted."""
        return self.dim if self.next_token else int(self.targets.shape[1])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of shapes and numbers, 64 hexadecimal digits."""
        shapes = json.dumps([self.tokens.shape, self.targets.shape])
        parts = (part.astype(kind).tobytes() for part, kind in self._parts)
        return hashlib.sha256(b"".join([shapes.encode(), *parts])).hexdigest()

    @property
    def _parts(self) -> tuple[tuple[np.ndarray, str], ...]:
        return (self.tokens, "<f8"), (self.targets, "<f8"), (self.lengths, "<i8")

    def examples(self, which: np.ndarray | None = None) -> Traces:
        """Return every prefix of the sequences ``which`` (numbers, default all) with its target as an example.

        Where the next token is the target, the whole sequence has none: a sequence of T tokens gives T - 1 examples.
        Raises ``ShapeError`` for a number that no sequence has.
        """
        chosen = np.arange(len(self)) if which is None else positions(which, "which")
        if chosen.ndim != 1 or ((chosen < 0) | (chosen >= len(self))).any():
            raise ShapeError(f"which: got {which}, wanted a list of numbers from 0 to {len(self) - 1}.")
        starts = (np.cumsum(self.lengths) - self.lengths)[chosen]
        counts = self.lengths[chosen] - self.next_token
        start = np.repeat(starts, counts)
        position = np.arange(len(start)) - np.repeat(np.cumsum(counts) - counts, counts)
        stop = start + position + 1
        answers = self.tokens[stop] if self.next_token else self.targets[stop - 1]
        return Traces.adopt(self.tokens, start, stop, answers)

    @cached_property
    def packed(self) -> str:
        """The numbers as one URL-safe text, exactly: decimals as whole numbers where they are short, then DEFLATE."""
        table = np.concatenate([self.tokens, self.targets], axis=1).T
        kind, decimals, numbers = _shortest(table)
        header = [self.dim, self.targets.shape[1], _runs(self.lengths), kind, decimals]
        shuffled = numbers.astype("<" + kind).ravel().view(np.uint8).reshape(-1, int(kind[1])).T
        text = json.dumps(header, separators=(",", ":")).encode() + b"\n" + shuffled.tobytes()
        return base64.urlsafe_b64encode(zlib.compress(text, 9)).decode().rstrip("=")

    @classmethod
    def unpack(cls, packed: Any) -> Sequences:
        """Read ``packed``; raises ``SpecError``, ``ShapeError`` or ``TooLargeError`` for anything else."""
        broken = SpecError(
            "The lab's sequences cannot be unpacked; they were cut off or altered, so save the lab again."
        )
        if not isinstance(packed, str):
            raise SpecError(f"The lab's sequences are {packed!r:.40}; they must be the text that this program saved.")
        if len(packed) > MAX_PACKED:
            raise TooLargeError(
                f"The lab's sequences have {len(packed):,} characters; at most {MAX_PACKED:,} are read."
            )
        try:
            inflate = zlib.decompressobj()
            data = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
            text = inflate.decompress(data, 16 * MAX_NUMBERS)
            head, newline, body = text.partition(b"\n")
            dim, outputs, runs, kind, decimals = _HEADER.validate_json(head[: 2**20])
        except (ValueError, zlib.error, ValidationError) as problem:
            raise broken from problem
        count = sum(times * length for times, length in runs)
        total = count * (dim + outputs)
        if not newline or not inflate.eof or kind not in _TYPES or total * int(kind[1]) != len(body):
            raise broken
        if sum(times for times, _ in runs) > MAX_SEQUENCES:
            raise TooLargeError(f"The lab has more than {MAX_SEQUENCES:,} sequences; use fewer.")
        raw = np.frombuffer(body, dtype=np.uint8).reshape(int(kind[1]), total).T
        numbers = np.ascontiguousarray(raw).view("<" + kind).reshape(dim + outputs, count).astype(np.float64)
        table = numbers.T / 10.0**decimals
        return cls.build(table[:, :dim], table[:, dim:], [length for times, length in runs for _ in range(times)])


def _check_sizes(tokens: np.ndarray, targets: np.ndarray, lengths: np.ndarray) -> None:
    if tokens.ndim != 2 or targets.ndim != 2 or len(tokens) != len(targets) or lengths.ndim != 1:
        raise ShapeError(
            f"The sequences have tokens of shape {tokens.shape} and targets of shape {targets.shape}; "
            "one row of targets is needed for each token."
        )
    if not len(tokens) or not len(lengths):
        raise ShapeError("There are no sequences; give at least one token.")
    if lengths.min() < 1 or lengths.sum() != len(tokens):
        raise ShapeError(
            f"The lengths of the sequences add up to {lengths.sum():,}, but there are {len(tokens):,} tokens; mend it."
        )
    for what, entries in (("tokens", tokens.shape[1]), ("targets", targets.shape[1])):
        if entries > MAX_ENTRIES or (what == "tokens" and not entries):
            raise TooLargeError(f"The {what} have {entries} numbers each; 1 to {MAX_ENTRIES} are supported.")
    if targets.shape[1] == 0 and lengths.min() < 2:
        short = int(np.argmin(lengths)) + 1
        raise ShapeError(f"Sequence {short} has one token, so no next one to predict; give it more or leave it out.")
    for what, found, most in (
        ("sequences", len(lengths), MAX_SEQUENCES),
        ("tokens in one sequence", int(lengths.max()), MAX_LENGTH),
        ("numbers", tokens.size + targets.size, MAX_NUMBERS),
    ):
        if found > most:
            raise TooLargeError(f"There are {found:,} {what}; at most {most:,} are supported, so use fewer.")


def _runs(lengths: np.ndarray) -> list[tuple[int, int]]:
    """Return the lengths as (how many in a row, length)."""
    breaks = np.flatnonzero(np.r_[True, np.diff(lengths) != 0, True])
    return [(int(b - a), int(lengths[a])) for a, b in pairwise(breaks)]


def _shortest(table: np.ndarray) -> tuple[str, int, np.ndarray]:
    """Return (number type, decimals, numbers): numbers / 10^decimals is ``table`` to the last bit.

    A decimal of k places read from a text is the number nearest to i / 10^k, which one division gives exactly.
    """
    for decimals in range(MAX_DECIMALS + 1):
        whole = np.rint(table * 10.0**decimals)
        most = abs(whole).max(initial=0.0)
        if most < 2**31 and np.array_equal(whole / 10.0**decimals, table):
            return ("i1" if most < 2**7 else "i2" if most < 2**15 else "i4"), decimals, whole
    if np.array_equal(table.astype("<f4").astype(np.float64), table):
        return "f4", 0, table
    return "f8", 0, table
