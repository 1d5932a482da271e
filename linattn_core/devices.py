"""Which devices can be chosen on this machine, and what becomes of a lab that asks for one it does not have."""

from __future__ import annotations

from linattn_core.numerics import devices


def choices() -> tuple[str, ...]:
    """Return what a learner's device may be here: "auto", "cpu", and whatever else was found."""
    return ("auto", *(device.name for device in devices()))


def settled(asked: str) -> tuple[str, str]:
    """Return the device to compute on when ``asked`` is wanted, and a sentence where that is another one."""
    if asked in choices():
        return asked, ""
    return "cpu", (
        f"This lab asks for the device {asked!r}, which is not on this machine, so it is computed on the CPU; the "
        "numbers are the same up to rounding."
    )
