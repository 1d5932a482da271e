"""Traces: the examples the transformer learns from, as words, tokens and matrices."""

import streamlit as st

from pages.shared import compute, panels, sequence_views, state, trace_views
from pages.shared.widgets import code, notice

st.title("Traces")
notice(trace_views.NOTICES[state.lab().build.kind])
trace_views.controls(state.lab())
result = compute.of_lab()

if trace_views.has_words(result):
    left, right = st.columns([5, 3])
    with left:
        st.markdown("###### Words")
        trace_views.words(result)
    with right:
        st.markdown("###### Examples per transition")
        trace_views.visits(result)
sequence_views.shown(result)
st.markdown("###### Tokens")
panels.token_strip(result, "traces_strip", count=72)
st.markdown("#### One example")
trace_views.one_example(result)
code(f"""
from linattn_core.lab import Lab

lab = {state.source()}
traces = lab.make_traces()
Z, y = traces[0]
print(len(traces), Z.shape, y)      # the first context and its answer
print(Z @ Z.T)                      # C
""")
