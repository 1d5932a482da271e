"""Streamlit components of our own: the drawing editor with its board and files, the word runner, the shelf."""

from pages.components.automaton_editor import automaton_editor
from pages.components.drawing_board import discard_drawing, drawing_board, drawing_is_unfinished
from pages.components.machine_files import open_file, save_files
from pages.components.shelf import shelf
from pages.components.word_runner import word_runner

__all__ = [
    "automaton_editor",
    "discard_drawing",
    "drawing_board",
    "drawing_is_unfinished",
    "open_file",
    "save_files",
    "shelf",
    "word_runner",
]
