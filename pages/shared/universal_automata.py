"""Every automaton of a size in one layer: sizes and cost, certificate, the rank's climb, the user's own automaton."""

from __future__ import annotations

import streamlit as st

from linattn_core.errors import LinattnError
from linattn_core.experiment import Experiment, experiment
from linattn_core.figures.replay import replay
from linattn_core.lab import AutomatonBuild, Lab, TraceSpec
from linattn_core.outcomes import wording
from linattn_core.tasks import UniversalAutomaton
from linattn_core.tasks.universal_run import run_word
from pages.components.word_runner import word_runner
from pages.shared import compute, curve_views, learn_views, state
from pages.shared.light import show as show_light
from pages.shared.widgets import code, duration, figures, literal, notice, problem

MAX_SIDE = 8
ENOUGH = 1.5  # random examples a dimension that usually reach the full rank

CODE = """
from linattn_core.experiment import experiment
from linattn_core.lab import Lab
from linattn_core.tasks.universal_run import run_word

lab = Lab.from_token("{token}")
result = experiment(lab)
print(result.family.rank, result.family.dimension, result.light.colour, result.light.level)
for step in run_word(result.run.predictor, result.task, lab.machine, {word!r}, history={history}):
    print(step.state, step.letter, step.answer.round(3), step.learned)
"""


def shown(lab: Lab) -> Lab:
    """The lab as this page shows it: its automaton in the prompt. Raises TooLargeError where it is too large."""
    if isinstance(lab.build, AutomatonBuild) and lab.build.encoding == "universal":
        return lab
    automaton = lab if lab.machine else Lab.default()
    build = automaton.build.replace(encoding="universal")
    return with_enough(Lab(build=build, learner=lab.learner))


def with_enough(lab: Lab) -> Lab:
    """The lab with as many random examples as usually reach the full rank."""
    task = lab.task()
    assert isinstance(task, UniversalAutomaton), "only these are shown here"
    return lab.replace(traces=TraceSpec(count=round(ENOUGH * task.family_dimension) + 20, seed=lab.traces.seed))


def show(session: Lab) -> None:
    """The whole part; what is too large is said in one sentence."""
    notice(
        "the automaton is in the prompt, not in the weights. One layer learns to run ALL automata of this size; yours "
        "was never in the training."
    )
    try:
        lab = shown(session)
    except LinattnError as error:
        st.error(literal(str(error)), icon=":material/error:")
        st.page_link("build.py", label="Choose another automaton", icon=":material/construction:")
        return
    task = lab.task()
    assert isinstance(task, UniversalAutomaton), "shown makes it one"
    _controls(lab, task)
    st.markdown(f"#### One layer for {literal(wording.many(task.states, task.keys))} automata")
    made = learn_views.plan(lab)
    learn_views.wait_for_button(lab, made)
    result: Experiment = compute.obtain(lab, lambda tick: experiment(lab, progress=tick), "Learning")
    show_light(result.light)
    _figures(result)
    st.markdown(f"#### Your automaton, by attention alone: {literal(lab.build.machine.name)}")  # type: ignore[union-attr]
    word = _run(result, task)
    st.markdown("#### How the rank climbs")
    curve_views.how_many(result)
    history = isinstance(lab.build, AutomatonBuild) and lab.build.history
    code(CODE.format(token=lab.to_token(), word=word, history=history))


def _controls(lab: Lab, task: UniversalAutomaton) -> None:
    memory, build = st.session_state, lab.build
    assert isinstance(build, AutomatonBuild)
    memory.universal_states, memory.universal_letters = task.states, task.letters
    memory.universal_count, memory.universal_history = lab.traces.count, build.history
    with st.grid(3, min_column_width=220):
        most = max(MAX_SIDE, task.states), max(MAX_SIDE, task.letters)
        st.slider("States Q", 2, most[0], key="universal_states", on_change=_resize)
        st.slider("Letters S", 1, most[1], key="universal_letters", on_change=_resize)
        st.number_input(
            "Random examples",
            1,
            200_000,
            key="universal_count",
            on_change=_recount,
            help="Each is a random automaton in the prompt with one query. About 1.4 a dimension reach the full rank.",
        )
    problem("universal_sizes")
    total = task.states**task.keys
    written = f" = **{total:,}**" if total < 10**15 else ""
    st.markdown(
        f"There are {task.states}<sup>{task.states}·{task.letters}</sup>{written} automata of this size; the legal "
        f"inputs of all of them together span only **{task.family_dimension:,}** dimensions.",
        unsafe_allow_html=True,
    )


