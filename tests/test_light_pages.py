"""Every page shows the library's own light, in each of the five colours, and offers only what is there."""

import pytest
from streamlit.testing.v1 import AppTest

from linattn_core.devices import choices
from linattn_core.experiment import experiment
from linattn_core.lab import Lab, LearnerSpec, MemoryBuild, TraceSpec
from pages.shared.example import SENTENCES
from pages.shared.light import ICONS
from pages.shared.widgets import literal
from tests.test_light import LABS
from tests.test_pages import change, current, opened, texts

pytestmark = pytest.mark.slow

COLOURED = {
    "green": "automaton",
    "blue": "automaton, noise",
    "amber": "automaton, one left out",
    "red": "automaton, much noise",
    "grey": "automaton, ridge and one left out",
}


def light_box(app: AppTest, colour: str) -> str:
    """What the box of a light says, its title left out where the box has one of its own."""
    kind = {"green": "success", "blue": "info", "amber": "warning", "red": "error", "grey": "markdown"}[colour]
    (found,) = [box.value for box in getattr(app, kind) if "Level: **" in box.value]
    return found


@pytest.mark.parametrize("page", ["start", "build", "certify"])
@pytest.mark.parametrize("colour", COLOURED)
def test_each_colour_has_its_box_its_icon_and_its_sentence(colour: str, page: str):
    lab = LABS[COLOURED[colour]][1]
    app = opened(lab, page)
    assert not app.exception
    light = experiment(lab).light
    assert light.colour == colour
    said = light_box(app, colour)
    assert literal(light.words) in said
    assert f"Level: **{light.level}**" in said
    if colour == "grey":
        assert f":material/{ICONS[colour]}: **{literal(light.title)}**" in said
    if page == "start":
        assert SENTENCES[colour] in texts(app)
        assert ("The twin" in texts(app)) == (colour == "amber")
    if colour == "blue":
        assert not {word.strip(".,:;*()") for word in said.lower().split()} & {"proved", "proof", "right"}


@pytest.mark.parametrize("name", ["teacher, few", "words, few", "memory, sums, few"])
def test_certify_shows_twins_of_every_kind_with_both_losses(name: str):
    result = experiment(LABS[name][1])
    said = texts(opened(LABS[name][1], "certify"))
    twins = result.evidence.twins
    assert "equal training error, another answer" in said
    for loss in (twins.loss, twins.twin_loss):
        assert f"training error **{loss:.1e}**" in said


def test_inspect_shows_the_margin_of_every_transition_and_probabilities_under_noise():
    result = experiment(LABS["automaton, noise"][1])
    app = opened(LABS["automaton, noise"][1], "inspect")
    (table,) = [frame.value for frame in app.dataframe if "margin" in frame.value.columns]
    assert list(table["margin"]) == [edge.margin for edge in result.recovery.edges]
    assert "estimated probability of q0" in table.columns
    assert "how probable each next state is" in texts(app)


@pytest.mark.skipif("cuda" in choices(), reason="this machine has a CUDA device")
def test_no_device_is_offered_that_is_not_here_and_a_lab_that_wants_it_keeps_its_wish():
    lab = Lab.default().replace(learner=LearnerSpec(device="cuda"))
    app = opened(lab, "learn")
    assert app.segmented_control(key="learn_device").options == ["auto", "cpu"]
    assert any("'cuda', which is not on this machine" in box.value.replace("\\", "") for box in app.info)
    assert not app.error
    change(app, lambda a: a.number_input(key="learn_ridge").set_value(0.5))
    assert (current(app).learner.ridge, current(app).learner.device) == (0.5, "cuda")
    change(app, lambda a: a.segmented_control(key="learn_device").set_value("auto"))
    assert current(app).learner.device == "auto"
    assert not app.info


def test_learn_says_how_exact_the_fit_is_in_one_line():
    heights = tuple((tuple(float(i == j) for j in range(3)), (1500.0 + i,)) for i in range(3))
    lab = Lab(build=MemoryBuild(vectors=heights), traces=TraceSpec(count=60))
    run = experiment(lab).run
    said = texts(opened(lab, "learn"))
    assert f"Largest residual of an example: {run.largest_residual / run.answer_scale:.1e}" in said
    assert f"brought to like ones first (condition {run.condition_raw:.2g})" in said


def test_a_curve_that_takes_long_is_drawn_when_it_is_asked_for():
    lab = LABS["memory, sums"][1].replace(build=MemoryBuild(dim=3))
    app = opened(lab.replace(traces=TraceSpec(count=150)), "certify")
    assert [button.label for button in app.button if button.key == "curve_draw"]
    assert "Random traces reach" not in texts(app)
