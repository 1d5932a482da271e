"""Learn: the plan before, the exact solution after."""

import streamlit as st

from pages.shared import compute, learn_views, state
from pages.shared.widgets import code, notice

lab = state.lab()
st.title("Learn")
notice("there are no epochs: the training error is the smallest any number of heads can reach, found in one solve.")
learn_views.controls(lab)

st.markdown("#### The plan")
made = learn_views.plan(lab)
learn_views.wait_for_button(lab, made)

st.markdown("#### The solution")
result = compute.of_lab()
learn_views.outcome(result)
st.markdown("###### Milliseconds per stage")
learn_views.seconds(result)
code(f"""
import linattn_core as la
from linattn_core.lab import Lab

lab = {state.source()}
traces = lab.make_traces()
print(la.plan(traces).describe())
run = la.learn(traces, ridge={lab.learner.ridge!r}, heads={lab.learner.heads!r}, device={lab.learner.device!r})
print(run.training_mse, run.r2, run.certificate.rank, run.model.heads, run.seconds)
""")
