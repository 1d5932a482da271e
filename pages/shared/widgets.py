"""The small parts every page is made of: what to notice, a diagram, a chart, a row of figures, the code drawer."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from pages.shared import state, theme


def notice(sentence: str) -> None:
    """The one sentence that says what to look for on this page."""
    st.markdown(f":material/visibility: **Notice:** {sentence}")


def chart(figure: go.Figure, alt: str, caption: str | None = None, key: str | None = None, width: int = 0) -> None:
    """A Plotly figure with its description for screen readers and, below it, the shape of what it shows.

    `width` in pixels, where the figure would look silly over the whole column.
    """
    st.plotly_chart(figure, alt=alt, config=theme.CHART, key=key, width=width or "stretch")
    if caption:
        st.caption(caption)


def diagram(dot: str, alt: str, key: str) -> None:
    """A Graphviz diagram that changes at once.

    The browser would morph an updated diagram path by path, which takes seconds; a diagram in the other of two slots
    is drawn afresh in a fraction of one. The slot changes only when the diagram does.
    """
    shown = st.session_state.setdefault("diagrams", {})
    before, slot = shown.get(key, ("", 0))
    slot = slot if before in ("", dot) else 1 - slot
    shown[key] = (dot, slot)
    with st.container(gap=None, horizontal_alignment="center"):
        slots = st.empty(), st.empty()
        slots[slot].graphviz_chart(dot, alt=alt, width="stretch" if _wide(dot) else "content")


def _wide(dot: str) -> bool:
    return dot.count("shape=ellipse") > 8


def figures(values: dict[str, str], help_: dict[str, str] | None = None) -> None:
    """A row of named numbers that wraps on a phone."""
    with st.grid(min(len(values), 6), min_column_width=120, gap="small"):
        for name, value in values.items():
            st.metric(name, value, border=True, help=(help_ or {}).get(name))


def duration(seconds: float) -> str:
    """Seconds as a person reads them: under 1 ms, 12 ms, 3.4 s."""
    if seconds < 0.001:
        return "under 1 ms"
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def code(lines: str) -> None:
    """The drawer with the lines of `linattn_core` that reproduce the numbers on this page."""
    with st.expander("Show the code", icon=":material/code:"):
        st.code(lines.strip(), language="python")
        saved = "" if state.link().whole else "Save this lab as `lab.toml` first (Share or save, in the sidebar). "
        st.caption(f"{saved}Paste it into a notebook or `python`: it prints the numbers shown above.")


def problem(place: str) -> None:
    """Why the last change made at `place` was refused, next to where it was made."""
    sentence = state.problem(place)
    if sentence:
        st.error(literal(sentence), icon=":material/error:")


def literal(text: str) -> str:
    """`text` of the user's own inside a Markdown sentence, shown literally.

    Without it a label from a stranger's link could become a link, or an image that calls another server.
    """
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-.!|~$:&" else c for c in text)
