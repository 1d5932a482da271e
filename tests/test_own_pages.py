"""Pages of memories and own sequences, in process: what is typed and opened follows, what is wrong changes nothing."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import numpy as np
import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from linattn_core.experiment import experiment
from linattn_core.lab import Lab, MemoryBuild, SequencesBuild, TraceSpec
from linattn_core.sequences import Sequences
from linattn_core.uploads import example_sequences, write_sequences_csv, write_sequences_npz
from pages.shared import build_store, frame
from pages.shared.number_table import edited_rows
from tests.test_pages import PATH, change, current, opened, settled, texts

pytestmark = pytest.mark.slow

WORDS = (("apple", "red"), ("sky", "blue"), ("grass", "green"), ("rose", "red"))
ROWS = (((1.0, 0.0, 0.2), (1.0, 0.0)), ((0.6, 0.8, 0.0), (0.0, 1.0)), ((0.0, 0.3, 1.0), (-1.0, 0.5)))
LINE = Sequences.build([[1.0], [2.0], [4.0], [8.0], [16.0]], np.empty((5, 0)), [5])
LABS = {
    "vectors": Lab(build=MemoryBuild(vectors=ROWS), traces=TraceSpec(count=60)),
    "alike vectors": Lab(build=MemoryBuild(vectors=ROWS, correlation=0.95), traces=TraceSpec(count=60)),
    "dependent vectors": Lab(
        build=MemoryBuild(vectors=(*ROWS, ((1.0, 1.0, 1.0), (2.0, 2.0)))), traces=TraceSpec(count=200)
    ),
    "gaussian words": Lab(build=MemoryBuild(table=WORDS, embedding="gaussian", dim=2), traces=TraceSpec(count=60)),
    "own words": Lab(build=MemoryBuild(table=WORDS, dim=2).with_own_vectors(), traces=TraceSpec(count=60)),
    "values": Lab(build=MemoryBuild(dim=2, correlation=0.5, answer="value"), traces=TraceSpec(count=80)),
    "sequences": Lab(build=SequencesBuild(data=example_sequences()), traces=TraceSpec(count=24)),
    "one sequence": Lab(build=SequencesBuild(data=LINE, held_out=0.5), traces=TraceSpec(count=1)),
    "nothing held out": Lab(build=SequencesBuild(data=example_sequences(), held_out=0.0), traces=TraceSpec(count=5)),
}


@pytest.mark.parametrize("page", [*PATH, "universal"])
@pytest.mark.parametrize("name", LABS)
def test_every_page_shows_every_kind_of_own_lab(page: str, name: str):
    app = opened(LABS[name], page)
    assert not app.exception
    assert not app.error
    assert current(app) == LABS[name]


@pytest.mark.parametrize("page", ["build", "traces", "learn", "inspect", "certify"])
def test_the_code_of_every_page_runs(page: str):
    app = opened(LABS["sequences"], page)
    drawers = [code.value for code in app.code if "linattn_core" in code.value]
    assert drawers
    for drawer in drawers:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(drawer, {})
        assert printed.getvalue().strip()


def shown(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def upload(app: AppTest, key: str, name: str, data: bytes) -> AppTest:
    app.file_uploader(key=key).upload(name, data)
    return settled(app.run())


# ---- interference


def test_the_slider_makes_interference_visible_and_the_numbers_are_the_librarys():
    app = opened(Lab(build=MemoryBuild(table=WORDS), traces=TraceSpec(count=80)), "build")
    assert shown(app)["Plain, right"] == "4 of 4"
    assert "do not interfere" in texts(app)
    change(app, lambda a: a.slider(key="memory_correlation").set_value(0.95))
    lab = current(app)
    assert lab.build.correlation == 0.95
    assert lab.traces.count == 80
    found = experiment(lab).retrieval
    assert shown(app)["Plain, right"] == f"{found.plain_right.sum()} of 4" != "4 of 4"
    assert shown(app)["Learned, right"] == f"{found.learned_right.sum()} of 4" == "4 of 4"
    assert shown(app)["Mean overlap"] == "0.950"
    assert "undoes the interference" in texts(app)
    assert not app.exception


def test_the_page_says_when_no_layer_can_undo_it_and_when_the_traces_show_the_sums():
    assert "linearly dependent" in texts(opened(LABS["dependent vectors"], "inspect"))
    assert "new in every memory" in texts(opened(LABS["values"], "build"))
    app = opened(Lab(build=MemoryBuild(dim=2, correlation=0.8), traces=TraceSpec(count=80)), "build")
    assert "show the sums themselves" in texts(app)
    noisy = LABS["vectors"].replace(traces=TraceSpec(count=60, noise=0.5))
    assert "noisy traces or with a ridge" in texts(opened(noisy, "build"))
    few = LABS["vectors"].replace(traces=TraceSpec(count=2))
    assert "not settled what this layer answers" in texts(opened(few, "build"))


# ---- the tables


def edit_table(app: AppTest, name: str, edits: dict[str, Any]) -> AppTest:
    """The message that a browser sends after edits of the table `name`."""
    key = f"{name}_{app.session_state[f'{name}_number']}"
    editor = next(table for table in app.data_editor if table.key == key)
    states = app._tree.get_widget_states()
    message = {"edited_rows": {}, "added_rows": [], "deleted_rows": []} | edits
    states.widgets.append(WidgetState(id=editor.proto.id, string_value=json.dumps(message)))
    return settled(app._run(states))


def test_a_vector_is_typed_a_row_is_added_and_a_row_is_deleted():
    app = edit_table(opened(LABS["vectors"], "build"), "vectors", {"edited_rows": {"0": {"value 2": 7.5}}})
    assert current(app).build.vectors[0] == ((1.0, 0.0, 0.2), (1.0, 7.5))
    row = {"key 1": 5, "key 2": 5, "key 3": 5, "value 1": 0, "value 2": 0}
    edit_table(app, "vectors", {"edited_rows": {"0": {"value 2": 7.5}}, "added_rows": [row, {"key 1": None}]})
    assert current(app).build.vectors[3] == ((5.0, 5.0, 5.0), (0.0, 0.0))
    edit_table(app, "vectors", {"deleted_rows": [0], "added_rows": [row]})
    assert current(app).build.vectors == (*ROWS[1:], ((5.0, 5.0, 5.0), (0.0, 0.0)))
    settled(app.button(key="undo").click().run())
    settled(app.button(key="undo").click().run())
    settled(app.button(key="undo").click().run())
    assert current(app) == LABS["vectors"]
    table = next(table.value for table in app.data_editor if "key 1" in table.value)
    assert table["value 2"].tolist() == [0.0, 1.0, 0.5]


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ({"added_rows": [{"key 1": 1}]}, "Row 4 has nothing in column key 2"),
        ({"edited_rows": {"1": {"key 1": "x"}}}, "Row 2 has 'x' in column key 1"),
        ({"edited_rows": {"1": {"key 1": None}}}, "Row 2 has nothing in column key 1"),
        ({"edited_rows": {"1": {"key 1": 0, "key 2": 0}}}, "key of row 2 is zero"),
        ({"edited_rows": {"1": {"key 1": 1e300}}}, "so scale it"),
        ({"deleted_rows": [0, 1, 2]}, "1 to 32"),
    ],
)
def test_a_wrong_edit_says_why_and_the_table_keeps_what_was_typed(edits, said):
    app = edit_table(opened(LABS["vectors"], "build"), "vectors", edits)
    assert not app.exception
    assert said in app.error[0].value.replace("\\", "")
    assert current(app) == LABS["vectors"]
    number = app.session_state["vectors_number"]
    settled(app.run())
    assert app.session_state["vectors_number"] == number


def test_the_vector_of_a_word_is_typed_and_new_words_get_one():
    app = edit_table(opened(LABS["own words"], "build"), "embedding", {"edited_rows": {"0": {"2": 9}}})
    assert dict(current(app).build.words)["apple"][1] == 9.0
    edit_table(app, "words", {"added_rows": [{"key": "coal", "value": "black"}]})
    assert dict(current(app).build.words)["apple"][1] == 9.0
    assert set(dict(current(app).build.words)) >= {"coal", "black"}
    edit_table(app, "words", {"added_rows": [{"key": "coal", "value": "black"}, {"key": "apple", "value": "red"}]})
    assert "twice" in app.error[0].value
    assert len(current(app).build.table) == 5


def test_edits_of_a_table_are_applied_and_nonsense_is_left_out():
    base = [{"a": 1.0}, {"a": 2.0}, {"a": 3.0}]
    edits = {"edited_rows": {"0": {"a": 9.0}, "7": {"a": 1}, "x": {"a": 1}, "1": "no"}, "deleted_rows": [2, "2"]}
    assert edited_rows(base, edits | {"added_rows": [{"a": 4.0}, "no"]}) == [{"a": 9.0}, {"a": 2.0}, {"a": 4.0}]
    assert edited_rows(base, {}) == base


def test_another_kind_of_memory_and_back_brings_the_table_back():
    app = opened(LABS["vectors"], "build")
    change(app, lambda a: a.segmented_control(key="memory_kind").set_value("words"))
    assert current(app).build.table
    change(app, lambda a: a.segmented_control(key="memory_embedding").set_value("own"))
    assert current(app).build.embedding == "own"
    assert len(current(app).build.words) == 7
    change(app, lambda a: a.segmented_control(key="memory_embedding").set_value("gaussian"))
    change(app, lambda a: a.number_input(key="memory_dim").set_value(2))
    assert (current(app).build.embedding, current(app).build.dim) == ("gaussian", 2)
    change(app, lambda a: a.segmented_control(key="memory_kind").set_value("own"))
    assert current(app) == LABS["vectors"]
    change(app, lambda a: a.number_input(key="memory_key_size").set_value(4))
    assert current(app).build.vectors[0] == ((1.0, 0.0, 0.2, 0.0), (1.0, 0.0))
    assert not app.exception


def test_random_memories_keep_their_controls():
    app = opened(Lab(build=MemoryBuild(dim=2), traces=TraceSpec(count=50)), "build")
    change(app, lambda a: a.segmented_control(key="memory_answer").set_value("value"))
    assert current(app).build.answer == "value"
    change(app, lambda a: a.number_input(key="memory_dim").set_value(3))
    assert (current(app).build.dim, current(app).build.answer) == (3, "value")


def test_files_of_vectors_words_and_embeddings_open():
    app = upload(opened(LABS["vectors"], "build"), "vectors_file", "v.csv", b"key1,key2,value1\n1,0,5\n0,1,6\n")
    assert current(app).build.vectors == (((1.0, 0.0), (5.0,)), ((0.0, 1.0), (6.0,)))
    app = upload(opened(LABS["own words"], "build"), "words_file", "w.csv", b"key,value\nsea,blue\nsky,grey\n")
    assert current(app).build.table == (("sea", "blue"), ("sky", "grey"))
    assert dict(current(app).build.words)["sky"] == dict(LABS["own words"].build.words)["sky"]
    rows = b"word,1,2,3\nsea,1,0,0\nblue,0,1,0\nsky,0,0,1\ngrey,1,1,1\nmoon,5,5,5\n"
    upload(app, "embedding_file", "e.csv", rows)
    assert dict(current(app).build.words) == {
        "sea": (1.0, 0.0, 0.0),
        "blue": (0.0, 1.0, 0.0),
        "sky": (0.0, 0.0, 1.0),
        "grey": (1.0, 1.0, 1.0),
    }
    assert not app.exception


@pytest.mark.parametrize(
    ("lab", "key", "name", "data", "said"),
    [
        ("vectors", "vectors_file", "v.csv", b"key1,value1\n1,x\n", "put a number"),
        ("vectors", "vectors_file", "v.csv", b"key1,value1\n0,1\n", "key of row 1 is zero"),
        ("vectors", "vectors_file", "v.npz", b"PK\x03\x04", "broken"),
        ("own words", "embedding_file", "e.csv", b"word,1\napple,1\n", "has no vector"),
        ("own words", "words_file", "w.csv", b"key,value\nsky,\n", "no key or no value"),
        ("sequences", "sequences_file", "s.csv", b"sequence,z1\na,nan\na,1\n", "finite"),
        ("sequences", "sequences_file", "s.npz", b"no zip", "broken"),
        ("sequences", "sequences_file", "s.csv", b"a,b\n1,2\n", "'sequence'"),
    ],
)
def test_a_file_that_does_not_fit_says_why_and_changes_nothing(lab, key, name, data, said):
    app = upload(opened(LABS[lab], "build"), key, name, data)
    assert not app.exception
    assert len(app.error) == 1
    assert said in app.error[0].value.replace("\\", "")
    assert current(app) == LABS[lab]


# ---- own sequences


def test_own_sequences_come_in_are_learned_and_held_out():
    data = example_sequences()
    app = opened(page="build")
    change(app, lambda a: a.segmented_control(key="build_kind").set_value("sequences"))
    assert current(app).build.data == data
    assert "y1" in texts(app)
    following = Sequences.build(data.tokens, np.empty((len(data.tokens), 0)), data.lengths)
    upload(app, "sequences_file", "my <b>data</b>.npz", write_sequences_npz(following))
    assert current(app).build.data == following
    assert "next token" in texts(app)
    assert "<b>" not in texts(app).replace("\\<", "")
    upload(app, "sequences_file", "again.csv", write_sequences_csv(data))
    change(app, lambda a: a.slider(key="sequences_held_out").set_value(0.5))
    lab = current(app)
    assert (lab.build.data, lab.build.held_out, lab.build.name) == (data, 0.5, "again.csv")
    settled(app.switch_page("learn.py").run())
    found = experiment(lab).fit
    assert shown(app)["Held-out error"] == f"{found.held_out_mse:.4g}"
    assert shown(app)["Targets' variance"] == f"{found.variance:.4g}"
    settled(app.switch_page("certify.py").run())
    assert f"**{found.certified:,}**" in texts(app)
    settled(app.switch_page("traces.py").run())
    assert "whole sequences, drawn by the seed" in texts(app)
    assert not app.exception


def test_a_lab_that_asked_for_scaled_entries_opens_with_a_remark_that_goes_with_the_next_change():
    text = (frame.Path(__file__).parent / "fixtures" / "kept" / "sequences_scaled.toml").read_bytes()
    app = upload(opened(LABS["sequences"], "build"), "lab_file", "old.toml", text)
    assert current(app).build.name == "pressure.csv"
    assert any("nothing needs to be scaled" in box.value for box in app.info)
    settled(app.switch_page("traces.py").run())
    assert any("nothing needs to be scaled" in box.value for box in app.info)
    settled(app.switch_page("build.py").run())
    change(app, lambda a: a.slider(key="sequences_held_out").set_value(0.5))
    assert not any("scaled" in box.value for box in app.info)
    assert not app.exception


def test_what_is_not_known_of_own_sequences_is_said():
    app = opened(LABS["nothing held out"], "certify")
    assert "Nothing is held out" in texts(app)
    assert "known dimension of at most" in texts(app)
    app = opened(LABS["one sequence"], "traces")
    assert "the last positions of the one sequence" in texts(app)
    app = opened(LABS["one sequence"], "certify")
    assert not [button for button in app.button if button.key == "more_traces"]


def test_the_examples_on_the_page_are_files_that_open():
    app = opened(LABS["one sequence"], "build")
    change(app, lambda a: a.button(key="sequences_example").click())
    assert current(app).build.data == example_sequences()


# ---- data too large for the address


def large(seed: int = 0) -> Lab:
    rng = np.random.default_rng(seed)
    data = Sequences.build(rng.normal(size=(1_500, 4)), rng.normal(size=(1_500, 1)), [15] * 100)
    return Lab(build=SequencesBuild(name="large", data=data), traces=TraceSpec(count=100))


def test_a_refresh_keeps_data_that_no_address_can_carry(tmp_path, monkeypatch):
    lab = large()
    app = opened(LABS["sequences"], "build")
    upload(app, "sequences_file", "large.npz", write_sequences_npz(lab.build.data))
    token = app.query_params["lab"]
    token = token[0] if isinstance(token, list) else token
    assert len(token) < 200
    assert "too large for it" in texts(app)
    again = AppTest.from_file(str(frame.Path(frame.__file__).parents[1] / "main.py"), default_timeout=60)
    again.query_params["lab"] = token
    settled(again.run())
    assert current(again) == current(app)
    settled(again.switch_page("learn.py").run())
    assert not again.exception
    drawer = next(code.value for code in again.code if "linattn_core" in code.value)
    (tmp_path / "lab.toml").write_text(current(app).to_toml())
    monkeypatch.chdir(tmp_path)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(drawer, {})
    assert str(experiment(current(app)).run.training_mse)[:6] in printed.getvalue()


def test_data_that_the_server_has_forgotten_are_asked_for_and_the_file_brings_them_back():
    lab = large(seed=1)
    app = AppTest.from_file(str(frame.Path(frame.__file__).parents[1] / "main.py"), default_timeout=60)
    app.query_params["lab"] = lab.to_reference()
    settled(app.run())
    assert "open the saved lab file" in app.warning[0].value
    assert "worked example is shown" in app.warning[0].value
    app.file_uploader(key="lab_file").upload("lab.toml", lab.to_toml().encode())
    settled(app.run())
    assert current(app) == lab
    assert build_store.store().find(lab.digest) == lab.build


def test_the_store_keeps_what_was_shown_last_within_its_bound():
    store = build_store.BuildStore(kept_bytes=100)
    builds = [MemoryBuild(dim=dim) for dim in (1, 2, 3)]
    for name, build in zip("abc", builds, strict=True):
        store.put(name, build, 40)
    assert store.find("a") is None
    assert store.find("b") == builds[1]
    store.put("d", builds[0], 40)
    assert (store.find("b"), store.find("c")) == (builds[1], None)
    store.put("e", builds[2], 1_000)
    assert store.find("e") == builds[2]
    assert store.find("nothing") is None
