"""What users bring along: tables of words or vectors, vectors of words, sequences; and files that show their form."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

import numpy as np

from linattn_core.errors import ShapeError, SpecError
from linattn_core.files import MAX_NAME, read_csv, read_npz, read_number
from linattn_core.sequences import Sequences

Vector = tuple[float, ...]
_COLUMN = re.compile(r"(key|value|k|v|z|y)[ _]?(\d{1,4})", re.IGNORECASE)


def read_pairs(data: bytes) -> tuple[tuple[str, str], ...]:
    """Return the (key, value) words of a .csv file: its columns `key` and `value`, or its only two columns.

    Raises SpecError for other columns, empty cells and a key that stands twice, TooLargeError as `read_csv`.
    """
    header, rows = read_csv(data)
    names = [name.lower() for name in header]
    if {"key", "value"} <= set(names):
        key, value = names.index("key"), names.index("value")
    elif len(header) == 2:
        key, value = 0, 1
    else:
        raise SpecError(f"The .csv file has the columns {', '.join(header)[:80]}; a memory needs 'key' and 'value'.")
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        if not row[key] or not row[value]:
            raise SpecError(f"Row {number} of the .csv file has no key or no value; fill it in or leave it out.")
        if row[key] in seen:
            raise SpecError(f"Row {number} of the .csv file repeats the key {row[key][:40]!r}; a key has one value.")
        seen.add(row[key])
    return tuple((row[key], row[value]) for row in rows)


def read_vectors(data: bytes, name: str) -> tuple[tuple[Vector, Vector], ...]:
    """Return (key, value) vectors; `name` decides by its ending.

    .csv: columns key1, key2, .. and value1, value2, .. (or k1, v1), one pair a row. .npz: arrays keys (K, dk) and
    values (K, dv). Raises SpecError, ShapeError or TooLargeError with one sentence.
    """
    if _ending(name) == "csv":
        header, rows = read_csv(data)
        keys, values = _columns(header, "key", "k"), _columns(header, "value", "v")
        if not keys or not values:
            raise SpecError(
                f"The .csv file has the columns {', '.join(header)[:80]}; it needs key1, key2, ..; value1, value2, .."
            )
        return tuple(
            (_row(row, keys, header, number), _row(row, values, header, number)) for number, row in enumerate(rows, 2)
        )
    arrays = read_npz(data)
    both = _wanted(arrays, {"keys": "(K, dk), one key a row", "values": "(K, dv), one value a row"})
    if any(array.ndim != 2 for array in both) or len(both[0]) != len(both[1]):
        raise ShapeError(
            f"The .npz file holds keys {both[0].shape} and values {both[1].shape}; wanted (K, dk) and (K, dv)."
        )
    return tuple((tuple(key.tolist()), tuple(value.tolist())) for key, value in zip(*both, strict=True))


def read_embedding(data: bytes) -> tuple[tuple[str, Vector], ...]:
    """Return (word, vector) of a .csv file: a column `word` (or the first one), numbers in all the others.

    Raises SpecError for words that are empty or stand twice and for cells that are no numbers.
    """
    header, rows = read_csv(data)
    word = next((i for i, name in enumerate(header) if name.lower() == "word"), 0)
    numbers = [i for i in range(len(header)) if i != word]
    if not numbers:
        raise SpecError("The .csv file has one column; it needs a word and, beside it, the numbers of its vector.")
    found: dict[str, Vector] = {}
    for number, row in enumerate(rows, start=2):
        if not row[word]:
            raise SpecError(f"Row {number} of the .csv file has no word; fill it in or leave it out.")
        if row[word] in found:
            raise SpecError(
                f"Row {number} of the .csv file repeats the word {row[word][:40]!r}; a word has one vector."
            )
        found[row[word]] = _row(row, numbers, header, number)
    return tuple(found.items())


def read_sequences(data: bytes, name: str) -> Sequences:
    """Return the user's own sequences; `name` decides by its ending.

    .npz: an array Z (N, T, d), the tokens, and, if there are targets, Y (N, T, m); or Z (M, d) and Y (M, m), sequence
    after sequence, with their `lengths` (N,). .csv: one token a row, a column `sequence` that numbers the sequences
    (rows of one sequence stand together, lengths may differ), columns z1, z2, .. and, if there are targets, y1, y2, ..
    Raises SpecError, ShapeError or TooLargeError with one sentence.
    """
    return _csv_sequences(data) if _ending(name) == "csv" else _npz_sequences(read_npz(data))


def write_sequences_csv(sequences: Sequences) -> bytes:
    """Return the .csv file that ``read_sequences`` reads back to the same numbers."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    columns = [f"z{i + 1}" for i in range(sequences.dim)] + [f"y{i + 1}" for i in range(sequences.targets.shape[1])]
    writer.writerow(["sequence", *columns])
    labels = np.repeat(np.arange(1, len(sequences) + 1), sequences.lengths)
    for label, token, target in zip(labels, sequences.tokens.tolist(), sequences.targets.tolist(), strict=True):
        writer.writerow([label, *map(_short, (*token, *target))])
    return out.getvalue().encode()


