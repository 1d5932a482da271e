"""From the predictor back to heads: by singular values, the fewest, or one per typed relation."""

from linattn_core.heads.faithful import HEADS, Described, as_predictor, faithful_heads
from linattn_core.heads.minimal import MinimalHeads, minimal_heads
from linattn_core.heads.nuclear import NuclearHeads, nuclear_heads
from linattn_core.heads.program import Program, Relation, TypedHeads
from linattn_core.heads.result import HeadsResult
from linattn_core.heads.sentences import program_sentences
from linattn_core.heads.svd import plain_heads, svd_heads, svd_result
from linattn_core.heads.typed import typed_heads

__all__ = [
    "HEADS",
    "Described",
    "HeadsResult",
    "MinimalHeads",
    "NuclearHeads",
    "Program",
    "Relation",
    "TypedHeads",
    "as_predictor",
    "faithful_heads",
    "minimal_heads",
    "nuclear_heads",
    "plain_heads",
    "program_sentences",
    "svd_heads",
    "svd_result",
    "typed_heads",
]
