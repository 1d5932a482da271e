"""Draw again when the reader switches between light and dark.

The switch happens in the browser alone. Charts follow it by themselves, but the colours of a Graphviz diagram are in
its text, so black arrows would stand on a black page until the next click. This component, a few lines without
anything to see, looks at the page's background twice a second and asks for one new run when it has changed.
"""

from __future__ import annotations

import streamlit as st

_SCRIPT = """
const pages = new WeakMap();
export default function (component) {
  const { parentElement, setTriggerValue } = component;
  if (pages.has(parentElement)) return;
  const place = parentElement.host ?? parentElement;  // a shadow root has no style of its own
  const colour = () => getComputedStyle(place).getPropertyValue("--st-background-color").trim();
  let seen = colour();
  const timer = setInterval(() => {
    const now = colour();
    if (now && now !== seen) {
      seen = now;
      setTriggerValue("changed", now);
    }
  }, 500);
  pages.set(parentElement, timer);
  return () => {
    clearInterval(timer);
    pages.delete(parentElement);
  };
}
"""

_watch = st.components.v2.component("linattn_theme_watch", js=_SCRIPT)


def watch() -> None:
    """Place the component; once per run, on every page."""
    _watch(key="theme_watch", on_changed_change=_seen)


def _seen() -> None:
    """The new run is all that is wanted: it reads the theme afresh."""
