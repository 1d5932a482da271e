"""The editor's Python side: what it takes from a browser, in which order, and what the Build page makes of it."""

import json
import tomllib
from dataclasses import replace
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings

from linattn_core.errors import LinattnError
from linattn_core.experiment import experiment
from linattn_core.figures.replay import replay
from linattn_core.lab import AutomatonBuild, Lab, TraceSpec
from linattn_core.machines import presets, read_jff, write_jff
from linattn_core.machines.export import from_toml, to_toml
from linattn_core.machines.sketch import Sketch, sketch_to_data
from pages.components.intake import Truth, adopt, read_edit, received
from pages.components.word_runner import says
from tests.fixtures.strategies import machines, sketches

SMALL = Sketch(states=("p", "q"), edges=((0, 1, ("a",)),), start=0)
LARGER = Sketch(states=("p", "q", "r"), edges=((0, 1, ("a",)),), start=0)


def message(sketch: Sketch = LARGER, **changes: object) -> dict[str, object]:
    sent = {"instance": "x7", "serial": 1, "base": 1, "action": "edit", "sketch": sketch_to_data(sketch)}
    return sent | changes


# ---- drawing <-> table <-> .jff <-> TOML <-> link


@given(machines())
@settings(max_examples=40, deadline=None)
def test_all_views_of_a_machine_agree(machine):
    drawn = read_edit(json.loads(json.dumps(message(Sketch.of(machine))))).sketch.machine()
    assert drawn == machine
    assert read_jff(write_jff(drawn)) == machine
    assert from_toml(to_toml(drawn)) == machine
    lab = Lab.default().with_machine(drawn)
    assert Lab.from_token(lab.to_token()).machine == machine
    assert Lab.from_toml(lab.to_toml()).machine == machine


@given(sketches())
@settings(max_examples=40, deadline=None)
def test_any_drawing_survives_the_way_through_the_browser(sketch):
    assert read_edit(json.loads(json.dumps(message(sketch)))).sketch == sketch


def test_a_link_of_thirty_states_and_four_letters_is_short():
    from linattn_core.machines import random_machine

    machine = random_machine(30, 4, seed=1)
    placed = replace(machine, positions=tuple((i * 37.5 % 1000, i * 91.3 % 700) for i in range(30)))
    assert len(Lab.default().with_machine(placed).to_token()) < 2_000


# ---- who wins: revisions and echoes


def test_an_edit_that_builds_on_the_shown_drawing_is_taken():
    truth = adopt(None, SMALL)
    after, edit = received(truth, message())
    assert edit is not None
    assert (after.sketch, after.revision, after.external, after.echo) == (LARGER, 2, 1, ("x7", 1))
    assert adopt(after, LARGER) is after  # the page hands it back: nothing has changed elsewhere


def test_two_quick_gestures_both_count_though_the_second_builds_on_the_same_revision():
    truth = adopt(None, SMALL)
    truth, _ = received(truth, message())
    third = replace(LARGER, start=1)
    truth, edit = received(truth, message(third, serial=2))
    assert edit is not None
    assert truth.sketch == third


def test_an_edit_of_a_drawing_that_was_replaced_is_dropped_but_answered():
    truth = adopt(adopt(None, SMALL), replace(SMALL, name="preset"))
    assert (truth.revision, truth.external) == (2, 2)
    after, edit = received(truth, message(base=1))
    assert edit is None
    assert after.sketch == truth.sketch
    assert after.echo == ("x7", 1)  # so that the browser shows the true drawing again
    _, edit = received(after, message(base=2, serial=2))
    assert edit is not None


def test_a_revision_from_the_future_is_dropped():
    assert received(adopt(None, SMALL), message(base=99))[1] is None


def test_a_page_that_refuses_an_edit_shows_its_own_drawing():
    truth, _ = received(adopt(None, SMALL), message())
    kept = adopt(truth, SMALL)
    assert (kept.sketch, kept.external) == (SMALL, kept.revision)


# ---- hostile messages


