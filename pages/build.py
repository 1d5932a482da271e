"""Build: what the transformer shall learn. An automaton, a memory, a teacher, own sequences, a Turing machine."""

import streamlit as st

from pages.shared import build_kind, compute, light, my_machines, state
from pages.shared.widgets import code, notice

st.title("Build")
notice(build_kind.NOTICES[state.lab().build.kind])
my_machines.show()
build_kind.choose()
if state.lab().machine is None and state.lab().turing is None:
    light.show(compute.of_lab().light)
code(f"""
from linattn_core.experiment import experiment
from linattn_core.lab import Lab

lab = {state.source()}
result = experiment(lab)
print(lab.build)
print(result.run.certificate.rank, result.family and result.family.dimension, result.missing)
""")
