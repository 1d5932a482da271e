"""linattn, the app: learn a one-layer linear transformer from traces exactly, and look inside.

Run it with `streamlit run app.py`. Every page shows one lab; the lab is in the address, so a link is a lab.
"""

import os

# Before anything loads numpy: thirty students' fits on two cores took 34-46 s with a BLAS thread per core each,
# 11-15 s with one. The job pool runs one numeric job at a time anyway.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import streamlit as st  # noqa: E402

from pages.shared import boot, frame, state  # noqa: E402

st.set_page_config(page_title="linattn", page_icon=frame.ICON, layout="wide", initial_sidebar_state=260)
boot.once()
state.open_lab()
page = st.navigation(frame.pages())
frame.sidebar()
frame.notices()
page.run()
