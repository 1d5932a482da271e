"""Components whose program goes over the wire once, however often their data change.

Streamlit sends a component's inline program together with its data, and a message that has not changed since the last
run by its hash alone. So the program is mounted with data that never change, and the data come through a second, tiny
mount; in the browser the two meet by the component's key (frontend/post.js). Files served under an address of their own
would do as well, but Streamlit finds those only for a distribution whose name is that of its package, installed and not
editable; a checkout and a wheel must both work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import streamlit as st

from pages.components.assets import joined

_letter = st.components.v2.component("linattn.letter", js=joined("mount.js", "post.js", "letter.js"))


class Mount(Protocol):
    """Shows the component under `key` with `data`; callbacks are named on_<event>_change."""

    def __call__(self, *, key: str, data: Any, **callbacks: Any) -> None: ...


def sent_once(name: str, *, css: Sequence[str], js: Sequence[str]) -> Mount:
    """Register the component `name` of these files of the folder `frontend`; its last one collects `data.from`."""
    program = st.components.v2.component(name, css=joined(*css), js=joined("post.js", *js))

    def mount(*, key: str, data: Any, **callbacks: Any) -> None:
        with st.container(gap=None):
            _letter(key=f"{key}-letter", data={"to": key, "letter": data})
            program(key=key, data={"from": key}, **callbacks)

    return mount
