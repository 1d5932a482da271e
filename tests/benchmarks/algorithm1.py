"""Algorithm 1 of arXiv:2410.10101v4 written plainly: the yardstick, with nothing of this library in it."""

import numpy as np
import torch


def plain_features(contexts: list[np.ndarray]) -> torch.Tensor:
    """All d^3 features C[j,k] z[l] of every input, (N, d^3)."""
    d = contexts[0].shape[0]
    rows = np.empty((len(contexts), d**3))
    for i, Z in enumerate(contexts):
        rows[i] = np.einsum("jk,l->jkl", Z @ Z.T, Z[:, -1]).ravel()
    return torch.from_numpy(rows)


def batched_features(Z: np.ndarray) -> torch.Tensor:
    """The same for sequences (N, T, d), every prefix an example: (N*T, d^3). Running sums, to be fair."""
    N, T, d = Z.shape
    C = np.cumsum(Z[..., :, None] * Z[..., None, :], axis=1)
    return torch.from_numpy(np.einsum("ntjk,ntl->ntjkl", C, Z).reshape(N * T, d**3))


def algorithm1(rows: torch.Tensor, targets: np.ndarray) -> torch.Tensor:
    """Minimum-norm W (d^3, m) by torch.linalg.lstsq.

    Driver gelsd: these features are never of full rank, and torch's default for the CPU, gelsy, misjudges it (it finds
    rank 36 of 126 at d = 6 and so another, worse answer; gelsd and numpy agree on 126).
    """
    return torch.linalg.lstsq(rows, torch.from_numpy(targets), driver="gelsd").solution
