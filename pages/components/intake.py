"""What the editor in the browser sends, checked like any upload: a browser can send whatever its user likes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from linattn_core.errors import SpecError
from linattn_core.machines.sketch import Sketch, sketch_from_data

ACTIONS = ("edit", "undo", "redo")
MAX_INSTANCE = 40


@dataclass(frozen=True)
class Truth:
    """What Python holds for one editor.

    revision counts every change of the drawing; `external` is the revision of the last one that did not come from the
    editor; `echo` names the last message received, (instance of the editor in the browser, its serial number).
    """

    sketch: Sketch
    revision: int = 1
    external: int = 1
    echo: tuple[str, int] | None = None


@dataclass(frozen=True)
class Edit:
    """One message of the editor: its drawing, which action made it, and the revision that the drawing builds on."""

    sketch: Sketch
    action: str
    base: int
    echo: tuple[str, int]


def adopt(truth: Truth | None, sketch: Sketch) -> Truth:
    """Return the truth after the page handed over its drawing: a new revision where it is another one."""
    if truth is None:
        return Truth(sketch)
    if truth.sketch == sketch:
        return truth
    revision = truth.revision + 1
    return replace(truth, sketch=sketch, revision=revision, external=revision)


def received(truth: Truth, payload: Any) -> tuple[Truth, Edit | None]:
    """Return the truth after a message, and the edit to act on: None where it builds on a drawing that was replaced.

    Raises SpecError for a message the editor would never send, MachineError or TooLargeError for what is no drawing.
    """
    edit = read_edit(payload)
    heard = replace(truth, echo=edit.echo)
    if edit.base < truth.external or edit.base > truth.revision:
        return heard, None
    return replace(heard, sketch=edit.sketch, revision=truth.revision + 1), edit


def read_edit(payload: Any) -> Edit:
    """Check one message; raises as `received`."""
    if not isinstance(payload, Mapping) or set(payload) != {"instance", "serial", "base", "action", "sketch"}:
        raise SpecError(f"The editor sent {payload!r:.60}, which is no drawing; reload the page.")
    instance, serial, base = payload["instance"], payload["serial"], payload["base"]
    if not isinstance(instance, str) or not 0 < len(instance) <= MAX_INSTANCE:
        raise SpecError(f"The editor calls itself {instance!r:.60}; reload the page.")
    for number in (serial, base):
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**53:
            raise SpecError(f"The editor counts with {number!r:.40}; reload the page.")
    if payload["action"] not in ACTIONS:
        raise SpecError(f"The editor did {payload['action']!r:.40}; it can {', '.join(ACTIONS)}.")
    return Edit(sketch_from_data(payload["sketch"]), payload["action"], base, (instance, serial))
