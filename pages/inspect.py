"""Inspect: the learned heads, and the automaton read back out of them."""

import streamlit as st

from pages.shared import compute, heads_views, inspect_views, memory_views, panels, state, words_table
from pages.shared.widgets import code, notice

st.title("Inspect")
notice(
    "these heads are one way to write the learned function, by singular values; another transformer may have other "
    f"heads and be the same function. What can be compared is {inspect_views.COMPARED[state.lab().build.kind]}."
)
result = compute.of_lab()
if result.recovery is not None:
    inspect_views.side_by_side(result, result.recovery)
    st.markdown("#### Run a word")
    inspect_views.run_a_word(result, result.recovery)
    st.markdown("#### Many words at once")
    words_table.show(result.recovery)

memory_views.interference(result, "inspect_memory")
st.markdown("#### All heads")
panels.heads(result, "inspect_heads", aspect=5.0)
st.markdown("#### One head")
inspect_views.one_head(result)

left, right = st.columns(2)
with left:
    st.markdown("###### Sizes of the heads")
    inspect_views.singular_values(result)
with right:
    st.markdown("###### Residuals on the traces")
    inspect_views.residuals(result)
heads_views.truncation(result)
if result.recovery is not None:
    st.markdown("#### Every transition, with the model's scores")
    inspect_views.edges(result, result.recovery)
st.markdown("#### One function, three ways to write it as heads")
heads_views.three_ways(result)
code(f"""
from linattn_core.experiment import experiment
from linattn_core.lab import Lab

result = experiment({state.source()})
model = result.run.model
print(model.heads, model.V.shape, model.Q.shape)
print(model.Q[0], model.V[0], sep="\\n")       # the first head
print(result.recovery and [(e.words, e.learned, e.kind) for e in result.recovery.edges])
""")