@pytest.mark.parametrize(
    "payload",
    [
        None,
        7,
        "edit",
        [],
        {},
        {"sketch": sketch_to_data(SMALL)},
        message() | {"more": 1},
        message(instance=5),
        message(instance="x" * 100),
        message(instance=""),
        message(serial=-1),
        message(serial=1.5),
        message(serial=True),
        message(base="1"),
        message(base=2**60),
        message(action="__import__"),
        message() | {"sketch": None},
        message() | {"sketch": {"states": "<script>alert(1)</script>"}},
        message() | {"sketch": {"states": ["p"], "positions": [[float("nan"), 0]]}},
        message() | {"sketch": {"states": ["p"], "edges": [[0, 9, ["a"]]]}},
        message() | {"sketch": {"states": ["x" * 1_000_000]}},
        message() | {"sketch": {"states": [f"q{i}" for i in range(100_000)]}},
    ],
    ids=range(22),
)
def test_what_the_editor_would_never_send_is_refused_and_changes_nothing(payload):
    truth = adopt(None, SMALL)
    with pytest.raises(LinattnError) as refusal:
        received(truth, payload)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300
    assert truth == Truth(SMALL)


# ---- the files of the components


@pytest.mark.parametrize("name", [path.name for path in (files("pages.components") / "frontend").iterdir()])
def test_frontend_files_are_plain_readable_and_ask_nobody(name):
    text = (files("pages.components") / "frontend" / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 420
    assert "innerHTML" not in text
    assert "eval(" not in text
    assert "import " not in text.replace("import and", "")
    assert not [word for word in text.split() if "://" in word and "www.w3.org" not in word]


def test_every_frontend_file_goes_into_the_wheel():
    root = Path(__file__).resolve().parent.parent
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    globs = settings["package-data"]["pages.components.frontend"]
    found = [path.name for path in (root / "pages" / "components" / "frontend").iterdir() if path.is_file()]
    assert found
    assert [name for name in found if not any(fnmatch(name, glob) for glob in globs)] == []


# ---- the word runner's data


@pytest.mark.parametrize("encoding", ["step", "universal"])
def test_a_replay_agrees_with_the_machine_and_the_learned_one(encoding):
    machine = presets()["contains aba"]
    build = AutomatonBuild(machine=machine, encoding=encoding)
    result = experiment(Lab(build=build, traces=TraceSpec(count=40 if encoding == "step" else 1500)))
    run = replay(result.task, result.recovery, "abbaba")
    assert run.true == run.learned == tuple(map(machine.state_index, machine.path("abbaba")))
    assert all(run.certified)
    assert len(run.axes) == result.task.dim
    for step, (state, letter) in enumerate(zip(machine.path("abbaba"), "abbaba", strict=False)):
        Z = result.task.context(state, letter) if encoding == "step" else result.task.context(machine, state, letter)
        C = Z @ Z.T
        cells = run.matrices[run.matrix[step]]
        assert {(i, j): v for i, j, v in cells} == {
            (i, j): C[i, j] for i in range(len(C)) for j in range(len(C)) if C[i, j]
        }
        row, column = run.cell[step]
        assert C[row, column] == 1.0
        assert letter in run.tokens[run.token[step]]
    sentences = says(machine, run)
    assert len(sentences) == 7
    assert sentences[-1].endswith("The word is accepted.")


def test_a_replay_shows_where_the_learned_machine_goes_astray():
    machine = presets()["contains aba"]
    lab = Lab(build=AutomatonBuild(machine=machine), traces=TraceSpec(count=40, withheld=(("q2", "b"),)))
    result = experiment(lab)
    run = replay(result.task, result.recovery, "abb")
    assert run.certified == (True, True, False)
    assert run.true[:3] == run.learned[:3]
    assert "The traces do not determine this step." in says(machine, run)[3]
    empty = replay(result.task, result.recovery, "")
    assert (empty.true, empty.word, empty.matrices) == ((0,), (), ())
    assert says(machine, empty) == ["Start in q0. The word is rejected."]
    with pytest.raises(LinattnError):
        replay(result.task, result.recovery, "abz")
    with pytest.raises(LinattnError, match="201 letters"):
        replay(result.task, result.recovery, "a" * 201)


def test_large_embeddings_are_run_without_their_matrices():
    from linattn_core.machines import random_machine

    lab = Lab(build=AutomatonBuild(machine=random_machine(64, 8, seed=1)), traces=TraceSpec(count=5))
    result = experiment(lab)
    run = replay(result.task, result.recovery, result.recovery.truth.alphabet[:5])
    assert run.axes == run.matrices == ()
    assert len(run.true) == 6
