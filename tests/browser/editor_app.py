"""A page with nothing but the editor, for the browser tests: the drawing, what Python heard, and one outside change."""

import json
import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from linattn_core.machines import from_table, presets, random_machine
from linattn_core.machines.export import to_dot
from linattn_core.machines.sketch import Sketch, sketch_to_data
from pages.components import automaton_editor
from tests.cases import HOSTILE_LABELS

st.set_page_config(layout="wide")


def hostile_machine():
    ring = [*HOSTILE_LABELS[1:], HOSTILE_LABELS[0]]
    rows = zip(HOSTILE_LABELS, ring, strict=True)
    return from_table([(state, {state: after, "x": state}) for state, after in rows], start='"', complete=True)


memory = st.session_state
if "sketch" not in memory:
    wanted = st.query_params.get("machine", "parity")
    if wanted == "empty":
        memory.sketch = Sketch()
    elif wanted == "hostile":
        memory.sketch = Sketch.of(hostile_machine())
    elif wanted.startswith("random"):
        memory.sketch = Sketch.of(random_machine(int(wanted[6:]), 3, seed=1))
    else:
        memory.sketch = Sketch.of(next(m for name, m in presets().items() if name.startswith(wanted)))
    memory.heard = 0


def heard(edit):
    memory.sketch = edit.sketch
    memory.heard += 1
    memory.action = edit.action


def turnstile():
    memory.sketch = Sketch.of(presets()["turnstile"])


# What Python holds stands before the editor, so that it is on the page when the editor has its answer.
st.text(f"heard {memory.heard}")
st.code(json.dumps(sketch_to_data(memory.sketch), ensure_ascii=False), language=None)
st.button("Turnstile", on_click=turnstile)
automaton_editor(memory.sketch, heard, key="drawing", unfinished=memory.sketch.kind != "complete")
if "dot" in st.query_params:
    st.graphviz_chart(to_dot(memory.sketch))
