"""From the predictor back to heads: by singular values, the fewest, or one per typed relation."""

from linattn_core.heads.svd import svd_heads

__all__ = ["svd_heads"]
