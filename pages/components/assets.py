"""The components' own files, read from wherever the package lies: a checkout, an installed wheel, a zip.

Streamlit takes one inline module a component. The parts share one scope and import nothing, so they are joined.
"""

from importlib.resources import files


def joined(*names: str) -> str:
    """Return the texts of some files of the folder `frontend`, one after the other."""
    folder = files(__package__) / "frontend"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
