"""Many words at once: what is expected of each, what machine and transformer say, and whether the data prove it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from linattn_core.errors import LinattnError
from linattn_core.recover import Recovery
from pages.shared.widgets import literal

MOST = 200
"""Words tested at a time."""

SAYS = {True: "accepts", False: "rejects"}


@st.fragment
def show(recovery: Recovery) -> None:
    """A box of words, one a line, each with an optional expectation after a colon, and the table of verdicts."""
    machine = recovery.truth
    gap = " " if any(len(letter) > 1 for letter in machine.alphabet) else ""
    words = [machine.alphabet[:k] for k in range(3)] + [machine.alphabet[:2] * 2]
    example = "\n".join(gap.join(word) for word in words)
    text = st.text_area(
        "Words, one a line; write ': yes' or ': no' after a word to say what you expect",
        example,
        max_chars=10_000,
        key="words",
        persist_state="session",
        width=520,
    )
    rows, problems = [], []
    for number, line in enumerate(text.splitlines()[:MOST], start=1):
        try:
            rows.append(_judge(recovery, line))
        except LinattnError as error:
            problems.append(f"Line {number}: {error}")
    if len(text.splitlines()) > MOST:
        problems.append(f"Only the first {MOST} words are tested.")
    for problem in problems[:5]:
        st.error(literal(problem), icon=":material/error:")
    if rows:
        st.dataframe(
            {name: [row[name] for row in rows] for name in rows[0]},
            hide_index=True,
            alt="Every word with expectation, the machine's and the transformer's verdict, and whether it is certified",
        )


def _judge(recovery: Recovery, line: str) -> dict[str, Any]:
    """One row: a word is certified where every transition on its true path is pinned down."""
    machine, learned = recovery.truth, recovery.automaton
    text, _, wish = line.rpartition(":") if _has_wish(line) else (line, "", "")
    word = machine.word(text.strip())
    path = machine.path(word)
    certified = all(recovery.certified[pair] for pair in zip(path[:-1], word, strict=True))
    true = machine.accepts(word)
    expected = {"yes": True, "no": False}.get(wish.strip())
    return {
        "word": " ".join(word) if word else "(of no letters)",
        "expected": "" if expected is None else SAYS[expected],
        "machine": SAYS[true],
        "as expected": "" if expected is None else ("✓" if expected == true else "✗"),
        "transformer": SAYS[learned.accepts(word)],
        "certified": "✓ proved" if certified else "open",
    }


def _has_wish(line: str) -> bool:
    return line.rpartition(":")[2].strip() in ("yes", "no")
