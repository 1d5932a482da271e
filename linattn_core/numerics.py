"""Memory limits and the device: what must be chosen in one place. Tolerances stand in ``tolerances``."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import array_api_compat
import numpy as np
from scipy.linalg import blas

from linattn_core.errors import LinattnError, TooLargeError

Progress = Callable[[float, str], None]
"""Called with (fraction done in [0, 1], what is being done). It may raise ``Cancelled`` to stop the work."""


def no_progress(fraction: float, message: str) -> None:
    """Ignore progress: the default callback."""


@dataclass(frozen=True)
class Device:
    """Where dense linear algebra runs: an array namespace and a device of it.

    ``name`` is "cpu" or "cuda"; ``note`` says in a sentence why this one was taken.
    """

    name: str
    xp: ModuleType
    handle: Any
    note: str

    def put(self, array: Any) -> Any:
        """Copy a numpy array to the device, as float64."""
        return self.xp.asarray(array, dtype=self.xp.float64, device=self.handle)

    @staticmethod
    def get(array: Any) -> np.ndarray:
        """Bring an array back as numpy float64."""
        return np.asarray(array.cpu() if hasattr(array, "cpu") else array, dtype=np.float64)

    @property
    def is_numpy(self) -> bool:
        """Whether arrays there are plain numpy arrays."""
        return self.xp is _numpy()


def _numpy() -> ModuleType:
    return array_api_compat.array_namespace(np.empty(0))


def device(name: str = "auto") -> Device:
    """Choose the device for dense work: the only place where that is decided.

    ``name``: "cpu" (numpy), "cuda" (torch on the GPU), "torch-cpu" (the GPU's code path on the CPU, for tests), or
    "auto", which is CUDA where there is one, otherwise the CPU. Apple's MPS has no float64, so it is never taken.
    Raises ``LinattnError`` for an unknown name or a CUDA device that is not there.
    """
    cpu = Device("cpu", _numpy(), None, "numpy on the CPU, float64")
    if not isinstance(name, str):
        raise LinattnError(f"device: got {type(name).__name__}, wanted 'cpu', 'cuda', 'torch-cpu' or 'auto'.")
    if name == "cpu":
        return cpu
    if name == "auto":
        return _cuda() or cpu
    if name == "cuda":
        found = _cuda()
        if found is None:
            raise LinattnError(
                "device: got 'cuda', but torch finds no CUDA device with float64 here; choose 'cpu' or 'auto'."
            )
        return found
    if name == "torch-cpu":
        import torch

        xp = array_api_compat.array_namespace(torch.empty(0))
        return Device("torch-cpu", xp, torch.device("cpu"), "torch tensors on the CPU, float64: the GPU's code path")
    raise LinattnError(f"device: got {name!r}, wanted 'cpu', 'cuda', 'torch-cpu' or 'auto'.")


def devices() -> list[Device]:
    """List the devices that work on this machine, the CPU first; torch is imported only where there is a GPU."""
    found = _cuda()
    return [device("cpu")] + ([found] if found else [])


def _cuda() -> Device | None:
    import sys

    if "torch" not in sys.modules and not os.path.exists("/dev/nvidiactl"):
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    xp = array_api_compat.array_namespace(torch.empty(0))
    return Device("cuda", xp, torch.device("cuda"), f"torch on {torch.cuda.get_device_name()}, float64")


def product(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return A @ B, by the BLAS that scipy's factorisations use.

    numpy and scipy each bring a BLAS with threads of its own, which spin for a while after every call: loops that
    alternate between the two run two to three times slower than with either alone. A transposed view is not copied.
    """
    if 0 in (*A.shape, *B.shape):
        return np.zeros((A.shape[0], B.shape[1]))
    (a, turn_a), (b, turn_b) = ((X, True) if X.flags.f_contiguous else (X.T, False) for X in (A, B))
    return blas.dgemm(1.0, b, a, trans_a=turn_b, trans_b=turn_a).T


def memory_limit() -> int:
    """Bytes one call may plan to use: half of the memory that is free now, or LINATTN_MEMORY_BYTES if set."""
    configured = os.environ.get("LINATTN_MEMORY_BYTES")
    if configured:
        return int(configured)
    try:
        pages, size = os.sysconf("SC_AVPHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 2 * 2**30
    return max(int(pages * size) // 2, 256 * 2**20)


def readable_bytes(count: float) -> str:
    """Write a byte count the way a person reads it: 1.5 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("unreachable")


def check_memory(needed: float, what: str, remedy: str) -> None:
    """Raise ``TooLargeError`` if ``needed`` bytes for ``what`` would not fit; ``remedy`` says what would."""
    limit = memory_limit()
    if needed > limit:
        raise TooLargeError(
            f"{what} would need {readable_bytes(needed)}, but one call may use {readable_bytes(limit)} here; {remedy}."
        )
