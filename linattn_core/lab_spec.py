"""The base of every part of a lab, and the kinds of fields they share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from linattn_core.spec_errors import sentence

Whole = Annotated[int, Field(strict=True)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Label = Annotated[str, Field(strict=True, max_length=40)]


class Spec(BaseModel):
    """A frozen, hashable part of a lab. A fault is one sentence: ``SpecError``, or the error of the part at fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as problem:
            raise sentence(problem) from problem

    def replace(self, **changes: Any) -> Any:
        """Return a copy with these fields changed, checked as a whole."""
        return type(self)(**{name: getattr(self, name) for name in type(self).model_fields} | changes)
