"""Start: a finished worked example on one screen, and one button that breaks it."""

import streamlit as st

from pages.shared import compute, example, light, panels, state
from pages.shared.widgets import code, notice

st.title("Learn a transformer exactly, then look inside")
st.markdown(
    "Build a small machine, watch a one-layer linear transformer learn it from example words by solving **one "
    "least-squares problem** instead of descending a gradient, and read the machine back out of the weights."
)
if state.lab().machine is None:
    example.not_an_automaton()
    st.stop()

result = compute.of_lab()
machine, recovery = result.lab.machine, result.recovery
assert machine is not None, "asked above"
assert recovery is not None, "every automaton's experiment has one"
notice(example.SENTENCES[result.light.colour])

row = st.columns(3)
with row[0].container(border=True, height="stretch"):
    st.markdown("###### 1 · True automaton")
    panels.true_automaton(machine, "start_true")
with row[1].container(border=True, height="stretch"):
    st.markdown("###### 2 · Traces")
    example.words(result)
    panels.token_strip(result, "start_strip")
with row[2].container(border=True, height="stretch"):
    st.markdown("###### 3 · Learned heads")
    panels.heads(result, "start_heads")
    example.learned_in(result)

left, right = st.columns([1, 1])
with left.container(border=True, height="stretch"):
    st.markdown("###### 4 · Recovered automaton")
    panels.recovered_automaton(recovery, "start_recovered")
with right.container(border=True, height="stretch"):
    st.markdown("###### 5 · Certificate")
    light.show(result.light)
    example.in_figures(result)
    example.buttons(result)

example.twin(result)
code(example.CODE.format(token=state.lab().to_token()))
