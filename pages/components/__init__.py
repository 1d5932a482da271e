"""Streamlit components of our own: the drawing editor and the word runner."""

from pages.components.automaton_editor import automaton_editor

__all__ = ["automaton_editor"]
