"""Uploads made safe: number arrays from .npz without pickle, tables from .csv. What they mean is read in ``uploads``.

Files come from strangers. Sizes are checked before anything is unpacked, array headers before anything is read, and
what is left are finite numbers or short texts.
"""

from __future__ import annotations

import csv
import io
import math
import zipfile
import zlib
from typing import IO

import numpy as np
from numpy.lib import format as npy

from linattn_core.errors import ShapeError, SpecError, TooLargeError

MAX_BYTES = 2 * 1024 * 1024  # of a file
MAX_UNPACKED = 32 * 1024 * 1024  # of all arrays of a file together
MAX_MEMBERS = 16
MAX_CELLS = 400_000
MAX_CELL = 400  # characters
MAX_NAME = 60


def read_npz(data: bytes) -> dict[str, np.ndarray]:
    """Return the arrays of a .npz file by name, float64 and finite; pickles are refused, never opened.

    Raises SpecError for a broken file, ShapeError for arrays that are not finite real numbers, TooLargeError beyond
    MAX_BYTES packed, MAX_UNPACKED unpacked or MAX_MEMBERS arrays.
    """
    _check_size(data, ".npz")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise TooLargeError(f"The .npz file has {len(members)} arrays; at most {MAX_MEMBERS} are read.")
            size = sum(member.file_size for member in members)
            if size > MAX_UNPACKED:
                raise TooLargeError(f"The .npz file unpacks to {size:,} bytes; at most {MAX_UNPACKED:,} are read.")
            return dict(_read_member(archive, member) for member in members)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as problem:
        raise SpecError(f"The .npz file is broken ({str(problem)[:80]}); write it again with numpy.savez.") from problem


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[str, np.ndarray]:
    name = member.filename
    shown = repr(name[:MAX_NAME])
    if not name.endswith(".npy") or "/" in name or "\\" in name or len(name) > MAX_NAME:
        raise SpecError(f"The .npz file holds {shown}, which is no array; write it with numpy.savez(Z=..., Y=...).")
    with archive.open(member) as stream:
        return name[:-4], _read_array(stream, shown, member.file_size)


def _read_array(stream: IO[bytes], shown: str, size: int) -> np.ndarray:
    """Read one .npy: the header first, then exactly as many bytes as it announces."""
    try:
        newer = npy.read_magic(stream) != (1, 0)  # 2.0 and 3.0 have longer headers
        shape, fortran, dtype = (npy.read_array_header_2_0 if newer else npy.read_array_header_1_0)(stream)
    except ValueError as problem:
        raise SpecError(f"The array {shown} has no readable header; save it again with numpy.savez.") from problem
    if dtype.hasobject:
        raise SpecError(
            f"The array {shown} holds Python objects, which could run code when opened; save plain numbers instead."
        )
    if dtype.kind not in "biuf":
        raise ShapeError(f"The array {shown} is of type {str(dtype)[:40]}; it must hold real numbers.")
    count = math.prod(shape)
    if (
        len(shape) > 4
        or min(shape, default=1) < 0
        or count * max(dtype.itemsize, 8) > MAX_UNPACKED
        or count * dtype.itemsize > size
    ):
        raise TooLargeError(
            f"The array {shown} announces {len(shape)} axes and {count:,} numbers, which this file cannot hold or is "
            f"more than {MAX_UNPACKED // 8:,}."
        )
    raw = stream.read(count * dtype.itemsize)
    if len(raw) != count * dtype.itemsize:
        raise SpecError(f"The array {shown} is cut off; save it again with numpy.savez.")
    array = np.frombuffer(raw, dtype=dtype).reshape(shape, order="F" if fortran else "C").astype(np.float64)
    if not np.isfinite(array).all():
        raise ShapeError(f"The array {shown} holds NaN, infinity or numbers too large; leave those entries out.")
    return array


def read_csv(data: bytes) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return (header, rows) of a .csv file in UTF-8, with commas, semicolons or tabs; every row as long as the header.

    Raises SpecError for a broken file, TooLargeError beyond MAX_BYTES, MAX_CELLS cells or MAX_CELL characters a cell.
    """
    _check_size(data, ".csv")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise SpecError("The .csv file is not UTF-8 text; save it as 'CSV UTF-8'.") from problem
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    try:
        lines = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True) if any(row)]
    except csv.Error as problem:
        raise SpecError(f"The .csv file cannot be read ({str(problem)[:60]}); save it again.") from problem
    if not lines or len(lines) < 2:
        raise SpecError("The .csv file has no rows below its header; put the names of the columns on the first line.")
    if len(lines) * len(lines[0]) > MAX_CELLS:
        raise TooLargeError(f"The .csv file has {len(lines) * len(lines[0]):,} cells; at most {MAX_CELLS:,} are read.")
    header = tuple(name.strip() for name in lines[0])
    if len(set(header)) < len(header) or "" in header:
        raise SpecError("The first line of the .csv file must name every column once.")
    for number, row in enumerate(lines[1:], start=2):
        if len(row) != len(header):
            raise SpecError(f"Row {number} of the .csv file has {len(row)} cells for {len(header)} columns; mend it.")
        if max(map(len, row)) > MAX_CELL:
            raise TooLargeError(f"Row {number} of the .csv file has a cell of more than {MAX_CELL} characters.")
    return header, tuple(tuple(cell.strip() for cell in row) for row in lines[1:])


def read_number(cell: str, column: str, row: int) -> float:
    """Return the finite number in a cell; ``row`` and ``column`` say where it stands. Raises ``SpecError``."""
    try:
        value = float(cell)
    except ValueError as problem:
        raise SpecError(f"Row {row} of the .csv file has {cell[:20]!r} in column {column}; put a number.") from problem
    if not math.isfinite(value):
        raise SpecError(f"Row {row} of the .csv file has {cell[:20]!r} in column {column}; put a finite number.")
    return value


def _check_size(data: bytes, what: str) -> None:
    if len(data) > MAX_BYTES:
        raise TooLargeError(f"The {what} file has {len(data):,} bytes; at most {MAX_BYTES:,} are read.")
    if not data:
        raise SpecError(f"The {what} file is empty; choose another.")
