"""Traces of random machines: deterministic, sharing tokens, truthful; and the words said about each example."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_certificate import pack_episodes, unpack_episodes
from linattn_core.tasks.turing_designs import DESIGNS
from linattn_core.tasks.turing_traces import simulate_all
from linattn_core.tasks.turing_words import situations

TASK = UniversalTuringMachine()


@pytest.mark.parametrize("design", DESIGNS)
def test_every_step_gives_one_example_a_stage(design):
    task = UniversalTuringMachine(2, 2, 4, design)
    history = simulate_all(task.episodes(50, 4), 10)
    extra = history.halted.sum() if design == "duo" else 0  # in duo the model also answers nothing after a last write
    assert len(task.traces(50, 4)) == history.lengths.sum() * task.tokens_per_step + extra
    assert (history.lengths <= 10).all()
    assert (history.lengths[~history.halted] == 10).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 20), st.sampled_from(sorted(DESIGNS)))
def test_the_first_machines_do_not_depend_on_the_count(seed, count, design):
    task = UniversalTuringMachine(2, 2, 3, design)
    few, many = task.traces(count, seed, steps=4), task.traces(count + 5, seed, steps=4)
    assert np.array_equal(few.targets, many.targets[: len(few)])
    assert np.array_equal(few.tokens.toarray(), many.tokens[: few.tokens.shape[0]].toarray())
    assert len(task.traces(count, seed, steps=4)) == len(few)


def test_contexts_are_prefixes_of_shared_sparse_tokens():
    traces = TASK.traces(20, 1)
    assert traces.is_sparse
    assert (traces.dim, traces.outputs) == (20, 20)
    same = traces.start[1:] == traces.start[:-1]
    assert (np.diff(traces.stop)[same] == 1).all()
    assert traces.tokens.shape[0] < 20 * (TASK.prompt_length + 41)
    Z, y = traces[0]
    assert Z.shape == (20, TASK.prompt_length)
    assert np.array_equal(TASK.truth(Z), y)


def test_an_answer_is_the_next_token_of_its_run():
    traces = TASK.traces(20, 2)
    for i in range(len(traces) - 1):
        if traces.start[i] == traces.start[i + 1]:
            assert np.array_equal(traces[i][1], traces[i + 1][0][:, -1])


def test_noise_changes_the_answers_alone():
    clean, noisy = TASK.traces(30, 5), TASK.traces(30, 5, noise=0.1)
    assert np.array_equal(clean.tokens.toarray(), noisy.tokens.toarray())
    assert np.std(noisy.targets - clean.targets) == pytest.approx(0.1, rel=0.05)


def test_restrictions_do_what_they_say():
    fixed = TASK.traces(40, 0, steps=1, origin=True)
    starts = [TASK.read(Z.T)[0] for Z, _ in fixed.subset(slice(None, None, 4))]
    assert {(c.state, c.head) for c in starts} == {(0, 0)}
    blank = TASK.traces(40, 0, steps=1, blank=True)
    assert {c.tape for c in (TASK.read(Z.T)[0] for Z, _ in blank.subset(slice(None, None, 4)))} == {(0, 0, 0, 0)}
    assert not simulate_all(TASK.episodes(40, 0, halting=0.0), 10).halted.any()
    assert (simulate_all(TASK.episodes(40, 0, halting=1.0), 10).lengths == 1).all()


@pytest.mark.parametrize("design", DESIGNS)
def test_every_example_has_words(design):
    task = UniversalTuringMachine(2, 3, 3, design)
    episodes = task.episodes(20, 8)
    words, times = situations(task.layout, episodes, 10)
    traces = task.contexts(episodes)
    assert len(words) == len(times) == len(traces)
    within = traces.stop - traces.start - task.prompt_length
    assert np.array_equal(within, times)
    for word, y in zip(words, traces.targets, strict=True):
        if not y.any():
            assert "halts after writing" in word


def test_words_name_the_rule_and_the_move():
    words, _ = situations(TASK.layout, TASK.episodes(60, 1), 10)
    assert any(w.startswith("step 2, a machine that halts after writing b over") for w in words)
    assert any("in state q1 at cell" in w and "moves left" in w for w in words)


def test_episodes_survive_packing():
    episodes = TASK.episodes(30, 3)
    back = unpack_episodes(TASK.layout, pack_episodes(episodes))
    for name in ("table", "tape", "state", "head"):
        assert np.array_equal(getattr(back, name), getattr(episodes, name))
