"""Labs of the user's own tables and files: round trips, old links, links that name their data, the command line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from linattn_core.cli import MAX_BYTES, app
from linattn_core.errors import LinattnError, SpecError
from linattn_core.experiment import experiment
from linattn_core.lab import Lab, LearnerSpec, MemoryBuild, SequencesBuild, TeacherBuild, TraceSpec
from linattn_core.sequences import MAX_NUMBERS, Sequences
from linattn_core.spec_text import MAX_PACKED
from linattn_core.tasks import AssociativeMemory, OwnSequences, TableMemory, VectorMemory
from linattn_core.uploads import example_sequences
from pages.shared.frame import MAX_LAB_FILE
from tests.test_lab import labels
from tests.test_sequences import sequences

WORDS = (("sky", "blue"), ("a", "ü🙂"))
BEFORE = {
    "1-AAubsCTMwx8wRKab2EHjHQA": MemoryBuild(),
    "1-ABI0_6jCwx8wqOnGGCXdmCLSTeyg8Q4A": MemoryBuild(dim=3, unitary=0.5),
    "1-ACNpc3xtwx8wRKeb4myQqqSc0lSlWJ1oJVC0H97zYf7MJqXY2EHjVwA": MemoryBuild(table=WORDS),
    "1-ABM9KMsHwx8wiHQATjjGcNOMsKaHQeMrAA": TeacherBuild(dim=3, heads=2),
}
"""Tokens made before memories had anything but a size, a share and a table."""

number = st.one_of(st.integers(-99, 99).map(float), st.floats(-1e3, 1e3))


@st.composite
def memories(draw) -> MemoryBuild:
    kind = draw(st.sampled_from(["random", "words", "own words", "vectors"]))
    rho = draw(st.sampled_from([0.0, 0.25, 0.99]))
    if kind == "random":
        answer = draw(st.sampled_from(["sum", "value"]))
        return MemoryBuild(dim=draw(st.integers(1, 6)), unitary=draw(st.floats(0, 1)), correlation=rho, answer=answer)
    size = draw(st.integers(1, 3))
    vector = st.tuples(*[number] * size)
    if kind == "vectors":
        keys = draw(st.lists(vector.filter(lambda key: max(map(abs, key)) > 1e-3), min_size=1, max_size=4, unique=True))
        return MemoryBuild(vectors=tuple((key, draw(vector)) for key in keys), correlation=rho)
    table = tuple((key, draw(labels)) for key in draw(st.lists(labels, min_size=1, max_size=4, unique=True)))
    build = MemoryBuild(table=table, dim=size, seed=draw(st.integers(0, 9)), correlation=rho)
    if kind == "own words":
        return build.with_own_vectors()
    return build.replace(embedding=draw(st.sampled_from(["one-hot", "gaussian", "unitary"])))


@st.composite
def own_labs(draw) -> Lab:
    build = draw(
        st.one_of(
            memories(),
            st.builds(
                SequencesBuild,
                name=labels,
                data=sequences(),
                held_out=st.sampled_from([0.0, 0.2, 0.9]),
            ),
        )
    )
    return Lab(build=build, traces=TraceSpec(count=draw(st.integers(1, 50)), seed=draw(st.integers(0, 99))))


@given(own_labs())
@settings(max_examples=60, deadline=None)
def test_round_trips_of_toml_json_link_and_reference(lab: Lab):
    for again in (
        Lab.from_toml(lab.to_toml()),
        Lab.from_json(lab.to_json()),
        Lab.from_toml(Lab.from_json(lab.to_json()).to_toml().encode()),
        Lab.from_token(lab.to_token()),
        Lab.from_token(lab.to_reference(), {lab.digest: lab.build}.get),
    ):
        assert again == lab
        assert hash(again) == hash(lab)
        assert again.digest == lab.digest


def test_vectors_drawn_for_words_are_told_apart_however_few_numbers_they_have():
    table = tuple((f"key {i}", f"value {i}") for i in range(100))
    words = dict(MemoryBuild(table=table, dim=1).with_own_vectors().words)
    assert len(set(words.values())) == len(words) == 200
    assert all(any(vector) for vector in words.values())


@pytest.mark.parametrize("token", BEFORE)
def test_links_from_before_open_and_nothing_is_added_to_them(token):
    lab = Lab(build=BEFORE[token])
    assert Lab.from_token(token) == lab
    assert Lab.from_token(lab.to_token()) == lab
    assert set(lab.to_data()["build"]) <= {"kind", "dim", "unitary", "table", "heads", "outputs", "seed"}


@pytest.mark.parametrize(
    ("build", "task"),
    [
        (MemoryBuild(table=WORDS), TableMemory),
        (MemoryBuild(table=WORDS, correlation=0.1), VectorMemory),
        (MemoryBuild(table=WORDS, embedding="gaussian"), VectorMemory),
        (MemoryBuild(vectors=(((1.0, 0.0), (2.0,)),)), VectorMemory),
        (MemoryBuild(correlation=0.5, answer="value"), AssociativeMemory),
        (SequencesBuild(data=example_sequences()), OwnSequences),
    ],
)
def test_every_build_runs_from_traces_to_certificate(build, task):
    lab = Lab(build=build, traces=TraceSpec(count=60))
    result = experiment(lab)
    assert isinstance(result.task, task)
    assert (result.retrieval is None) == (task is OwnSequences)
    assert (result.fit is None) == (task is not OwnSequences)
    assert result.recovery is None
    assert result.traces.tokens.shape[0] == lab.tokens
    assert np.array_equal(experiment(lab).run.predictor.coefficients(), result.run.predictor.coefficients())


def test_whole_numbers_in_a_hand_written_file_are_numbers():
    text = 'build = {kind = "memory", vectors = [[[1, 0], [2.5]], [[0, 1], [3]]]}'
    assert Lab.from_toml(text).build.vectors == (((1.0, 0.0), (2.5,)), ((0.0, 1.0), (3.0,)))


# ---- data too large for a link


def large() -> Lab:
    rng = np.random.default_rng(0)
    data = Sequences.build(rng.normal(size=(2_000, 5)), rng.normal(size=(2_000, 1)), [20] * 100)
    return Lab(build=SequencesBuild(name="large", data=data), traces=TraceSpec(count=100, seed=7))


def test_a_link_that_only_names_its_data_says_so_where_they_are_not():
    lab = large()
    with pytest.raises(SpecError, match="save the lab as a file instead"):
        lab.to_token()
    reference = lab.to_reference()
    assert len(reference) < 200
    assert Lab.from_token(reference, {lab.digest: lab.build}.get) == lab
    for find in (None, {}.get):
        with pytest.raises(SpecError, match="open the saved lab file") as refusal:
            Lab.from_token(reference, find)
        assert "\n" not in str(refusal.value)
    other = lab.replace(traces=lab.traces.replace(seed=8))
    assert other.digest == lab.digest
    assert Lab.from_token(other.to_reference(), {lab.digest: lab.build}.get) == other


def test_the_largest_data_fit_into_a_file():
    rng = np.random.default_rng(0)
    rows = MAX_NUMBERS // 5
    data = Sequences.build(rng.normal(size=(rows, 4)), rng.normal(size=(rows, 1)), [rows // 10] * 10)
    lab = Lab(build=SequencesBuild(data=data))
    assert Lab.from_json(lab.to_json()) == lab
    assert Lab.from_toml(lab.to_toml().encode()) == lab
    assert len(lab.to_json()) < MAX_LAB_FILE == MAX_PACKED == MAX_BYTES  # what is saved can be opened again
    config = tomllib.loads((Path(__file__).parents[1] / ".streamlit" / "config.toml").read_text())
    assert config["server"]["maxUploadSize"] * 2**20 == MAX_LAB_FILE  # the server's own bound holds for every upload


def test_a_large_file_without_packed_numbers_is_refused_as_before():
    lab = large()
    padded = lab.to_toml() + "# x\n" * 200_000
    with pytest.raises(SpecError, match="at most 524,288"):
        Lab.from_toml(padded)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data["build"].update(data="AAAA"), "cannot be unpacked"),
        (lambda data: data["build"].pop("data"), "no entry 'data'"),
        (lambda data: data["build"].update(held_out=1.5), "between 0 and 0"),
        (lambda data: data["build"].update(name="x" * 99), "entry 'name'"),
        (lambda data: data["build"].update(kind="reference", digest="0" * 32), "build"),
        (lambda data: data["build"].update(more=1), "unknown entry 'more'"),
    ],
)
def test_a_file_that_was_edited_wrongly_is_told(change, said):
    data = Lab(build=SequencesBuild(data=example_sequences())).to_data()
    change(data)
    with pytest.raises(LinattnError, match=said) as refusal:
        Lab.from_data(data)
    assert "\n" not in str(refusal.value)


# ---- the command line


def test_the_command_line_says_what_a_memory_retrieves_and_how_far_a_fit_carries(tmp_path):
    memory = Lab(build=MemoryBuild(table=(*WORDS, ("sea", "blue")), correlation=0.9), traces=TraceSpec(count=60))
    said = CliRunner().invoke(app, ["learn", memory.to_token()])
    assert said.exit_code == 0
    assert "mean overlap of its keys 0.900" in said.output
    assert "by the learned layer 3 of 3" in said.output
    file = tmp_path / "own.toml"
    lab = large().replace(learner=LearnerSpec(heads="svd"))
    file.write_text(lab.to_toml())
    said = CliRunner().invoke(app, ["learn", str(file)])
    assert said.exit_code == 0
    found = experiment(lab).fit
    assert f"held-out MSE {found.held_out_mse:.6g}" in said.output
    assert f"the best constant has {found.variance:.6g}" in said.output
    assert f"{found.certified} of {found.held_out} held-out contexts" in said.output
    nothing = tmp_path / "nothing.json"
    nothing.write_text(lab.replace(build=lab.build.replace(held_out=0.0)).to_json())
    assert "nothing is held out" in CliRunner().invoke(app, ["learn", str(nothing)]).output