def write_sequences_npz(sequences: Sequences) -> bytes:
    """Return the .npz file that ``read_sequences`` reads back to the same numbers."""
    out = io.BytesIO()
    if sequences.next_token:
        np.savez_compressed(out, Z=sequences.tokens, lengths=sequences.lengths)
    else:
        np.savez_compressed(out, Z=sequences.tokens, Y=sequences.targets, lengths=sequences.lengths)
    return out.getvalue()


def example_sequences() -> Sequences:
    """Return the worked example: 24 sequences of 8 to 12 tokens (price, weight), the target one more column.

    The target is weight_t * sum_(s <= t) price_s weight_s + noise of 0.05: cubic in the tokens, so that linear
    attention can find it, up to the noise. All numbers have two decimals.
    """
    rng = np.random.default_rng(2024)
    lengths = rng.integers(8, 13, size=24)
    tokens = np.round(rng.normal(size=(int(lengths.sum()), 2)), 2)
    parts = np.split(tokens, np.cumsum(lengths)[:-1])
    exact = np.concatenate([part[:, 1] * np.cumsum(part[:, 0] * part[:, 1]) for part in parts])
    targets = np.round(exact + 0.05 * rng.normal(size=len(exact)), 2)
    return Sequences.build(tokens, targets[:, None], lengths)


def _csv_sequences(data: bytes) -> Sequences:
    header, rows = read_csv(data)
    tokens, answers = _columns(header, "z"), _columns(header, "y")
    column = next((i for i, name in enumerate(header) if name.lower() == "sequence"), None)
    if column is None or not tokens:
        raise SpecError(
            f"The .csv file has the columns {', '.join(header)[:80]}; needed: 'sequence', z1, z2, .. and, for targets, "
            "y1, y2, .."
        )
    other = [name for i, name in enumerate(header) if i not in (*tokens, *answers, column)]
    if other:
        raise SpecError(
            f"The .csv file has the column {other[0][:40]!r}; only 'sequence', z1, z2, .. and y1, y2, .. are read, so "
            "rename it or leave it out."
        )
    numbers = np.array([_row(row, (*tokens, *answers), header, n) for n, row in enumerate(rows, 2)])
    labels = [row[column] for row in rows]
    begins = [i for i in range(len(labels)) if i == 0 or labels[i] != labels[i - 1]]
    if len({labels[i] for i in begins}) < len(begins):
        raise SpecError("The rows of one sequence do not stand together in the .csv file; sort it by 'sequence'.")
    lengths = np.diff([*begins, len(labels)])
    return Sequences.build(numbers[:, : len(tokens)], numbers[:, len(tokens) :], lengths)


def _npz_sequences(arrays: dict[str, np.ndarray]) -> Sequences:
    (Z,) = _wanted(arrays, {"Z": "(N, T, d), the tokens, and, if there are targets, Y (N, T, m)"})
    axes = 2 if "lengths" in arrays else 3
    Y = arrays.get("Y", np.empty((*Z.shape[: axes - 1], 0)))
    if Z.ndim != axes or Y.ndim != axes or Z.shape[:-1] != Y.shape[:-1]:
        wanted = "(M, d) and (M, m) beside their lengths" if axes == 2 else "(N, T, d) and (N, T, m)"
        raise ShapeError(f"The .npz file holds Z {Z.shape} and Y {Y.shape}; wanted {wanted}.")
    if axes == 3:
        count = Z.shape[0] * Z.shape[1]
        lengths = np.full(Z.shape[0], Z.shape[1])
        return Sequences.build(Z.reshape(count, Z.shape[2]), Y.reshape(count, Y.shape[2]), lengths)
    lengths = arrays["lengths"]
    if lengths.ndim != 1 or (lengths != np.rint(lengths)).any() or abs(lengths).max(initial=0.0) > 1e9:
        raise ShapeError(f"The array 'lengths' has shape {lengths.shape}; it must hold one whole number a sequence.")
    return Sequences.build(Z, Y, lengths)


def _wanted(arrays: dict[str, np.ndarray], names: dict[str, str]) -> list[np.ndarray]:
    if not set(names) <= set(arrays):
        wanted = " and ".join(f"{name} {shape}" for name, shape in names.items())
        raise SpecError(f"The .npz file holds {', '.join(sorted(arrays))[:60] or 'nothing'}; it must hold {wanted}.")
    return [arrays[name] for name in names]


def _ending(name: str) -> str:
    ending = name.lower().rpartition(".")[2]
    if ending not in ("csv", "npz"):
        raise SpecError(f"The file {name[:MAX_NAME]!r} is neither .npz nor .csv; choose one of these.")
    return ending


def _columns(header: Sequence[str], *names: str) -> list[int]:
    """Return the places of the columns called like one of ``names`` and a number, by that number."""
    found = []
    for i, column in enumerate(header):
        match = _COLUMN.fullmatch(column)
        if match and match[1].lower() in names:
            found.append((int(match[2]), i))
    return [i for _, i in sorted(found)]


def _row(row: Sequence[str], columns: Sequence[int], header: Sequence[str], number: int) -> Vector:
    return tuple(read_number(row[i], header[i][:40], number) for i in columns)


def _short(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(value)
