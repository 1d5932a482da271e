"""The light of a lab as a box: what is known of every input, not only of those seen."""

from __future__ import annotations

import streamlit as st

from linattn_core.outcomes.light import Light
from pages.shared.widgets import literal

ICONS = {"green": "check_circle", "blue": "looks_one", "amber": "help", "red": "cancel", "grey": "pending"}
LISTED = 6  # details that are shown at once


def show(light: Light) -> None:
    """The light as a box; its colour, its icon and the first word of its title all say the same."""
    boxes = {"green": st.success, "blue": st.info, "amber": st.warning, "red": st.error}
    icon, title, words = f":material/{ICONS[light.colour]}:", literal(light.title), _words(light)
    if light.colour in boxes:
        boxes[light.colour](words, title=title, icon=icon)
        return
    with st.container(border=True, key="light_grey"):
        st.markdown(f"{icon} **{title}**\n\n{words}")


def _words(light: Light) -> str:
    """What holds, some of the details as a list, and the level."""
    lines = [f"- {literal(line)}" for line in light.details[:LISTED]]
    if len(light.details) > LISTED:
        lines.append(f"- and {len(light.details) - LISTED:,} more")
    parts = [literal(light.words), "\n".join(lines), f":small[{_level(light)}]"]
    return "\n\n".join(part for part in parts if part)


def _level(light: Light) -> str:
    why = f": {literal(light.reason.rstrip('.'))}" if light.colour == "green" else ""
    return f"Level: **{light.level}**{why}."
