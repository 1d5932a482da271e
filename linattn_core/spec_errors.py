"""One sentence out of pydantic's error lists."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from linattn_core.errors import LinattnError, SpecError
from linattn_core.lab_versions import VERSION

_TAGS = {"automaton", "memory", "teacher", "sequences", "turing"}


def sentence(problem: ValidationError) -> LinattnError:
    """Return the first fault of a validation as one of our errors, in one sentence."""
    fault: dict[str, Any] = dict(problem.errors(include_url=False)[0])
    inner = fault.get("ctx", {}).get("error")
    if isinstance(inner, LinattnError):
        return inner
    place = ".".join(str(part) for part in fault["loc"] if part not in _TAGS) or "lab"
    kind, found = fault["type"], _short(fault.get("input"))
    if kind == "extra_forbidden":
        return SpecError(f"The lab has the unknown entry '{place}'; remove it or correct its name.")
    if kind in ("missing", "union_tag_not_found"):
        name = place if kind == "missing" else f"{place}.kind"
        return SpecError(f"The lab has no entry '{name}'; add it.")
    if fault["loc"] == ("version",):
        return SpecError(f"The lab is of version {found}, this program reads version {VERSION}; update the program.")
    message = str(fault["msg"])
    return SpecError(f"The entry '{place}' of the lab is {found}; {message[:1].lower()}{message[1:]}.")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
