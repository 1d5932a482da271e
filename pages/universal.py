"""Universal: one learned layer that runs every automaton, and one that runs every Turing machine, of a size."""

import streamlit as st

from pages.shared import universal_choice

st.title("Universal")
universal_choice.show()
