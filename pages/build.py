"""Build: what the transformer shall learn. An automaton, a memory, or a random teacher."""

import streamlit as st

from linattn_core.lab import AutomatonBuild, Lab, MemoryBuild, TeacherBuild
from pages.shared import build_automaton, build_other, compute, light, state
from pages.shared.widgets import code, notice

KINDS = {"automaton": "Automaton", "memory": "Associative memory", "teacher": "Random teacher"}


def switch() -> None:
    """Build something of another kind: the last one of that kind in this session, or its default."""
    lab, kind = state.lab(), st.session_state.build_kind
    earlier = [old for old in st.session_state.past if old.build.kind == kind]
    fresh = {
        "automaton": Lab.default,
        "memory": lambda: build_other.memory_lab(MemoryBuild(), lab.learner),
        "teacher": lambda: build_other.teacher_lab(TeacherBuild(), lab.learner),
    }
    if kind in fresh and kind != lab.build.kind:
        state.attempt("kind", lambda: earlier[-1] if earlier else fresh[kind]())


st.title("Build")
notice("change one cell of the table and the automaton recovered from the weights follows, with its certificate.")
build = state.lab().build
st.session_state.build_kind = build.kind
st.segmented_control(
    "What shall be learned",
    list(KINDS),
    format_func=KINDS.__getitem__,
    key="build_kind",
    required=True,
    on_change=switch,
    label_visibility="collapsed",
)
if isinstance(build, AutomatonBuild):
    build_automaton.show(build.machine)
else:
    if isinstance(build, MemoryBuild):
        build_other.show_memory(build)
    else:
        build_other.show_teacher(build)
    light.show(light.judge(compute.of_lab()))
code(f"""
from linattn_core.experiment import experiment
from linattn_core.lab import Lab

lab = Lab.from_token("{state.lab().to_token()}")
result = experiment(lab)
print(lab.build)
print(result.run.certificate.rank, result.family and result.family.dimension, result.missing)
""")
