"""Learned Turing machine weights read back as a program: the compiler's heads, up to the stated conventions."""

import numpy as np
import pytest

import linattn_core as la


@pytest.fixture(scope="module")
def task():
    return la.tasks.UniversalTuringMachine(2, 2, 4)


@pytest.fixture(scope="module")
def run(task):
    return la.learn(task.traces(120, seed=0), heads="typed", task=task)


def test_learned_weights_read_as_read_join_look_up_rule_move(task, run):
    """One head reads, S join state and letter, one looks up the rule, two move: as many as were compiled by hand."""
    assert run.certificate.covers(task).holds
    assert run.model.heads == task.truth.heads == 6
    read, *join, rule, left, right = run.heads.sentences
    assert read == "query `Y` matches key `P` and copies `A` to `R`"
    assert len(join) == 2
    assert all("matches every key `P` and maps `S` to `J`" in sentence for sentence in join)
    assert "query `J` matches key `J` and copies" in rule
    assert "query `J` matches every key `Y`" in rule
    assert "query `M` left matches every key `Y` and maps `P`" in left
    assert "query `M` right matches every key `Y` and maps `P`" in right


def test_the_decompiled_program_runs_machines_it_never_saw(task, run):
    held_out = task.traces(50, seed=77)
    assert abs(run.model.on(held_out) - held_out.targets).max() < 1e-9
    assert np.abs(run.model.on(held_out) - run.predictor.on(held_out)).max() < 1e-9


def test_decompiling_brings_the_learned_weights_back_to_the_compiled_ones(task, run):
    """The minimum-norm weights are far from the compiled ones; the fewest, sparsest typed relations ARE them."""
    scale = np.linalg.norm(task.truth.coefficients())
    learned = la.distance(run.predictor, task.truth) / scale
    decompiled = la.distance(run.model, task.truth) / scale
    assert 0.85 < learned < 1.0
    assert decompiled < 1e-9
