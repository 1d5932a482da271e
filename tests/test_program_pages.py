"""What the pages say of heads: three ways side by side, programs in sentences, damage of leaving out, curves."""

import pytest
from streamlit.testing.v1 import AppTest

from linattn_core.experiment import experiment
from linattn_core.lab import Lab, TraceSpec
from linattn_core.machines.turing_presets import turing_presets
from tests.test_pages import BROKEN, LABS, opened
from tests.test_universal_page import texts, universal

pytestmark = pytest.mark.slow


def test_inspect_shows_three_ways_and_the_program_by_letters():
    app = opened(page="inspect")
    said = texts(app)
    heads = [metric.value for metric in app.metric if metric.label == "heads"]
    result = experiment(Lab.default())
    assert heads == [str(result.run.model.heads), "2", "2"]
    for letter in ("a", "b"):
        assert f"if query `letter` is {letter}, maps `state` to `next state`" in said
    assert "7 programs of equally few relations" in said


def test_leaving_heads_out_shows_the_damage():
    app = opened(page="inspect")
    model = experiment(Lab.default()).run.model
    assert f"With {model.heads} of {model.heads} heads" in texts(app)
    app.slider(key="heads_kept").set_value(1).run()
    said = texts(app)
    assert f"With 1 of {model.heads} heads" in said
    assert f"{experiment(Lab.default()).run.loss(model.largest(1)):.3g}" in said


@pytest.mark.parametrize("name", ["vectors", "words", "prompt"])
def test_programs_of_other_labs_are_one_sentence(name):
    said = texts(opened(LABS[name], "inspect"))
    assert "matches key" in said
    assert "and copies" in said


def test_certify_says_how_many_traces_it_takes_and_tries_the_certificate():
    said = texts(opened(page="certify"))
    assert "Random traces reach all **8** dimensions with **3 (2 to 6)** words" in said
    assert "Chosen examples need **8**." in said
    assert "Certified and yet wrong: **0**" in said
    assert "fresh legal inputs of this lab: 1,008 certified" in said


def test_the_curve_is_of_this_lab():
    """Of its length: with words of two letters no number of them comes to the last state."""
    short = Lab.default().replace(traces=TraceSpec(count=40, length=2))
    said = texts(opened(short, "certify"))
    assert "do not reach all **8** dimensions with up to 150 words: 4 is the median of 20 seeds" in said
    assert "This lab's: length 2." in said


def test_learned_turing_weights_are_read_back_as_the_compiled_machine():
    said = texts(universal(Lab.default_turing()))
    assert "They **are** the compiled machine" in said
    assert "query `Y` matches key `P` and copies `A` to `R`" in said


def test_build_shows_a_turing_machine_and_its_run():
    app = opened(Lab.default_turing(), "build")
    said = texts(app)
    assert "run by attention alone" in said
    assert app.segmented_control(key="build_kind").value == "turing"
    assert turing_presets()["busy beaver 2"].machine.name in said


def test_build_switches_to_a_turing_machine_and_back():
    app = opened(page="build")
    app.segmented_control(key="build_kind").set_value("turing").run()
    assert app.session_state["current"].turing is not None
    app.segmented_control(key="build_kind").set_value("automaton").run()
    assert app.session_state["current"] == Lab.default()
    assert not app.exception


def words_row(app: AppTest, word: str) -> dict[str, str]:
    table = next(frame.value for frame in app.dataframe if "as expected" in frame.value.columns)
    return table.set_index("word").loc[word].to_dict()


def test_many_words_are_judged_at_once_with_what_was_expected():
    app = opened(BROKEN, "inspect")
    app.text_area(key="words").set_value("aba: yes\nabb: yes\n\nabc\nbb").run()
    assert words_row(app, "a b a") == {
        "expected": "accepts",
        "machine": "accepts",
        "as expected": "✓",
        "transformer": "accepts",
        "certified": "✓ proved",
    }
    assert words_row(app, "a b b")["as expected"] == "✗"
    assert words_row(app, "a b b")["certified"] == "open"  # no trace visits q2 on b
    assert words_row(app, "(of no letters)")["machine"] == "rejects"
    assert "Line 4" in app.error[0].value


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"key,value\nsun,warm\nmoon,cold\n", ""), (b"a,b,c\n1,2,3\n", "a memory needs"), (b"\xff\xfe\x00", "csv")],
)
def test_a_memory_comes_out_of_a_csv_file_or_nothing_changes(content, sentence):
    app = opened(LABS["words"], "build")
    app.file_uploader(key="words_file").upload("words.csv", content, "text/csv").run()
    table = app.session_state["current"].build.table
    if sentence:
        assert any(sentence in error.value for error in app.error)
        assert table == LABS["words"].build.table
    else:
        assert table == (("sun", "warm"), ("moon", "cold"))
    assert not app.exception
