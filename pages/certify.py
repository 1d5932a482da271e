"""Certify: what the traces prove about every input, and what they leave open."""

import streamlit as st

from pages.shared import certify_views, compute, curve_views, example, light, state
from pages.shared.widgets import code, notice, problem

st.title("Certify")
notice(
    "the light does not ask how many answers were right. It asks whether ANY transformer with the same training "
    "error could answer otherwise on some legal input."
)
result = compute.of_lab()
light.show(result.light)
certify_views.sizes(result)

left, right = st.columns(2)
with left:
    st.markdown("###### What is missing")
    certify_views.cure(result)
    problem("certify")
    certify_views.ambiguity(result)
with right:
    st.markdown("###### Spectrum of the second moment")
    certify_views.spectrum(result)
curve_views.tried(result)
example.twin(result)
st.markdown("#### How many traces do I need?")
curve_views.how_many(result)
code(f"""
from linattn_core.experiment import experiment
from linattn_core.lab import Lab

result = experiment({state.source()})
c, f = result.run.certificate, result.family
print(c.rank, c.feature_count, c.lambda_min, c.identified)
print(f and (f.holds, f.rank, f.dimension, f.structural, f.data), result.missing)
""")
