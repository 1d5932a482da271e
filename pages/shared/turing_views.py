"""What the Universal page shows of learned Turing machines: settings, verdict, weights, curve, designs."""

from __future__ import annotations

from typing import Any

import streamlit as st

from linattn_core import figures as drawn
from linattn_core.errors import LinattnError
from linattn_core.experiment import Experiment
from linattn_core.figures import views
from linattn_core.figures.turing import jump
from linattn_core.figures.turing_layout import attribute_boxes
from linattn_core.lab import Lab, TuringBuild
from linattn_core.numerics import Progress, readable_bytes
from linattn_core.outcomes import wording
from linattn_core.plan import Plan
from linattn_core.tasks.turing import TuringRun, UniversalTuringMachine
from linattn_core.tasks.turing_cost import whole_cost
from linattn_core.tasks.turing_designs import DESIGNS
from linattn_core.tasks.turing_outcome import turing_curve
from pages.shared import compute, state, theme, turing_editor, turing_sample
from pages.shared.light import show as show_light
from pages.shared.widgets import chart, duration, figures, literal, problem

SHARES = (0.1, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)  # of the lab's machines, the points of the curve
DRAWN_AT_ONCE = 150_000  # numbers in the traces up to which the curve comes without a button
LESSONS: dict[str, tuple[int, int]] = {  # name: machines, most steps; for two states, two letters, four cells
    "40 machines": (40, 10),
    "90 machines": (90, 10),
    "100 machines": (100, 10),
    "3 steps, 600 machines": (600, 3),
    "4 steps, 600 machines": (600, 4),
}


def many(task: UniversalTuringMachine) -> str:
    """How many machines there are, in words once the number is long."""
    return literal(wording.in_digits(task.machine_count))


def controls(lab: Lab, task: UniversalTuringMachine) -> None:
    """Machines seen, steps of each, halting, seed; and the sizes and design of the layer."""
    build, memory = lab.turing, st.session_state
    assert build is not None
    memory.turing_count, memory.turing_length, memory.turing_seed = lab.traces.count, lab.traces.length, lab.traces.seed
    memory.turing_halting, memory.turing_design = build.halting, build.design
    memory.turing_q, memory.turing_s = build.states, build.letters
    with st.grid(6, min_column_width=130, gap="small"):
        st.number_input("Random machines", 1, 100_000, key="turing_count", on_change=_traces)
        st.number_input("Steps of each, at most", 1, 10_000, key="turing_length", on_change=_traces)
        st.number_input("A rule halts with", 0.0, 1.0, step=0.05, key="turing_halting", on_change=_layer)
        st.number_input("Seed", 0, 2**32 - 1, key="turing_seed", on_change=_traces)
        st.number_input("States Q", 1, 16, key="turing_q", on_change=_layer)
        st.number_input("Letters S", 1, 8, key="turing_s", on_change=_layer)
    st.segmented_control(
        "Design",
        list(DESIGNS),
        key="turing_design",
        required=True,
        on_change=_layer,
        help="How state and position are carried: slim needs four tokens a step, wide three, duo two.",
    )
    problem("turing_layer")
    if (build.states, build.letters, build.cells, build.design) == (2, 2, 4, "slim"):
        _lessons(lab)


def _lessons(lab: Lab) -> None:
    now = next((k for k, v in LESSONS.items() if v == (lab.traces.count, lab.traces.length)), None)
    st.session_state.turing_lesson = now
    st.pills("Try", list(LESSONS), key="turing_lesson", on_change=_lesson)


def _lesson() -> None:
    chosen = LESSONS.get(st.session_state.turing_lesson or "")
    if chosen is not None:
        lab = state.lab()
        state.attempt("turing_layer", lambda: lab.replace(traces=lab.traces.replace(count=chosen[0], length=chosen[1])))


