"""Streamlit components of our own: the drawing editor and the word runner."""

from pages.components.automaton_editor import automaton_editor
from pages.components.word_runner import word_runner

__all__ = ["automaton_editor", "word_runner"]
