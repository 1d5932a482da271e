"""The tape player as one call: a machine's run by attention, played, stepped and scrubbed without the server."""

from __future__ import annotations

import streamlit as st

from linattn_core.figures.turing_story import TuringStory
from pages.components.assets import joined

_mount = st.components.v2.component(
    "linattn.tape_player",
    css=joined("tape_player.css"),
    js=joined("mount.js", "tape_player_parts.js", "tape_strip.js", "tape_player.js"),
)


def tape_player(story: TuringStory, *, key: str) -> None:
    """Show `story`: the tape with its head, the sums that keep it, the stage, and the context token by token."""
    _mount(
        key=key,
        data={
            "machine": story.machine,
            "states": list(story.states),
            "symbols": list(story.symbols),
            "attributes": [[name, start, list(labels)] for name, start, labels in story.attributes],
            "stages": list(story.stages),
            "cells": story.cells,
            "prompt": story.prompt,
            "vectors": [list(map(list, vector)) for vector in story.vectors],
            "token": list(story.token),
            "pull": [list(row) for row in story.pull],
            "kinds": list(story.kinds),
            "says": list(story.says),
            "configurations": [list(one) for one in story.configurations],
            "right": list(story.right),
            "ending": story.ending,
        },
    )
