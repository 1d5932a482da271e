"""The shelf's Python side: what it takes from a browser, what it keeps of a lab, and what it makes of a code."""

from __future__ import annotations

import json
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.errors import SpecError
from linattn_core.lab import AutomatonBuild, Lab, MemoryBuild, OpenedLab, SequencesBuild, TeacherBuild, TraceSpec
from linattn_core.machines import random_machine
from linattn_core.sequences import Sequences
from pages.components.shelf import _hear, code_of, kind_in_words, lab_of, read_wish, suggestion
from tests.fixtures import hostile
from tests.test_history import Memory, session
from tests.test_lab import labs
from tests.test_pages import opened

WORDS = (("sky", "blue"), ("grass", "green"))
LABS = {
    "automaton in the weights, 4 states, 2 letters": Lab.default(),
    "automaton in the prompt, 1 state, 1 letter": Lab(
        build=AutomatonBuild(machine=random_machine(1, 1, seed=0), encoding="universal"), traces=TraceSpec(count=5)
    ),
    "associative memory, 2 pairs": Lab(build=MemoryBuild(table=WORDS), traces=TraceSpec(count=60)),
    "associative memory, random vectors": Lab(build=MemoryBuild(dim=2), traces=TraceSpec(count=60)),
    "random teacher, d = 3": Lab(build=TeacherBuild(dim=3), traces=TraceSpec(count=4, length=20)),
    "Turing machine, 2 states, 2 symbols": Lab.default_turing(),
}


def wish(**changes: object) -> dict[str, object]:
    return {"instance": "x7", "serial": 1, "action": "save", "code": ""} | changes


@given(labs())
@settings(max_examples=40, deadline=None)
def test_what_is_kept_of_a_lab_is_all_of_it(lab: Lab):
    assert lab_of(json.loads(json.dumps(code_of(lab)))).lab == lab


def test_a_lab_too_large_for_a_link_is_kept_whole_as_its_file():
    tokens = np.random.default_rng(0).normal(size=(1000, 4))
    data = Sequences.build(tokens, np.empty((1000, 0)), np.full(100, 10))
    lab = Lab(build=SequencesBuild(name="walks", data=data), traces=TraceSpec(count=100))
    with pytest.raises(SpecError, match="share link would exceed"):
        lab.to_token()
    code = code_of(lab)
    assert code.startswith("{")
    assert lab_of(code).lab == lab
    assert (kind_in_words(lab), suggestion(lab)) == ("own sequences", "walks")


@pytest.mark.parametrize("words", LABS)
def test_the_kind_and_a_name_in_words(words: str):
    assert kind_in_words(LABS[words]) == words
    assert suggestion(LABS[words]).strip()


GOOD = Lab.default().to_token()
BROKEN = {
    "nothing": ("", "holds nothing"),
    "blank": ("  ", "holds nothing"),
    "cut off": (GOOD[:-5], "cut off or altered"),
    "altered": (GOOD[:12] + ("A" if GOOD[12] != "A" else "B") + GOOD[13:], "cut off or altered"),
    "foreign": ("hello", "never was a machine"),
    "a page": ("<script>alert(1)</script>", "never was a machine"),
    "a later version": ("7" + GOOD[1:], "saved by a later version of this program (7, this one reads 2)"),
    "a version beyond counting": ("9" * 5000 + "-AAAA", "cut off or altered"),
    "a file cut off": (Lab.default().to_json()[:-20], "cut off or altered"),
    "a file of something else": ('{"a": 1}', "never was a machine"),
    "half a megabyte": ("1-" + "A" * 500_000, "cut off or altered"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_code_that_cannot_be_opened_ends_one_sentence(name: str):
    code, said = BROKEN[name]
    with pytest.raises(SpecError) as refusal:
        lab_of(code)
    assert said in str(refusal.value)
    assert str(refusal.value).endswith("it was not opened and stays on the shelf.")
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize("name", hostile.LINKS)
def test_hostile_links_are_refused_on_the_shelf_too(name: str):
    with pytest.raises(SpecError, match="stays on the shelf"):
        lab_of(hostile.LINKS[name])


@pytest.mark.parametrize(
    "payload",
    [
        None,
        7,
        "save",
        [],
        {},
        wish() | {"more": 1},
        wish(instance=5),
        wish(instance=""),
        wish(instance="x" * 100),
        wish(serial=-1),
        wish(serial=True),
        wish(serial=1.5),
        wish(serial=2**60),
        wish(action="__import__"),
        wish(action=["save"]),
        wish(code=None),
        wish(code=b"1-"),
    ],
    ids=range(17),
)
def test_what_the_shelf_would_never_send_is_refused(payload):
    with pytest.raises(SpecError) as refusal:
        read_wish(payload)
    assert len(str(refusal.value)) < 200


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda of: st.lists(of), max_leaves=5))
@settings(max_examples=40, deadline=None)
def test_no_value_of_a_browser_escapes_the_error_tree(value):
    for payload in (value, wish(instance=value), wish(serial=value), wish(action=value), wish(code=value)):
        try:
            read_wish(payload)
        except SpecError:
            continue
        assert isinstance(payload, dict)


def answered(payload: dict[str, object], lab: Lab, take=lambda lab: None) -> dict[str, object]:
    memory = Memory({"shelf": {"wish": payload}})
    fake = SimpleNamespace(session_state=memory, toast=lambda text: None)
    with patch.dict(_hear.__globals__, {"st": fake}):  # the module hides behind the function of its name
        _hear("shelf", lambda: lab, take, lambda: "a remark")
    return memory["shelf-answer"]


def test_a_wish_to_save_is_answered_with_the_code_of_what_is_on_the_page():
    answer = answered(wish(serial=3), Lab.default())
    assert answer == {
        "instance": "x7",
        "serial": 3,
        "code": GOOD,
        "kind": "automaton in the weights, 4 states, 2 letters",
        "remark": "a remark",
    }


def test_a_wish_to_open_is_taken_or_answered_by_the_reason():
    taken: list[OpenedLab] = []
    broken = Lab.default().replace(traces=TraceSpec(count=7))
    answer = answered(wish(action="open", code=broken.to_token()), Lab.default(), taken.append)
    assert [found.lab for found in taken] == [broken]
    assert "problem" not in answer
    answer = answered(wish(action="open", code=GOOD[:-3]), Lab.default(), taken.append)
    assert "stays on the shelf" in str(answer["problem"])
    assert [found.lab for found in taken] == [broken]


def test_a_message_that_is_no_wish_gets_no_answer():
    assert answered({"action": "open"}, Lab.default()) is None


def test_undo_brings_back_what_was_there_before_a_machine_was_opened():
    from pages.shared import my_machines, state

    drawn = Lab.default().replace(traces=TraceSpec(count=11))
    with session(LABS["random teacher, d = 3"]), patch.object(my_machines, "discard_drawing"):
        my_machines._open(OpenedLab(drawn))
        my_machines._open(OpenedLab(LABS["random teacher, d = 3"]))  # what stood there before: still a step of its own
        my_machines._open(OpenedLab(Lab.default_turing()))
        assert state.lab() == Lab.default_turing()
        state.undo()
        state.undo()
        assert state.lab() == drawn


@pytest.mark.parametrize("words", LABS)
def test_every_kind_has_the_shelf_on_the_build_page(words: str):
    app = opened(LABS[words], "build")
    assert not app.exception
    assert "My machines" in [expander.label for expander in app.expander]
