"""The components' own files, read from wherever the package lies: a checkout, an installed wheel, a zip.

Streamlit takes one inline module a component. So the parts, which share one scope and import nothing, are joined,
without comments and indentation; sent_once.py keeps them from being sent with every change.
"""

import re
from importlib.resources import files


def joined(*names: str) -> str:
    """Return the texts of some files of the folder `frontend`, one after the other, made lean."""
    folder = files(__package__) / "frontend"
    return "\n".join(lean((folder / name).read_text(encoding="utf-8")) for name in names)


def lean(text: str) -> str:
    """Drop indentation, blank lines and comments on lines of their own; no text in these files spans several lines."""
    text = re.sub(r"^[ \t]*/\*.*?\*/[ \t]*$", "", text, flags=re.DOTALL | re.MULTILINE)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//")) + "\n"
