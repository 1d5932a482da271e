"""The word runner as one call: a run computed once, then played, stepped and scrubbed without the server."""

from __future__ import annotations

from linattn_core.figures.replay import Replay
from linattn_core.machines import Machine
from linattn_core.machines.sketch import Sketch, sketch_to_data
from pages.components.automaton_editor import DRAWING
from pages.components.sent_once import sent_once

_mount = sent_once("linattn.word_runner", css=("drawing.css", "runner.css"), js=(*DRAWING, "runner.js"))


def word_runner(
    machine: Machine, run: Replay, *, key: str, strip_title: str = "Tokens", position: int = 0, height: int = 380
) -> None:
    """Show `machine` and a run of a word on it: state, letter, token and the cell of C, the same step in all of them.

    The learned machine's state is filled; where the true machine stands elsewhere, that state is ringed. position: how
    many letters have been read when the runner first appears.
    """
    _mount(
        key=key,
        data={
            "sketch": sketch_to_data(Sketch.of(machine)),
            "word": list(run.word),
            "true": list(run.true),
            "learned": list(run.learned),
            "axes": list(run.axes),
            "matrices": [list(map(list, cells)) for cells in run.matrices],
            "matrix": list(run.matrix),
            "cell": list(map(list, run.cell)),
            "tokens": list(run.tokens),
            "token": list(run.token),
            "stripTitle": strip_title,
            "says": says(machine, run),
            "position": position,
            "height": height,
        },
    )


def says(machine: Machine, run: Replay) -> list[str]:
    """One sentence a position, from no letter read to all of them."""
    names, last = machine.states, len(run.word)
    sentences = [f"Start in {names[run.learned[0]]}."]
    for step, letter in enumerate(run.word):
        before, after, true = run.learned[step], run.learned[step + 1], run.true[step + 1]
        known = "" if run.certified[step] else " The traces do not determine this step."
        other = "" if after == true else f" The true automaton is in {names[true]}."
        where = f"stays in {names[after]}" if before == after else f"{names[before]} to {names[after]}"
        sentences.append(f"Step {step + 1} of {last}: reads {letter}, {where}.{other}{known}")
    accepted = run.learned[-1] in machine.accepting
    sentences[-1] += " The word is accepted." if accepted else " The word is rejected."
    return sentences
