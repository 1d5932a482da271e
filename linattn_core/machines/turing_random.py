"""Random Turing machines from uniform numbers."""

from __future__ import annotations

import numpy as np

from linattn_core.errors import MachineError
from linattn_core.machines.turing import HALT, LEFT, MAX_STATES, MAX_SYMBOLS, RIGHT, TuringMachine, fresh_names


def random_turing_machine(
    states: int, symbols: int, seed: int = 0, halting: float = 0.3, name: str = "random machine"
) -> TuringMachine:
    """Draw a machine: each rule takes next state and symbol uniformly and halts with probability ``halting``.

    Raises ``MachineError`` for sizes or a probability out of range.
    """
    if not (1 <= states <= MAX_STATES and 1 <= symbols <= MAX_SYMBOLS):
        raise MachineError(
            f"random machine: got {states} states, {symbols} symbols, wanted 1 to {MAX_STATES} and 1 to {MAX_SYMBOLS}."
        )
    check_halting(halting)
    table = rules_from_uniform(np.random.default_rng(seed).random((states, symbols, 4)), symbols, halting)
    rules = tuple(tuple((int(r[0]), int(r[1]), int(r[2])) for r in row) for row in table)
    return TuringMachine(name, fresh_names("q", states, ()), fresh_names("s", symbols, ()), rules)


def check_halting(halting: float) -> None:
    """Raise ``MachineError`` unless the halting probability is one."""
    if not 0.0 <= halting <= 1.0:
        raise MachineError(f"halting: got {halting}, wanted a probability from 0 to 1.")


def rules_from_uniform(uniform: np.ndarray, symbols: int, halting: float) -> np.ndarray:
    """Turn numbers in [0, 1) of shape (..., Q, S, 4) into rules (..., Q, S, 3)."""
    states = uniform.shape[-3]
    move = np.where(uniform[..., 2] < 0.5, LEFT, RIGHT)
    return np.stack(
        [
            (uniform[..., 0] * states).astype(np.int64),
            (uniform[..., 1] * symbols).astype(np.int64),
            np.where(uniform[..., 3] < halting, HALT, move),
        ],
        axis=-1,
    )
