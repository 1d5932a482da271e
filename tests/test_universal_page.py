"""The Universal page without a browser: both parts, their controls, and bad input that loses nothing."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from linattn_core.errors import LinattnError, MachineError
from linattn_core.lab import AutomatonBuild, Lab, MemoryBuild, TraceSpec, TuringBuild
from linattn_core.machines import presets, random_machine, write_jff
from linattn_core.machines.turing import TuringMachine
from linattn_core.machines.turing_presets import turing_presets
from pages.shared import turing_editor, turing_sample, turing_table

pytestmark = pytest.mark.slow

MAIN = "../pages/main.py"
BEAVER = turing_presets()["busy beaver 2"].machine


def universal(lab: Lab | None = None) -> AppTest:
    app = AppTest.from_file(MAIN, default_timeout=60)
    if lab is not None:
        app.query_params["lab"] = lab.to_token()
    app.run()
    return settled(app.switch_page("universal.py").run())


def settled(app: AppTest) -> AppTest:
    """Run again until no progress bar is left: AppTest does not run the fragment that watches a job."""
    for _ in range(300):
        assert not app.exception, app.exception
        if not app.get("progress"):
            return app
        time.sleep(0.2)
        app.run()
    raise AssertionError("the page never finished")


def texts(app: AppTest) -> str:
    kinds = (app.markdown, app.success, app.warning, app.error, app.info, app.caption, app.title)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def lab_of(app: AppTest) -> Lab:
    return app.session_state["current"]


def test_every_automaton_of_the_default_size_is_proved():
    app = universal()
    said = texts(app)
    assert "65,536" in said
    assert "fix all 200 dimensions" in said
    assert lab_of(app) == Lab.default()  # looking changes nothing


def test_four_by_four_is_written_out_and_sizes_too_small_are_one_sentence():
    app = universal()
    settled(app.slider(key="universal_letters").set_value(4).run())
    assert lab_of(app).task().letters == 4
    assert "4,294,967,296" in texts(app)
    assert "784" in texts(app)
    before = lab_of(app)
    settled(app.slider(key="universal_states").set_value(2).run())
    assert "does not fit among those with 2 states" in app.error[0].value
    assert lab_of(app) == before


def test_history_in_the_context_is_an_option_with_its_effect_told():
    app = universal()
    settled(app.toggle(key="universal_history").set_value(True).run())
    assert lab_of(app).build.history
    assert "sums" in texts(app)
    table = app.dataframe[-1].value
    assert (table["largest entry"] == table["true"]).all()
    assert set(table["rule stands in the context"]) > {"1 ×"}


@pytest.mark.parametrize(
    "lab",
    [
        Lab(build=MemoryBuild(dim=2), traces=TraceSpec(count=50)),
        Lab(build=AutomatonBuild(machine=random_machine(30, 4, seed=1))),
    ],
    ids=["memory", "too large"],
)
def test_labs_that_build_something_else_do_not_break_the_page(lab):
    app = universal(lab)
    assert not app.exception
    assert lab_of(app) == lab


def test_the_classroom_turing_machine_is_a_theorem_with_no_click():
    app = universal(Lab.default_turing())
    said = texts(app)
    assert "20,736 machines" in said
    assert "fix all 856 dimensions" in said
    assert "any number of steps" in app.success[0].value
    metrics = {metric.label: metric.value for metric in app.metric}
    assert (metrics["Rank"], metrics["Legal dimension"]) == ("856", "856")
    assert metrics["Exact runs"] == "200 of 200"
    assert metrics["Certified wrong"] == "0"
    assert "relative distance **0.91**" in said


def test_switching_parts_keeps_both_labs():
    mine = Lab(build=AutomatonBuild(machine=presets()["turnstile"]))
    app = universal(mine)
    settled(app.segmented_control(key="universal_part").set_value("turing").run())
    assert lab_of(app) == Lab.default_turing()
    settled(app.segmented_control(key="universal_part").set_value("automata").run())
    assert lab_of(app) == mine


def test_a_preset_brings_its_tape_and_a_layer_that_fits():
    app = universal(Lab.default_turing())
    settled(app.selectbox(key="turing_preset").set_value("parity").run())
    build = lab_of(app).turing
    assert (build.machine.name, build.word, build.cells) == ("parity", ("1", "1"), 4)
    beaver = turing_presets()["busy beaver 3, most ones"]
    larger = turing_editor.fitted(lab_of(app), beaver.machine, word=tuple(beaver.word), cells=beaver.cells)
    assert (larger.turing.states, larger.turing.letters, larger.turing.cells) == (3, 2, 6)
    assert larger.traces.count == 220
    beaver = turing_presets()["busy beaver 4"]
    longest = turing_editor.fitted(larger, beaver.machine, word=(), cells=beaver.cells).turing
    assert (longest.cells, longest.run) == (14, 107)  # as far as it takes
    assert turing_editor.fitted(larger, turing_presets()["looping"].machine, word=(), cells=4).turing.run == 60


def test_a_large_layer_shows_its_whole_cost_and_waits():
    app = universal(Lab.default_turing())
    settled(app.selectbox(key="turing_preset").set_value("busy beaver 4").run())
    assert app.button(key="learn_now")
    said = texts(app)
    assert "compiled heads" in said
    assert "to learn" in said
    assert "to run fresh machines and certify" in said
    assert {metric.label for metric in app.metric} >= {"Memory", "Estimated work"}


def unknown_size(**fields: int) -> Lab:
    """One letter: the bound from above does not meet the contexts there are, so no dimension is known exactly."""
    machine = TuringMachine("to and fro", ("A", "B"), ("0",), (((1, 0, 1),), ((0, 0, 0),)))
    return Lab(build=TuringBuild(machine=machine, letters=1, **fields), traces=TraceSpec(count=20, length=10))


def test_a_sample_that_takes_long_is_offered_with_its_price(monkeypatch):
    monkeypatch.setattr(turing_sample, "AT_ONCE", 0.0)
    app = universal(unknown_size(cells=2))
    assert "fresh machines ran without one wrong token" in app.warning[0].value
    offer = app.button(key="turing_sample")
    assert "about" in offer.label
    settled(offer.click().run())
    assert "of sampled dimension" in app.warning[0].value
    assert not app.success


def test_a_size_of_unknown_dimension_gets_a_sample_called_a_sample_and_no_theorem():
    app = universal(unknown_size(cells=3))
    assert not app.success
    (light,) = app.warning
    assert "of sampled dimension 266" in light.value
    assert "evidence, not a theorem" in light.value
    assert "A sample can miss directions" in light.value
    assert "open in the sample\\: step " in light.value
    assert "its twin \\(training error" in light.value
    (dimension,) = (metric.value for metric in app.metric if metric.label == "Sampled dimension")
    assert dimension == "≥ 266"
    assert not [metric for metric in app.metric if metric.label == "Legal dimension"]
    assert "sampled: a lower bound on the legal dimension" in texts(app).replace("\\", "")
    assert app.button(key="turing_read")  # without a theorem the program is read only when asked for


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("turing_word", "10101", "got 5 symbols, wanted at most n = 4"),
        ("turing_word", "12", "unknown symbol '2'"),
        ("turing_states", "A A", "twice"),
        ("turing_states", "", "at least one state"),
        ("turing_symbols", "", "at least one state and one symbol"),
    ],
)
def test_bad_input_is_one_sentence_and_loses_nothing(key, value, sentence):
    app = universal(Lab.default_turing())
    before = lab_of(app)
    settled(app.text_input(key=key).set_value(value).run())
    assert any(sentence in error.value.replace("\\", "") for error in app.error), [e.value for e in app.error]
    assert lab_of(app) == before


def test_numbers_out_of_bounds_are_one_sentence():
    app = universal(Lab.default_turing())
    before = lab_of(app)
    settled(app.number_input(key="turing_head").set_value(9).run())
    assert "head: got cell 9" in app.error[0].value.replace("\\", "")
    settled(app.number_input(key="turing_q").set_value(1).run())
    assert "wanted at most 1 and 2" in app.error[0].value.replace("\\", "")
    assert lab_of(app) == before


def test_wrapping_and_the_step_limit_are_said_plainly():
    app = universal(Lab.default_turing())
    settled(app.selectbox(key="turing_preset").set_value("looping").run())
    assert "has not halted within 60 steps" in texts(app)
    settled(app.selectbox(key="turing_preset").set_value("copy").run())
    settled(app.number_input(key="turing_cells").set_value(4).run())
    settled(app.number_input(key="turing_q").set_value(5).run())
    assert "goes round the circle of 4 cells" in texts(app)


@pytest.mark.slow
def test_the_lessons_move_the_light():
    app = universal(Lab.default_turing())
    settled(app.pills(key="turing_lesson").set_value("90 machines").run())
    assert "200 of 200 fresh machines" in app.warning[0].value
    assert "fix 854 of 856 dimensions" in app.warning[0].value
    settled(app.pills(key="turing_lesson").set_value("3 steps, 600 machines").run())
    assert "step 4" in texts(app)
    settled(app.pills(key="turing_lesson").set_value("4 steps, 600 machines").run())
    assert not app.warning


@pytest.mark.parametrize("name", ["build", "traces", "learn", "inspect", "certify", "start"])
def test_other_pages_live_with_a_turing_lab(name):
    machine = TuringMachine("flip", ("A",), ("0", "1"), (((0, 1, 1), (0, 0, 0)),))
    small = Lab(build=TuringBuild(machine=machine, states=1, cells=3), traces=TraceSpec(count=200, length=8))
    lab = small if name == "certify" else Lab.default_turing()  # its curve learns many times
    app = AppTest.from_file(MAIN, default_timeout=60)
    app.query_params["lab"] = lab.to_token()
    app.run()
    settled(app.switch_page(f"{name}.py").run())
    assert lab_of(app) == lab


# ---- the rules as a sheet


def test_an_edit_of_the_sheet_changes_one_rule():
    machine = turing_table.edited(BEAVER, {"edited_rows": {"0": {"then": "left"}, "3": {"then": "stop"}}})
    assert machine.rules[0][0] == (1, 1, -1)
    assert machine.rules[1][1] is None
    assert turing_table.edited(BEAVER, {}) == BEAVER
    assert turing_table.edited(BEAVER, {"edited_rows": {"99": {"then": "left"}, "x": 3, "1": 7}}) == BEAVER


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"then": "up"}, "moves 'up'"),
        ({"then": None}, "no move yet"),
        ({"writes": None}, "no symbol to write yet"),
        ({"next state": None}, "no next state yet"),
        ({"next state": "Z"}, "next state 'Z', which the machine does not have"),
        ({"writes": "<script>"}, "does not have"),
    ],
)
def test_an_unfinished_or_unknown_rule_is_one_sentence(cells, sentence):
    with pytest.raises(MachineError, match=sentence):
        turing_table.edited(BEAVER, {"edited_rows": {"1": cells}})


def test_names_can_be_added_removed_and_exchanged():
    wider = turing_table.with_names(BEAVER, ["A", "B", "C"], ["0", "1"])
    assert wider.rules[2] == (None, None)
    assert wider.rules[:2] == BEAVER.rules
    renamed = turing_table.with_names(BEAVER, ["A", "end"], ["0", "1"])
    assert renamed.rules == BEAVER.rules
    smaller = turing_table.with_names(BEAVER, ["A"], ["0", "1"])
    assert smaller.rules == ((None, None),)


def test_files_of_turing_machines_open_and_others_are_refused():
    assert turing_editor.read_file("x.jff", write_jff(BEAVER)) == BEAVER
    for data in (write_jff(presets()["turnstile"]), b"", b"<x", b"\x00" * 300_000):
        with pytest.raises(LinattnError) as caught:
            turing_editor.read_file("x.jff", data)
        assert "\n" not in str(caught.value)
