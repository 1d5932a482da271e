"""What callers hand in, read as numbers: the one place where arrays from outside are checked, one sentence a fault."""

from __future__ import annotations

from typing import Any

import numpy as np

from linattn_core.errors import ShapeError
from linattn_core.numerics import check_memory

MAX_TOKEN, MIN_TOKEN = 1e100, 1e-100
"""Sizes of an entry of a token, unless it is 0: then every product of three of them is a normal float64."""

MAX_TARGET = 1e150
"""Largest entry of an answer: its square is a float64."""

AT_A_TIME = 2**17
"""Numbers looked at together: their intermediate results stay in the cache."""

_KINDS = {
    "c": ("complex numbers", "real ones; pass their real and imaginary parts as entries of their own"),
    "O": ("objects of mixed types that are not numeric", "plain numbers; convert them with astype(float)"),
    "U": ("text that is not numeric", "plain numbers; convert it first"),
    "S": ("text that is not numeric", "plain numbers; convert it first"),
}


def numbers(array: Any, what: str, *, largest: float = np.inf, smallest: float = 0.0, copy: bool = False) -> np.ndarray:
    """Return an array, a list or a torch tensor of any shape as float64; ``what`` names it in the error's sentence.

    ``largest`` and ``smallest`` bound the size of an entry that is not 0; ``copy`` gives an array that nobody else
    holds. Raises ``ShapeError`` for what is complex, masked, text, objects, sparse, ragged, on another device, needs
    gradients, or is not finite, and ``TooLargeError`` where a copy would not fit.
    """
    found = floats(array, what, copy=copy)
    check_sizes(found, what, largest=largest, smallest=smallest)
    return found


def floats(array: Any, what: str, *, copy: bool = False) -> np.ndarray:
    """Return ``numbers`` whose sizes are still to be checked: some may be infinite, NaN, or too large."""
    plain = _plain(array, what)
    if plain.size >= AT_A_TIME and (copy or plain.dtype != np.float64):
        check_memory(8.0 * plain.size, f"A copy of {what}", "use fewer numbers")
    with np.errstate(over="ignore"):  # numbers wider than float64 become infinite and are refused as such
        return np.array(plain, dtype=np.float64, order="C") if copy else np.asarray(plain, dtype=np.float64)


def tokens_of(array: Any, what: str = "tokens", *, copy: bool = False) -> np.ndarray:
    """Return ``numbers`` whose sizes leave their cubes within float64."""
    return numbers(array, what, largest=MAX_TOKEN, smallest=MIN_TOKEN, copy=copy)


def targets_of(array: Any, what: str = "targets", *, copy: bool = False) -> np.ndarray:
    """Return ``numbers`` whose squares are within float64."""
    return numbers(array, what, largest=MAX_TARGET, copy=copy)


def number(value: Any, what: str) -> float:
    """Return one finite number, such as a ridge or a standard deviation; ``what`` names it in the error's sentence.

    Raises ``ShapeError`` for arrays of several numbers, and for what ``numbers`` refuses.
    """
    found = numbers(value, what)
    if found.size != 1 or found.ndim:
        raise ShapeError(f"{what}: got {found.size} numbers of shape {found.shape}, wanted one number.")
    return float(found)


def positions(array: Any, what: str) -> np.ndarray:
    """Return whole numbers as int64, an array that nobody else holds.

    Raises ``ShapeError`` for booleans, fractions, NaN, what is no number and what int64 cannot hold.
    """
    plain = _plain(array, what)
    if plain.dtype.kind == "b":
        raise ShapeError(f"{what}: got booleans, wanted whole numbers; np.flatnonzero turns a mask into them.")
    if plain.dtype.kind in "fu":
        wrong = ~((plain == np.rint(plain)) & (abs(plain) < 2.0**62)) if plain.size else np.zeros(0, dtype=bool)
        if wrong.any():
            raise ShapeError(f"{what}: got {plain[wrong].flat[0]}, wanted whole numbers; count tokens from 0.")
    return plain.astype(np.int64)


def check_kind(dtype: np.dtype, what: str) -> None:
    """Raise ``ShapeError`` unless arrays of this type hold real numbers or booleans."""
    if dtype.kind not in "biuf":
        got, wanted = _KINDS.get(dtype.kind, (f"entries of type {dtype} that are not numeric", "plain numbers"))
        raise ShapeError(f"{what}: got {got}, wanted {wanted}.")


def check_sizes(found: np.ndarray, what: str, *, largest: float = np.inf, smallest: float = 0.0) -> None:
    """Raise ``ShapeError`` where float64 numbers are not finite, larger than ``largest``, or smaller and not 0."""
    flat = found.ravel(order="K")
    for low in range(0, len(flat), AT_A_TIME):
        part = flat[low : low + AT_A_TIME]
        high = max(float(part.max()), -float(part.min()))  # NaN if any of them is
        if not np.isfinite(high):
            raise ShapeError(
                f"{what}: got NaN or infinity, wanted finite numbers; mend those entries or leave them out."
            )
        if high > largest:
            raise ShapeError(f"{what}: got a number of size {high:.3g}, wanted at most {largest:g}; scale them down.")
        tiny = np.count_nonzero(abs(part) < smallest) - (len(part) - np.count_nonzero(part)) if smallest else 0
        if tiny:
            raise ShapeError(
                f"{what}: got {tiny:,} numbers closer to 0 than {smallest:g}, wanted 0 or larger ones; scale them up, "
                "or put 0 for what is negligible."
            )


def _plain(array: Any, what: str) -> np.ndarray:
    """Return ``array`` as a numpy array of real numbers, its type unchanged, maybe still the caller's own."""
    strange = _strange(array)
    if strange:
        got, remedy = strange
        raise ShapeError(f"{what}: got {got}, wanted plain numbers; {remedy}.")
    try:
        plain = np.asarray(array)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ShapeError(
            f"{what}: got {type(array).__name__} that is not numeric, or rows of unequal length, wanted an array of "
            "numbers; convert it first."
        ) from error
    check_kind(plain.dtype, what)
    return plain


def _strange(item: Any, depth: int = 3) -> tuple[str, str] | None:
    """Say (what it is, the remedy) of what numpy would read without a word, or refuse in words of its own."""
    if isinstance(item, np.ma.MaskedArray):
        hidden = int(np.count_nonzero(np.ma.getmaskarray(item)))
        return ("masked numbers", "fill them in or leave them out") if hidden else None
    if isinstance(item, (list, tuple)):
        return next((found for found in (_strange(part, depth - 1) for part in item) if found), None) if depth else None
    if hasattr(item, "detach") and hasattr(item, "requires_grad"):  # a torch tensor, told without importing torch
        if item.requires_grad:
            return "a tensor that requires grad", "call detach() on it first"
        if str(item.device) != "cpu":
            return f"a tensor on {item.device}", "call cpu() on it first"
    if hasattr(item, "tocsr"):
        return "a sparse matrix", "call toarray() on it first"
    return None
