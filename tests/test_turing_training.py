"""The training set of Turing machines as the Traces page shows it: the very examples the learner gets, in words."""

import pytest
from streamlit.testing.v1 import AppTest

from linattn_core.errors import ShapeError
from linattn_core.figures.turing_training import machines_seen, rules_of, training_run
from linattn_core.lab import Lab, TraceSpec, TuringBuild
from linattn_core.machines.turing import simulate
from linattn_core.machines.turing_presets import turing_presets
from tests.test_universal_page import MAIN, lab_of, settled, texts

BEAVER = turing_presets()["busy beaver 2"].machine


def lab_with(design="slim", count=12, seed=3):
    return Lab(build=TuringBuild(machine=BEAVER, design=design), traces=TraceSpec(count=count, length=6, seed=seed))


@pytest.mark.parametrize("design", ["slim", "wide", "duo"])
def test_the_rows_are_the_examples_the_learner_gets(design):
    lab = lab_with(design)
    traces, task, seen = lab.make_traces(), lab.task(), machines_seen(lab)
    assert int(seen.examples.sum()) == len(traces)
    told = 0
    for number in range(len(seen)):
        shown = training_run(lab, seen, number)
        for row in shown.rows:
            token = shown.run.tokens[row.place]
            assert (row.kind, row.adds) == (task.stage(row.place), task.decode(token))
            if row.example is not None:
                Z, y = traces[row.example]
                assert Z.shape[1] == row.place + 1
                assert (shown.run.tokens[: row.place + 1] == Z.T).all()
                assert row.answer == task.decode(y)
                told += 1
            else:
                assert row.answer == ""
                assert row.place < task.prompt_length - 1 or row.place == len(shown.rows) - 1
    assert told == len(traces)


def test_steps_and_halting_are_the_plain_simulators():
    lab = lab_with(count=30)
    seen = machines_seen(lab)
    assert {bool(x) for x in seen.halted} == {True, False}
    for number in range(len(seen)):
        shown = training_run(lab, seen, number)
        plain = simulate(shown.machine, shown.tape, 4, lab.traces.length, head=shown.head)
        assert (plain.steps, plain.halted) == (seen.steps[number], seen.halted[number])
        assert all(shown.story.right)
        assert len(rules_of(shown.machine)) == 4


def test_halting_is_an_answer_of_zeros():
    lab = lab_with(count=30)
    seen = machines_seen(lab)
    halting = int(seen.halted.argmax())
    assert [row.answer for row in training_run(lab, seen, halting).rows if row.example is not None][-1] == "halt"


def test_a_number_out_of_range_and_a_lab_without_machines_are_one_sentence():
    lab = lab_with()
    seen = machines_seen(lab)
    with pytest.raises(ShapeError, match="machine 12, wanted one from 0 to 11"):
        training_run(lab, seen, 12)
    with pytest.raises(ShapeError, match="builds no Turing machines"):
        machines_seen(Lab.default())


def opened(lab):
    app = AppTest.from_file(MAIN, default_timeout=60)
    app.query_params["lab"] = lab.to_token()
    app.run()
    return settled(app.switch_page("traces.py").run())


def test_the_traces_page_lists_the_machines_and_explains_one():
    lab = lab_with()
    app, seen = opened(lab), machines_seen(lab)
    said = texts(app)
    assert "**12** random machines" in said
    assert f"**{int(seen.examples.sum())}** examples" in said
    table = next(frame.value for frame in app.dataframe if "ends" in frame.value.columns)
    assert table["steps"].tolist() == seen.steps.tolist()
    assert table["ends"].tolist() == ["halts" if halts else "cut off" for halts in seen.halted]
    settled(app.number_input(key="traces_number").set_value(5).run())
    assert "Machine 5 of 12" in texts(app)
    tokens = next(frame.value for frame in app.dataframe if "what it adds" in frame.value.columns)
    assert tokens["what it adds"].tolist() == [row.adds for row in training_run(lab, seen, 4).rows]
    assert lab_of(app) == lab  # looking changes nothing


def test_fewer_machines_move_the_chosen_one_inside():
    app = opened(lab_with())
    settled(app.number_input(key="traces_number").set_value(12).run())
    settled(app.number_input(key="turing_count").set_value(4).run())
    assert lab_of(app).traces.count == 4
    assert "Machine 4 of 4" in texts(app)
