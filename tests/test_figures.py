"""Figures: DOT text that stays literal and in place, heat maps that show the numbers they were given."""

import json
import math
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core import figures
from linattn_core.errors import ShapeError, TooLargeError
from linattn_core.figures import geometry
from linattn_core.figures.dot import EDGE_STYLES, quote
from linattn_core.figures.matrices import label, number
from linattn_core.figures.palette import DARK, LIGHT
from linattn_core.machines import Machine

PARITY = Machine(
    name="parity", states=("even", "odd"), alphabet=("a", "b"), transitions=((1, 0), (0, 1)), start=0, accepting=(0,)
)


def edge(state: str, letter: str, learned: str, kind: str) -> SimpleNamespace:
    return SimpleNamespace(state=state, letter=letter, learned=learned, kind=kind)


def ring(count: int) -> Machine:
    states = tuple(f"s{k}" for k in range(count))
    return Machine(states=states, alphabet=("a",), transitions=tuple(((k + 1) % count,) for k in range(count)))


def attributes(dot: str, node: str) -> str:
    return re.search(rf"^  {node} \[(.*)\];$", dot, re.M)[1]


def test_the_diagram_names_states_letters_start_and_accepting():
    dot = figures.machine_dot(PARITY, LIGHT)
    assert 'label="even"' in attributes(dot, "s0")
    assert "peripheries=2" in attributes(dot, "s0")
    assert "peripheries=1" in attributes(dot, "s1")
    assert 'tooltip="state even (start, accepting)"' in dot
    assert len(re.findall(r"s\d -> s\d \[pos=", dot)) == 4  # two crossings and two loops, each its own edge
    assert dot.count("entry ->") == 1


def test_the_recovered_machine_stands_where_the_true_one_stands():
    true = figures.machine_dot(PARITY, LIGHT)
    edges = [edge("even", "a", "even", "undetermined"), edge("even", "b", "even", "right")]
    learned = figures.recovery_dot(PARITY, edges, LIGHT)
    for node in ("s0", "s1"):
        assert attributes(true, node) == attributes(learned, node)


@pytest.mark.parametrize("kind", ["right", "different", "undetermined"])
@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_an_edge_says_its_kind_by_dash_mark_and_colour(kind, colours):
    dot = figures.recovery_dot(PARITY, [edge("even", "a", "odd", kind)], colours)
    dash, _, mark = EDGE_STYLES[kind]
    line = next(line for line in dot.splitlines() if "s0 -> s1" in line)
    assert f'label="a{mark}"' in line
    assert f"style={dash}" in line
    assert f'color="{getattr(colours, kind)}"' in line


def test_the_three_kinds_differ_without_colour():
    shown = [EDGE_STYLES[kind][::2] for kind in ("right", "different", "undetermined")]
    assert len(set(shown)) == 3


HOSTILE = [
    'q"; x -> y [label="',
    "\\N",
    "a\\",
    "<script>alert(1)</script>",
    "&lt;b&gt;",
    "\n\t\x00",
    "🙂" * 100,
    "a\u2028b",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_label_stays_one_dot_string(text):
    quoted = quote(text)
    inner = quoted[1:-1]
    assert quoted[0] == quoted[-1] == '"'
    assert not re.search(r'(?<!\\)(\\\\)*"', inner), "an unescaped quote ends the string early"
    assert not re.search(r"(?<!\\)(\\\\)*\\$", inner), "a lone backslash escapes the closing quote"
    assert not re.search(r"[\x00-\x1f\u2028]", inner)
    assert not re.search(r"&(?!amp;)", inner)
    assert len(inner.replace("&amp;", "&").replace('\\"', '"').replace("\\\\", "\\")) <= 60


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_quoting_can_be_undone_up_to_spaces_and_length(text):
    inner = quote(text, limit=100)[1:-1]
    back = re.sub(r"\\(.)", r"\1", inner).replace("&amp;", "&")
    assert len(back) == len(text)
    assert all(a == b or b == " " for a, b in zip(text, back, strict=True))


def test_positions_of_the_user_are_kept_up_to_scale():
    own = ((0.0, 0.0), (30.0, 0.0), (0.0, 60.0))
    points = geometry.place(own, 3, [], 0)
    assert math.dist(points[0], points[1]) == pytest.approx(geometry.SPACING, abs=0.2)
    assert math.dist(points[0], points[2]) == pytest.approx(2 * geometry.SPACING, abs=0.2)
    assert points[2][1] < points[0][1], "a screen's y points down, Graphviz' up"


@pytest.mark.parametrize("count", [1, 2, 3, 7, 12, 30, 40])
def test_states_never_overlap(count):
    machine = ring(count)
    links = [(p, row[0]) for p, row in enumerate(machine.transitions)]
    points = geometry.place(None, count, links, 0)
    gaps = [math.dist(a, b) for i, a in enumerate(points) for b in points[:i]]
    assert min(gaps, default=geometry.SPACING) >= geometry.SPACING - 0.5
    assert figures.machine_dot(machine, LIGHT).count("shape=ellipse") == count


def test_coinciding_positions_fall_back_to_the_circle():
    points = geometry.place(((1.0, 1.0), (1.0, 1.0)), 2, [(0, 1)], 0)
    assert math.dist(*points) == pytest.approx(geometry.SPACING, abs=0.2)


def test_too_many_states_are_refused_with_a_remedy():
    with pytest.raises(TooLargeError, match="see its transition table"):
        figures.machine_dot(ring(figures.MAX_STATES + 1), LIGHT)


def test_the_description_for_screen_readers_names_every_transition():
    said = figures.describe(PARITY)
    assert "start even" in said
    assert "even on a to odd" in said
    assert "odd on b to odd" in said


def test_a_heat_map_shows_its_numbers_with_zero_in_the_colour_of_the_page():
    values = np.array([[1.0, -2.0], [0.0, 0.5]])
    trace = figures.heat_map(values, ["r", "s"], ["x", "y"], DARK).data[0]
    assert np.array_equal(trace.z, values)
    assert (trace.zmin, trace.zmax) == (-2.0, 2.0)
    assert trace.colorscale[1] == (0.5, DARK.paper)
    assert [list(row) for row in trace.text] == [["1", "-2"], ["", "0.50"]]


def test_labels_of_a_heat_map_are_escaped():
    figure = figures.heat_map(np.eye(1), ["<b>q</b>"], ["&amp;"], LIGHT)
    assert figure.layout.yaxis.ticktext == ("&lt;b&gt;q&lt;/b&gt;",)
    assert figure.layout.xaxis.ticktext == ("&amp;amp;",)
    assert len(label("x" * 99)) == 18


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, ""), (1.0, "1"), (-3.0, "-3"), (0.25, "0.25"), (1e-9, "1e-09"), (12345.6, "1e+04")]
)
def test_numbers_in_cells_are_short(value, text):
    assert number(value) == text


