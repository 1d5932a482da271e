"""Links and files of earlier versions open for ever: the same build, traces and learner, the same numbers.

``fixtures/kept`` holds what the first version wrote, of every kind of lab, and ``index.json`` what each must open as.
Nothing there is ever edited; a later version adds a set of its own.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from linattn_core.lab import Lab, OpenedLab, SequencesBuild
from linattn_core.lab_versions import VERSION, modern

KEPT = Path(__file__).resolve().parent / "fixtures" / "kept"
LABS = json.loads((KEPT / "index.json").read_text(encoding="utf-8"))["labs"]
CASES = [(name, entry) for entry in LABS for name in entry["files"]]


def opened(name: str, reference: str | None = None) -> OpenedLab:
    data = (KEPT / name).read_bytes()
    if not name.endswith(".token"):
        return Lab.open_file(name, data)
    build = SequencesBuild(name="long", data=json.loads((KEPT / reference).read_text())) if reference else None
    known = dict.fromkeys(Lab(build=build).digests, build) if build else {}
    return Lab.open_token(data.decode(), known.get)


def test_every_file_has_an_entry_and_every_kind_of_lab_is_there():
    assert {name for name, _ in CASES} | {"index.json", "reference_data.json"} == {path.name for path in KEPT.iterdir()}
    kinds = {entry["lab"]["build"]["kind"] for entry in LABS}
    assert kinds == {"automaton", "memory", "teacher", "sequences", "turing"}


@pytest.mark.parametrize(("name", "entry"), CASES, ids=[name for name, _ in CASES])
def test_what_was_saved_opens_as_what_it_was(name, entry):
    found = opened(name, entry.get("reference"))
    wanted = {**entry["lab"], "version": VERSION}
    scaled = wanted["build"].get("scaled")
    wanted["build"] = {key: value for key, value in wanted["build"].items() if key != "scaled"}
    if "reference" in entry:
        wanted["build"]["data"] = json.loads((KEPT / entry["reference"]).read_text())
    assert found.lab.to_data() == wanted
    assert entry["digest"] in found.lab.digests
    assert len(found.remarks) == (scaled is not None and "reference" not in entry)
    assert all("scale" in remark and ("on:" if scaled else "off:") in remark for remark in found.remarks)
    again = Lab.open_token(found.lab.to_token())
    assert (again.lab, again.remarks) == (found.lab, ())
    assert found.lab.to_token().startswith(f"{VERSION}-")


@pytest.mark.parametrize("entry", [e for e in LABS if e["traces"]], ids=lambda entry: entry["files"][0])
def test_the_traces_are_the_same_numbers(entry):
    traces, wanted = opened(entry["files"][0], entry.get("reference")).lab.make_traces(), entry["traces"]
    assert len(traces) == wanted["examples"]
    assert list(traces.tokens.shape) == wanted["tokens"]
    weighted = (traces.targets * np.arange(1, 1 + len(traces))[:, None]).sum()
    assert abs(traces.targets).sum() == pytest.approx(wanted["target_sum"], rel=1e-9)
    assert weighted == pytest.approx(wanted["weighted"], rel=1e-9, abs=1e-9 * (1 + wanted["target_sum"]))
    if not entry["lab"]["build"].get("scaled"):
        assert float(abs(traces.tokens).sum()) == pytest.approx(wanted["token_sum"], rel=1e-9)


def test_a_default_of_version_1_does_not_follow_todays():
    """What a file of version 1 leaves out is filled in from the table of version 1, whatever the models say now."""
    found, remarks = modern({"build": {"kind": "turing"}, "traces": {"length": 3}})
    assert remarks == ()
    assert found["build"]["halting"] == 0.35
    assert (found["traces"]["count"], found["traces"]["length"], found["learner"]["heads"]) == (200, 3, "svd")
    later = {"version": VERSION, "build": {"kind": "turing"}}
    assert modern(later) == (later, ())


@pytest.mark.parametrize("data", [{}, {"build": 3}, {"traces": []}, {"version": True}, {"build": {"kind": ["x"]}}])
def test_what_is_no_lab_is_left_for_the_labs_own_check(data):
    found, remarks = modern(data)
    assert remarks == ()
    assert {key: found[key] for key in data if key != "version"} == {
        key: value for key, value in data.items() if key != "version"
    }
