"""Every Turing machine of a size in one layer: the user's own machine, the tape player, learning, certificate."""

from __future__ import annotations

import streamlit as st

from linattn_core.attention import LinearAttention, Predictor
from linattn_core.experiment import MAX_HEADS_DIM, Experiment, experiment
from linattn_core.figures.turing_story import MAX_TOKENS, turing_story
from linattn_core.lab import Lab, TuringBuild
from linattn_core.tasks.turing import TuringRun, UniversalTuringMachine
from pages.components.tape_player import tape_player
from pages.shared import compute, learn_views, turing_editor, turing_program, turing_views
from pages.shared.widgets import code, literal, notice

__all__ = ["MAX_HEADS_DIM", "show"]

Model = LinearAttention | Predictor

AT_ONCE_DIM, AT_ONCE_NUMBERS = (
    27,
    2_000_000,
)  # embeddings and numbers in the traces that are learned without being asked

CODE = """
from linattn_core.experiment import experiment
from linattn_core.lab import Lab

result = experiment(Lab.from_token("{token}"))
found = result.turing
print(found.fresh)
print(found.legal and (found.legal.rank, found.legal.dimension), found.proved, found.distance)
print(found.learned.agrees, found.learned.configurations[-1])
"""


def show(lab: Lab) -> None:
    """The whole part, in the order machine, run, learning, certificate, curve, design."""
    build, task = lab.turing, lab.task()
    assert build is not None, "asked for Turing labs only"
    assert isinstance(task, UniversalTuringMachine)
    notice(
        "rules and tape stand in the prompt; overwriting is adding a difference. One layer learns this from runs of "
        "random machines, and then runs yours."
    )
    turing_editor.show(build)
    st.markdown(f"#### {literal(build.machine.name)}, run by attention alone")
    player = st.container()
    st.markdown(f"#### Learn to run all {turing_views.many(task)} machines")
    turing_views.controls(lab, task)
    large = task.dim > AT_ONCE_DIM or lab.tokens * task.dim > AT_ONCE_NUMBERS
    if large and not compute.known(lab):
        with player:
            compiled(build, task)
        made = learn_views.plan(lab)
        turing_views.cost(made, task, build.halting)
        learn_views.wait_for_button(lab, made)
    result: Experiment = compute.obtain(lab, lambda tick: experiment(lab, progress=tick), "Learning")
    with player:
        _either(result, build, task)
    turing_views.verdict(result, task)
    turing_views.weights(result, task)
    st.markdown("#### The learned weights, read as a program")
    turing_program.show(result, task)
    st.markdown("#### From tests passed to proved")
    turing_views.curve(lab, task)
    st.markdown("#### The layer, compiled by hand")
    turing_views.designs(task)
    code(CODE.format(token=lab.to_token()))


def compiled(build: TuringBuild, task: UniversalTuringMachine) -> None:
    """The run by the compiled heads, which needs no learning."""
    run = compute.obtain(
        ("compiled", build),
        lambda _: task.run(task.truth, build.machine, build.tape, build.run, head=build.head),
        "Running",
    )
    _play(run, task.truth, build, ("compiled", build))
    st.caption("Run by the compiled heads; learn below to run it by learned weights.")


def _either(result: Experiment, build: TuringBuild, task: UniversalTuringMachine) -> None:
    found = result.turing
    assert found is not None, "every Turing experiment has one"
    by = st.segmented_control(
        "Run by",
        ["learned", "compiled"],
        default="learned",
        format_func={"learned": "learned weights", "compiled": "compiled heads"}.__getitem__,
        required=True,
        key="turing_by",
    )
    if by == "compiled":
        _play(found.compiled, task.truth, build, ("compiled", build))
    else:
        _play(found.learned, result.run.predictor, build, ("learned", result.lab))


def _play(run: TuringRun, model: Model, build: TuringBuild, key: tuple[str, object]) -> None:
    if len(run.tokens) > MAX_TOKENS:
        st.info(
            f"The run has {len(run.tokens):,} tokens, more than the {MAX_TOKENS:,} that can be watched; lower the step "
            "limit to watch its beginning.",
            icon=":material/info:",
        )
    else:
        story = compute.obtain(
            ("story", *key), lambda _: turing_story(run, model, build.machine), "Preparing the picture"
        )
        tape_player(story, key="turing_player")
    turing_views.remarks(run, build)
