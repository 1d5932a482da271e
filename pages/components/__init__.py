"""Streamlit components of our own: the drawing editor with its board and files, and the word runner."""

from pages.components.automaton_editor import automaton_editor
from pages.components.drawing_board import drawing_board
from pages.components.machine_files import open_file, save_files
from pages.components.word_runner import word_runner

__all__ = ["automaton_editor", "drawing_board", "open_file", "save_files", "word_runner"]
