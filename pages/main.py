"""The script that runs for every visitor: one lab, the navigation, the page."""

import streamlit as st

from pages.shared import boot, frame, state, universal_choice

st.set_page_config(page_title="linattn", page_icon=frame.ICON, layout="wide", initial_sidebar_state=260)
boot.once()
state.begin()
frame.sidebar()
page = st.navigation(frame.pages())
frame.notices()
if not universal_choice.instead(page):
    page.run()