def _traces() -> None:
    memory, lab = st.session_state, state.lab()
    fields = {name: int(memory[f"turing_{name}"]) for name in ("count", "length", "seed")}
    state.attempt("turing_layer", lambda: lab.replace(traces=lab.traces.replace(**fields)))


def _layer() -> None:
    memory, lab = st.session_state, state.lab()
    build = lab.turing
    assert build is not None
    fields = {"states": int(memory.turing_q), "letters": int(memory.turing_s), "design": memory.turing_design}
    halting = float(memory.turing_halting)

    def make() -> Lab:
        if halting != build.halting:
            return lab.replace(build=build.replace(halting=halting))
        return turing_editor.resized(lab, build.replace(**fields))

    state.attempt("turing_layer", make)


def cost(made: Plan, task: UniversalTuringMachine, halting: float) -> None:
    """What learning, trying fresh machines and certifying will take together, before any of it is begun."""
    price = whole_cost(made, task, halting)
    more = (
        f" Where directions stay open, finding and naming them takes about {duration(price.naming)} more."
        if price.naming > 1
        else ""
    )
    st.markdown(
        f"In all about **{duration(price.seconds)}** and **{readable_bytes(price.bytes)}** here: "
        f"{duration(price.learning)} to learn, {duration(price.certifying)} to run fresh machines and certify.{more}"
    )


def remarks(run: TuringRun, build: TuringBuild) -> None:
    """What must be said plainly of a run: it wraps, it did not halt, it went wrong."""
    if run.expected.wrapped:
        st.warning(
            f"This run goes round the circle of {build.cells} cells: on an infinite tape it would be another one. Give "
            "it more cells, or a shorter run.",
            icon=":material/loop:",
        )
    if not run.expected.halted:
        st.caption(f"The machine has not halted within {build.run} steps; only the step limit ended the run.")
    if not run.agrees:
        st.error(
            "These weights do not run this machine rightly: from some step on the tokens are not what the plain "
            "simulator says. The traces did not determine them.",
            icon=":material/error:",
        )


def verdict(result: Experiment, task: UniversalTuringMachine) -> None:
    """The light for all machines, the figures, and what is missing; a sample where the legal space is not known."""
    found, run = result.turing, result.run
    assert found is not None
    sampled = None if found.legal else turing_sample.obtain(result, task)
    show_light(turing_sample.light(result, sampled))
    fresh, legal = found.fresh, found.legal
    name = "Sampled dimension" if sampled else "Legal dimension"
    figures(
        {
            "Rank": f"{run.certificate.rank:,}",
            name: f"{legal.dimension:,}" if legal else f"≥ {sampled.known:,}" if sampled else "not known",
            "Exact runs": f"{fresh.exact} of {fresh.runs}",
            "Certified": f"{100 * fresh.certified / fresh.contexts:.0f} %",
            "Certified wrong": f"{fresh.certified_wrong}",
            "Learned in": duration(result.seconds["learn"]),
        },
        {
            "Rank": f"Of the second moment of {len(result.traces):,} examples.",
            "Legal dimension": "What the contexts of all machines, tapes and run lengths span.",
            "Sampled dimension": turing_sample.LABEL,
            "Exact runs": f"Random machines never trained on; every token of up to {fresh.steps} steps each.",
            "Certified": f"Of {fresh.contexts:,} contexts of the first steps of fresh machines.",
        },
    )
    source = legal.source if legal else sampled.found.source if sampled else ""
    level, reason = (legal.level, legal.reason) if legal else (fresh.level, fresh.reason)
    st.caption(
        f"{len(result.traces):,} examples. {f'Legal contexts, {literal(source)}. ' if source else ''}Level: {level}"
        f"{': ' + literal(reason.rstrip('.')) if reason else ''}."
    )
    if legal is None and sampled is None:
        turing_sample.offer(result, task)