def _resize() -> None:
    memory = st.session_state
    states, letters = int(memory.universal_states), int(memory.universal_letters)

    def make() -> Lab:
        lab = shown(state.lab())
        return with_enough(Lab(build=lab.build.replace(states=states, letters=letters), learner=lab.learner))

    state.attempt("universal_sizes", make)


def _recount() -> None:
    asked = int(st.session_state.universal_count)

    def make() -> Lab:
        lab = shown(state.lab())
        return lab.replace(traces=lab.traces.replace(count=asked))

    state.attempt("universal_sizes", make)


def _figures(result: Experiment) -> None:
    family, run = result.family, result.run
    assert family is not None
    figures(
        {
            "Dimensions fixed": f"{family.rank:,} of {family.dimension:,}",
            "Examples": f"{len(result.traces):,}",
            "Training error": f"{run.training_mse:.1e}",
            "Learned in": duration(result.seconds["learn"]),
        }
    )


def _run(result: Experiment, task: UniversalAutomaton) -> str:
    """The user's word through the learned layer, with the history in the context if asked for; returns the word."""
    recovery, build = result.recovery, result.lab.build
    assert recovery is not None
    assert isinstance(build, AutomatonBuild)
    machine = recovery.truth
    spaced = any(len(letter) > 1 for letter in machine.alphabet)
    example = (" " if spaced else "").join(machine.alphabet[k % len(machine.alphabet)] for k in (0, 1, 1, 0, 1, 0))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input("A word", example, max_chars=200, key="universal_word", width=320)
        st.page_link("build.py", label="Edit the automaton", icon=":material/construction:")
    try:
        word = machine.word(text)
        word_runner(machine, replay(task, recovery, text), key="universal_runner", strip_title="Rules in the prompt")
    except LinattnError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return example
    st.toggle(
        "Keep the history in the context: repeat every rule used so far",
        key="universal_history",
        on_change=_remember,
    )
    _history(result, task, word, build.history)
    return text


def _remember() -> None:
    wanted = bool(st.session_state.universal_history)

    def make() -> Lab:
        lab = shown(state.lab())
        return lab.replace(build=lab.build.replace(history=wanted))

    state.attempt("universal", make)


def _history(result: Experiment, task: UniversalAutomaton, word: tuple[str, ...], history: bool) -> None:
    machine = result.lab.machine
    if machine is None or not word:
        return
    steps = run_word(result.run.predictor, task, machine, word, history=history)
    if history:
        st.markdown(
            "Linear attention **sums** over all tokens that match, so a rule that stands in the context three times "
            "answers three times as loud. The largest entry still names the true state. Such contexts were not in the "
            "training, so the light speaks of them as open: everything is off by the same constant, and layers of "
            "equal training error differ there."
        )
    ambiguity = result.run.certificate.ambiguity
    st.dataframe(
        {
            "state": [step.state for step in steps],
            "reads": [step.letter for step in steps],
            "rule stands in the context": [f"{step.multiplicity} ×" for step in steps],
            "tokens in the context": [step.context.shape[1] for step in steps],
            "answer y": [", ".join(f"{round(value, 2) + 0.0:.2f}" for value in step.answer) for step in steps],
            "largest entry": [step.learned for step in steps],
            "true": [step.true for step in steps],
            "ambiguity": [ambiguity(step.context) for step in steps],
        },
        hide_index=True,
        height="content" if len(steps) <= 12 else 420,
        column_config={"ambiguity": st.column_config.NumberColumn(format="%.3f")},
        alt="Every step of the word: the query, how often its rule is in the context, the answer",
    )
