"""Labs of earlier versions, read as they were meant: with the defaults of their time, and without what is gone since.

A file or link leaves out what is at its default, so a default that changes would silently change every lab that was
saved before. Therefore a changed default, and a field that goes, raise ``VERSION``; the defaults of every earlier
version stay here for ever; and what such a lab asks for that is gone since is left out with a remark, never an error.
Nothing here is looked up in the models of today: these tables are history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

VERSION: Final = 2

_Table = Mapping[str, Any]

_TRACES_1 = {"count": 200, "length": 12, "seed": 0, "noise": 0.0, "withheld": (), "extra": ()}
_LEARNER_1 = {"ridge": 0.0, "heads": "svd", "device": "auto"}
_BUILDS_1: Mapping[str, _Table] = {
    "automaton": {"encoding": "step", "states": None, "letters": None, "history": False},
    "memory": {
        "dim": 4,
        "unitary": 0.0,
        "table": (),
        "correlation": 0.0,
        "answer": "sum",
        "embedding": "one-hot",
        "seed": 0,
        "words": (),
        "vectors": (),
    },
    "teacher": {"dim": 4, "heads": 1, "outputs": 1, "seed": 0},
    "sequences": {"name": "sequences", "held_out": 0.2},
    "turing": {
        "word": (),
        "head": 0,
        "run": 60,
        "states": 2,
        "letters": 2,
        "cells": 4,
        "design": "slim",
        "halting": 0.35,
    },
}
_SCALED = (
    "The lab was saved with a switch to scale the entries of the tokens, here {}: what is learned no longer depends on "
    "their units, so nothing needs to be scaled, and the numbers are learned as they stand."
)


def modern(data: _Table) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a lab's plain data as of ``VERSION``, with one remark for each thing that it asks for and that is gone.

    Data without a version are of version 1. A version that is not known, and parts that are not tables, are left as
    they are, for the lab's own check to refuse.
    """
    found = dict(data)
    if isinstance(version := found.get("version", 1), bool) or version != 1:
        return found, ()
    return _from_1(found)


def _from_1(data: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Version 1: sequences had ``scaled``, which divided each entry of their tokens by its root mean square."""
    remarks: list[str] = []
    data["version"] = 2
    for part, defaults in (("traces", _TRACES_1), ("learner", _LEARNER_1)):
        data[part] = _filled(data.get(part, {}), defaults)
    build = data.get("build")
    if isinstance(build, Mapping):
        kind = build.get("kind")
        build = _filled(build, _BUILDS_1.get(kind, {}) if isinstance(kind, str) else {})
        if kind == "sequences" and isinstance(build.get("scaled"), bool):
            remarks.append(_SCALED.format("on" if build.pop("scaled") else "off"))
        data["build"] = build
    return data, tuple(remarks)


def _filled(part: Any, defaults: _Table) -> Any:
    """Return a part of the data with what it leaves out; one that is no table comes back as it is."""
    return {**defaults, **part} if isinstance(part, Mapping) else part
