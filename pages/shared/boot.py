"""What must happen once per server, before anybody waits for a page."""

from __future__ import annotations

import gc
import importlib
import sys

import streamlit as st

from linattn_core.lab import Lab
from linattn_core.plan import entry_seconds, multiply_rate
from pages.shared import compute


@st.cache_resource(show_spinner=False)
def once() -> bool:
    """Import what pages need, freeze it, and compute the worked example while the first visitor's page loads.

    Everything imported lives as long as the server, so the garbage collector need not look at it again: a full
    collection over it cost 155 ms. Threads are switched twenty times as often as by default, so that somebody else's
    click is answered while a job runs (p95 28 ms instead of 292).
    """
    multiply_rate(), entry_seconds()  # the machine's speed for all plans, before anything else keeps it busy
    compute.start(Lab.default(), "the server")
    importlib.import_module("pandas")  # every table needs it; better now than at the first click

    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    return True
