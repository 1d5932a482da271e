"""Build: what the transformer shall learn. An automaton, a memory, or a random teacher."""

import streamlit as st

from pages.shared import build_kind, compute, light, state
from pages.shared.widgets import code, notice

st.title("Build")
notice("change one cell of the table and the automaton recovered from the weights follows, with its certificate.")
build_kind.choose()
if state.lab().machine is None:
    light.show(light.judge(compute.of_lab()))
code(f"""
from linattn_core.experiment import experiment
from linattn_core.lab import Lab

lab = Lab.from_token("{state.lab().to_token()}")
result = experiment(lab)
print(lab.build)
print(result.run.certificate.rank, result.family and result.family.dimension, result.missing)
""")