def weights(result: Experiment, task: UniversalTuringMachine) -> None:
    """Learned against compiled, in words and one number."""
    found = result.turing
    assert found is not None
    apart = f", relative distance **{found.distance:.2f}**" if found.distance is not None else ""
    exact = result.light.colour == "green"
    agree = "on legal contexts, and only there" if exact else "where the traces determine the answer"
    st.markdown(
        f"The learned weights are **not** the {task.layout.head_count} compiled heads{apart}: the two agree {agree}. "
        f"λ min is {result.run.certificate.lambda_min:.3g}, so on anything else nothing is promised. "
        f"Contexts certified and answered wrongly all the same: **{found.fresh.certified_wrong}**; there must be none."
    )


def curve(lab: Lab, task: UniversalTuringMachine) -> None:
    """How fresh machines fare against the number of machines seen; on demand where it takes long."""
    build = lab.turing
    assert build is not None
    counts = sorted({max(1, round(share * lab.traces.count)) for share in SHARES})
    key: tuple[Any, ...] = ("jump", task, lab.traces, build.halting, lab.learner.ridge)
    memory = st.session_state
    if lab.tokens * task.dim > DRAWN_AT_ONCE and memory.get("turing_curve") != key and not compute.pool().knows(key):
        st.button(
            "Draw the curve: learn again from fewer and more machines",
            icon=":material/show_chart:",
            on_click=memory.__setitem__,
            args=("turing_curve", key),
            key="turing_draw",
        )
        return

    def work(tick: Progress) -> Any:
        spec = lab.traces
        return turing_curve(
            task,
            counts,
            seed=spec.seed,
            steps=spec.length,
            halting=build.halting,
            noise=spec.noise,
            ridge=lab.learner.ridge,
            progress=tick,
        )

    points = compute.obtain(key, work, "Drawing the curve")
    exact, sample = task.family_dimension, turing_sample.known(task)
    dimension = exact or (sample.dimension if sample else None)
    wrong = sum(point.fresh.certified_wrong for point in points)
    chart(
        jump(points, dimension, theme.colours(), sampled=exact is None),
        "Fresh machines run exactly, contexts certified and rank, against machines seen",
        f"{points[0].fresh.runs} fresh machines at every point; certified and yet wrong at any of them: {wrong}.",
        "turing_jump",
    )


def designs(task: UniversalTuringMachine) -> None:
    """The attribute table of the design, its heads, and the three designs in numbers."""
    colours = theme.colours()
    st.markdown(
        f"A token has **{task.dim}** numbers, most of them zero. **{task.layout.head_count}** heads with entries −1, "
        f"0, 1 run every machine; a step takes **{task.tokens_per_step}** tokens: {', '.join(task.layout.stages)}."
    )
    st.html(attribute_boxes(task.layout, colours))
    _heads(task)
    names, rows = list(DESIGNS), []
    for name in names:
        layout = DESIGNS[name](task.states, task.letters, task.cells)
        rows.append((name, layout.dim, layout.head_count, len(layout.stages), layout.prompt_length))
    st.dataframe(
        {
            "design": [row[0] for row in rows],
            "numbers a token, d": [row[1] for row in rows],
            "heads": [row[2] for row in rows],
            "tokens a step": [row[3] for row in rows],
            "tokens of the prompt": [row[4] for row in rows],
        },
        hide_index=True,
        alt="The three designs at these sizes",
    )


def _heads(task: UniversalTuringMachine) -> None:
    names = list(task.head_names)
    try:
        picture = drawn.mosaic(views.stacked_heads(task.truth), names, theme.colours(), aspect=5.0)
    except LinattnError as limit:
        st.caption(literal(str(limit)))
        return
    chart(
        picture,
        f"The {len(names)} compiled heads: {', '.join(names[:12])}",
        f"{', '.join(names[:12])}{' and more' if len(names) > 12 else ''}: Q ({task.dim} × {task.dim}) with V below; "
        "blue +1, orange −1",
        "turing_heads",
    )