@pytest.mark.parametrize("shape", [(2, 3), (4,), (2, 2, 2)])
def test_a_heat_map_refuses_labels_that_do_not_fit(shape):
    with pytest.raises(ShapeError, match="label per row"):
        figures.heat_map(np.zeros(shape), ["r", "s"], ["x", "y"], LIGHT)


def test_a_heat_map_refuses_more_cells_than_pixels():
    with pytest.raises(TooLargeError, match="pick a part"):
        figures.heat_map(np.zeros((300, 300)), ["r"] * 300, ["c"] * 300, LIGHT)


def test_the_mosaic_places_every_head_and_keeps_signs():
    heads = np.stack([np.full((3, 3), value) for value in (-1.0, 0.0, 1.0)])
    canvas = np.asarray(figures.mosaic(heads, ["a", "b", "c"], LIGHT).data[0].z)
    assert canvas.dtype == np.uint8
    inside = canvas[canvas < 255]
    assert {int(v): int((inside == v).sum()) for v in np.unique(inside)} == {0: 9, 127: 9, 254: 9}


def test_a_mosaic_of_64_heads_is_small():
    heads = np.random.default_rng(0).normal(size=(64, 16, 16))
    figure = figures.mosaic(heads, [str(k) for k in range(64)], LIGHT)
    assert len(json.dumps(figure.to_plotly_json(), default=str)) < 200_000
    assert len(figure.data) == 1


def test_the_growing_matrix_has_a_frame_per_token_and_ends_at_c():
    Z = np.random.default_rng(1).normal(size=(3, 5))
    moments = np.cumsum(np.einsum("dn,en->nde", Z, Z), axis=0)
    figure = figures.growing(Z, ["x", "y", "z"], LIGHT, moments=moments)
    assert [frame.name for frame in figure.frames] == ["1", "2", "3", "4", "5"]
    np.testing.assert_allclose(figure.frames[-1].data[0].z, Z @ Z.T)
    np.testing.assert_allclose(figure.data[0].z, Z @ Z.T)


def test_many_tokens_are_thinned_but_keep_both_ends():
    Z = np.ones((2, 500))
    moments = np.cumsum(np.einsum("dn,en->nde", Z, Z), axis=0)
    names = [frame.name for frame in figures.growing(Z, ["x", "y"], LIGHT, moments=moments).frames]
    assert (names[0], names[-1]) == ("1", "500")
    assert len(names) <= 60


def test_the_spectrum_marks_what_counts_as_zero_by_shape():
    figure = figures.spectrum(np.array([1.0, 1e-3, 1e-17]), LIGHT, threshold=1e-12)
    counted, zero = figure.data
    assert list(counted.y) == [1.0, 1e-3]
    assert counted.marker.symbol != zero.marker.symbol
    assert "1.0e-12" in figure.layout.annotations[0].text


def test_counts_write_none_for_zero():
    figure = figures.counts(np.array([[3, 0]]), ["q0"], ["a", "b"], LIGHT)
    assert [list(row) for row in figure.data[0].text] == [["3", "none"]]


def test_the_histogram_counts_every_value():
    values = np.linspace(-1, 1, 1001)
    figure = figures.histogram(values, LIGHT, what="residual")
    assert int(np.sum(figure.data[0].y)) == 1001


@pytest.mark.parametrize("call", [lambda: figures.spectrum([], LIGHT), lambda: figures.histogram([], LIGHT, what="x")])
def test_nothing_to_show_is_an_error_not_an_empty_chart(call):
    with pytest.raises(ShapeError):
        call()


def luminance(colour: str) -> float:
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colours", [LIGHT, DARK])
@pytest.mark.parametrize("role", ["ink", "right", "different", "undetermined", "accent"])
def test_every_meaning_is_readable_on_its_page(colours, role):
    light, dark = sorted((luminance(getattr(colours, role)), luminance(colours.paper)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3.0  # WCAG 2.1, graphics and large text


def test_figures_import_no_page_framework():
    probe = "import sys, linattn_core.figures; print('streamlit' in sys.modules, 'torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]
