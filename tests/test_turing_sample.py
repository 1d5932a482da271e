"""The sampled legal space: a lower bound that meets the exact dimension where that is known, and never claims it."""

import functools

import numpy as np
import pytest

from linattn_core.errors import Cancelled
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_rank import Span, exact_rank
from linattn_core.tasks.turing_sample import sample_family


@functools.cache
def sampled(*size):
    task = UniversalTuringMachine(*size)
    return task, sample_family(task.layout)


@pytest.mark.parametrize("size", [(2, 2, 4), (2, 2, 4, "wide"), pytest.param((2, 2, 5), marks=pytest.mark.slow)])
def test_the_sample_reaches_the_exact_dimension_where_that_is_known(size):
    task, found = sampled(*size)
    assert found.dimension == task.family_dimension
    assert found.stalled
    assert found.quiet >= found.machines // 2


def test_it_is_called_a_sample_and_says_how_it_was_taken():
    _, found = sampled(2, 2, 4)
    source = found.family.source
    assert source.startswith("sampled: a lower bound on the legal dimension, from ")
    for said in (f"{found.contexts:,} contexts", f"{found.machines:,} random machines", f"seed {found.seed}"):
        assert said in source
    assert f"the last {found.quiet:,} added no direction" in source


def test_its_rows_are_independent_true_contexts_with_words():
    _, found = sampled(2, 2, 4)
    assert found.family.features.shape[0] == len(found.family.words) == found.dimension
    assert np.linalg.matrix_rank(found.family.features.toarray()) == found.dimension
    assert all(words.startswith("step ") for words in found.family.words)
    assert any(words.startswith("step 1, ") for words in found.family.words)


def test_fewer_machines_span_less_and_say_so():
    task = UniversalTuringMachine()
    found = sample_family(task.layout, max_machines=40)
    traces = task.traces(40, found.seed, steps=found.steps, halting=0.2)
    assert found.dimension == exact_rank(traces) < 856
    assert (found.machines, found.contexts, found.stalled) == (40, len(traces), False)
    assert "bound of 40 machines before growth stalled" in found.family.source


def test_a_bound_on_memory_ends_it_and_is_named():
    task, whole = sampled(2, 2, 4)
    found = sample_family(task.layout, max_bytes=10_000)
    assert not found.stalled
    assert 0 < found.dimension <= whole.dimension
    assert "before growth stalled" in found.family.source


def test_it_is_a_function_of_the_seed():
    layout = UniversalTuringMachine(1, 2, 3).layout
    one, same, other = (sample_family(layout, seed=seed) for seed in (3, 3, 4))
    assert one.family.words == same.family.words != other.family.words
    assert one.dimension == other.dimension


def test_it_reports_progress_and_can_be_cancelled():
    def stop(fraction, message):
        raise Cancelled(message)

    with pytest.raises(Cancelled, match="sampling legal contexts"):
        sample_family(UniversalTuringMachine().layout, progress=stop)


@pytest.mark.parametrize("pieces", [1, 3, 10])
def test_the_growing_span_counts_as_the_whole_does(pieces):
    traces = UniversalTuringMachine(2, 2, 3).traces(30, 4)
    span = Span(traces.dim)
    masks = [span.add(traces.subset(part)) for part in np.array_split(np.arange(len(traces)), pieces)]
    chosen = traces.subset(np.flatnonzero(np.concatenate(masks)))
    assert span.rank == len(chosen) == exact_rank(chosen) == exact_rank(traces)


@pytest.mark.slow
def test_the_step_up_size_is_reached_too():
    task, found = sampled(3, 2, 6)
    assert found.dimension == task.family_dimension == 2120


@pytest.mark.slow
@pytest.mark.parametrize(("size", "dimension"), [((3, 3, 5), 3319), ((4, 2, 6), 3302)])
def test_sizes_elsewhere_stall_and_claim_no_dimension(size, dimension):
    task, found = sampled(*size)
    assert task.family_dimension is None
    assert (found.dimension, found.stalled) == (dimension, True)
