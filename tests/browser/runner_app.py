"""A page with nothing but the word runner; ?break=1 withholds a transition, ?prompt=1 prompts with the rules."""

import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from linattn_core.experiment import experiment
from linattn_core.figures.replay import replay
from linattn_core.lab import AutomatonBuild, Lab, TraceSpec
from linattn_core.machines import presets
from pages.components import word_runner

st.set_page_config(layout="wide")
asked = st.query_params


@st.cache_data
def run_of(word, broken, prompt):
    machine = presets()["contains aba"]
    spec = TraceSpec(count=40, withheld=(("q2", "b"),)) if broken else TraceSpec(count=1200 if prompt else 40)
    build = AutomatonBuild(machine=machine, encoding="universal" if prompt else "step")
    result = experiment(Lab(build=build, traces=spec))
    return machine, replay(result.task, result.recovery, word)


word = st.text_input("Word", asked.get("word", "abbaabab"))
machine, run = run_of(word, "break" in asked, "prompt" in asked)
memory = st.session_state
memory.runs = memory.get("runs", 0) + 1
word_runner(machine, run, key="runner", strip_title="Rules in the prompt" if "prompt" in asked else "Tokens of the run")
st.text(f"script runs {memory.runs}")
