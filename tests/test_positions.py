"""Where states stand counts in drawings alone: learning and its key leave it out, figures follow it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.experiment import experiment
from linattn_core.figures import LIGHT, recovery_dot
from linattn_core.lab import AutomatonBuild, Lab, MemoryBuild, TeacherBuild, TraceSpec
from pages.shared import compute
from tests.fixtures.strategies import machines
from tests.test_pages import current, opened, settled

SEED = 77
PLACES = ((0.0, 0.0), (150.0, 10.0), (90.0, 200.0), (300.0, 120.0))


def moved(lab: Lab, places: tuple[tuple[float, float], ...] | None = PLACES) -> Lab:
    return lab.with_machine(replace(lab.machine, positions=places))


@given(machines(), st.sampled_from(["step", "universal"]))
@settings(max_examples=40, deadline=None)
def test_the_key_of_a_lab_leaves_out_its_places_and_nothing_else(machine, encoding):
    lab = Lab(build=AutomatonBuild(machine=machine, encoding=encoding), traces=TraceSpec(count=3, seed=5))
    key = lab.without_positions()
    assert key.machine.positions is None
    assert key == moved(lab, None)
    assert key.without_positions() is key
    assert moved(key, machine.positions) == lab


@pytest.mark.parametrize("build", [MemoryBuild(dim=2), TeacherBuild(dim=2), Lab.default_turing().build])
def test_what_has_no_places_is_its_own_key(build):
    lab = Lab(build=build, traces=TraceSpec(count=20, length=8))
    assert lab.without_positions() is lab


@pytest.mark.parametrize("encoding", ["step", "universal"])
def test_labs_of_one_key_have_the_same_numbers_so_a_result_may_be_placed(encoding):
    build = AutomatonBuild(machine=Lab.default().machine, encoding=encoding)
    lab = Lab(build=build, traces=TraceSpec(count=60, noise=0.1))
    plain, own = experiment(lab), experiment(moved(lab))
    placed = compute.placed(plain, moved(lab))
    assert np.array_equal(placed.run.predictor.coefficients(), own.run.predictor.coefficients())
    assert (placed.lab, placed.task, placed.recovery) == (own.lab, own.task, own.recovery)
    assert (placed.open_pairs, placed.missing) == (own.open_pairs, own.missing)
    assert placed.recovery.automaton.positions == placed.recovery.truth.positions == PLACES
    assert compute.placed(placed, lab).recovery == plain.recovery
    assert compute.placed(plain, lab) is plain


def test_keys_of_parts_of_a_lab_share_results_too():
    lab = Lab.default()
    key = ("twin", moved(lab), ("q2", "b"), moved(lab).build)
    assert compute.essence(key) == ("twin", lab, ("q2", "b"), lab.build)
    assert compute.essence(("curve", 3, None)) == ("curve", 3, None)


def test_a_drag_starts_no_job_and_the_shown_figures_follow(monkeypatch):
    learned: list[Lab] = []

    def counted(lab: Lab, progress=None):
        if lab.traces.seed == SEED:  # the server itself learns the worked example once
            learned.append(lab)
        return experiment(lab, progress=progress)

    monkeypatch.setattr(compute, "experiment", counted)
    lab = moved(Lab.default().replace(traces=TraceSpec(count=23, seed=SEED)))
    app = opened(lab, "build")
    assert len(learned) == 1
    dragged = moved(lab, (*PLACES[:3], (320.0, 400.0)))
    before = shown(app)
    app.session_state["changed_at"] = 0.0  # long after the last change
    settled(app.text_input(key="lab").set_value(dragged.to_token()).run())
    assert current(app) == dragged
    assert len(learned) == 1
    assert compute.known(dragged)
    recovery = experiment(dragged).recovery
    assert shown(app) == [recovery_dot(dragged.machine, recovery.edges, LIGHT)] != before
    for page in ("traces", "learn", "inspect", "certify", "start"):
        settled(app.switch_page(f"{page}.py").run())
        assert not app.exception
    assert len(learned) == 1


def shown(app) -> list[str]:
    return [chart.proto.spec for chart in app.get("graphviz_chart")]
