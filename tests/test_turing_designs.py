"""The compiler: three designs against the plain simulator, exactly; sizes and runs of the golden numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.attention import LinearAttention
from linattn_core.errors import LinattnError, MachineError, ShapeError, TooLargeError
from linattn_core.machines.turing import TuringMachine, simulate
from linattn_core.machines.turing_presets import turing_presets
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_designs import DESIGNS
from linattn_core.tasks.turing_run import execute
from linattn_core.tasks.turing_traces import sequences, simulate_all

PRESETS = turing_presets()
SIZES = ((2, 2, 4), (3, 2, 6), (4, 3, 8))
GOLDEN = {
    "slim": ((20, 6), (27, 6), (40, 7)),
    "wide": ((22, 7), (38, 10), (63, 13)),
    "duo": ((38, 12), (74, 24), (159, 40)),
}


@pytest.mark.parametrize("design", DESIGNS)
def test_golden_dimensions_and_heads(design):
    for size, (dim, heads) in zip(SIZES, GOLDEN[design], strict=True):
        task = UniversalTuringMachine(*size, design)
        assert (task.dim, task.truth.heads, len(task.head_names)) == (dim, heads, heads)
        assert task.truth.V.shape == (heads, dim, dim)
        assert set(np.unique(task.truth.V)) | set(np.unique(task.truth.Q)) <= {-1.0, 0.0, 1.0}
        labels = [label for a in task.attributes for label in a.labels]
        assert len(labels) == dim
        assert task.context(PRESETS["looping"].machine).shape == (dim, task.prompt_length)
    assert task.tokens_per_step == {"slim": 4, "wide": 3, "duo": 2}[design]


def test_the_classroom_prompt_has_eleven_tokens_and_every_machine_counts():
    task = UniversalTuringMachine()
    assert task.context(PRESETS["busy beaver 2"].machine).shape == (20, 11)
    assert task.machine_count == 20_736


def random_machines(design, machines, seed):
    """Machines of random sizes, in batches of equal size, with and without halting."""
    rng = np.random.default_rng(seed)
    for _ in range(machines // 10):
        Q, S, n = int(rng.integers(1, 5)), int(rng.integers(1, 4)), int(rng.integers(2, 9))
        task = UniversalTuringMachine(Q, S, n, design)
        yield task, task.episodes(10, int(rng.integers(10**6)), halting=float(rng.choice([0.0, 0.05, 0.3])))


def count_exact(design, machines, seed):
    exact = 0
    for task, episodes in random_machines(design, machines, seed):
        trial = task.trial(task.truth, episodes, 60)
        assert trial.rounding_error.max() == 0
        exact += int(trial.exact.sum())
    return exact


@pytest.mark.parametrize("design", DESIGNS)
def test_forty_random_machines_run_exactly(design):
    assert count_exact(design, 40, 1) == 40


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_four_hundred_random_machines_run_exactly(design):
    assert count_exact(design, 400, 0) == 400


@pytest.mark.parametrize("design", DESIGNS)
def test_the_batch_simulator_is_the_plain_simulator(design):
    task = UniversalTuringMachine(3, 2, 5, design)
    episodes = task.episodes(20, 3, halting=0.1)
    history = simulate_all(episodes, 30)
    for i in range(len(episodes)):
        rules = tuple(tuple(tuple(int(x) for x in r) for r in row) for row in episodes.table[i])
        machine = TuringMachine("m", ("a", "b", "c"), ("_", "1"), rules, int(episodes.state[i]))
        tape = tuple(episodes.tape[i].tolist())
        plain = simulate(machine, tape, 5, 30, head=int(episodes.head[i]))
        assert (plain.steps, plain.halted) == (history.lengths[i], history.halted[i])
        run = task.run(task.truth, machine, tape, 30, head=int(episodes.head[i]))
        assert run.agrees
        assert run.expected.configurations == plain.configurations


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", PRESETS)
def test_presets_run_by_attention_alone(design, name):
    preset = PRESETS[name]
    machine = preset.machine
    task = UniversalTuringMachine(len(machine.states), len(machine.symbols), preset.cells, design)
    run = task.run(task.truth, machine, machine.encode(preset.word), 120)
    assert run.agrees
    assert run.rounding_error == 0
    assert run.halted == (name != "looping")
    assert not run.expected.wrapped


def test_the_busy_beaver_of_four_states_takes_346_tokens_in_wide():
    task = UniversalTuringMachine(4, 2, 16, "wide")
    run = task.run(task.truth, PRESETS["busy beaver 4"].machine, (), 200)
    assert (task.dim, task.truth.heads, len(run.tokens)) == (98, 13, 346)
    assert len(run.configurations) - 1 == 107
    assert sum(run.configurations[-1].tape) == 13


def integer_attention(model, Z):
    """The literal formula in int64: sum_h V_h Z (Z^T Q_h z)."""
    V, Q, Z = (x.astype(np.int64) for x in (model.V, model.Q, Z))
    return sum(V[h] @ (Z @ (Z.T @ (Q[h] @ Z[:, -1]))) for h in range(len(V)))


@pytest.mark.parametrize("design", DESIGNS)
def test_running_sums_equal_the_literal_formula_also_in_int64(design):
    task = UniversalTuringMachine(3, 2, 5, design)
    episodes = task.episodes(3, 11, halting=0.1)
    Z = task.layout.prompt(episodes.table, episodes.tape, episodes.state, episodes.head)
    appended = execute(task.truth, Z, 40).tokens
    for i in range(len(Z)):
        context = Z[i].T
        for token in appended[i]:
            y = integer_attention(task.truth, context)
            assert np.array_equal(task.truth(context), y)
            assert np.array_equal(y, token)
            if not y.any():
                break
            context = np.column_stack([context, y])


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(2, 5), st.sampled_from(sorted(DESIGNS)), st.integers(0, 10**6))
def test_every_context_of_every_run_gets_its_true_answer(states, letters, cells, design, seed):
    task = UniversalTuringMachine(states, letters, cells, design)
    traces = task.traces(3, seed, steps=8)
    assert np.array_equal(task.truth.on(traces), traces.targets)


@pytest.mark.parametrize("design", DESIGNS)
def test_tokens_stay_small_and_sums_are_one_hot(design):
    task = UniversalTuringMachine(3, 3, 4, design)
    episodes = task.episodes(5, 2, halting=0.05)
    found = sequences(task.layout, episodes, simulate_all(episodes, 40))
    assert set(np.unique(found.tokens)) <= {-1.0, 0.0, 1.0}
    layout = task.layout
    for i in range(5):
        Z = found.tokens[found.start[i] : found.answered[i]]
        tape = (Z.T @ Z)[layout.span("P"), layout.span("A")]
        assert np.array_equal(np.sort(tape, axis=1), np.repeat([[0.0, 0.0, 1.0]], 4, axis=0))


def test_a_smaller_machine_is_padded_and_stops_in_states_it_has_not():
    task = UniversalTuringMachine(4, 3, 8)
    run = task.run(task.truth, PRESETS["parity"].machine, (1, 1, 1), 20)
    assert run.agrees
    assert run.halted
    assert run.configurations[-1].tape == (1, 1, 1, 1, 0, 0, 0, 0)


def test_a_rule_that_is_none_stops_at_once():
    task = UniversalTuringMachine(1, 2, 3)
    run = task.run(task.truth, TuringMachine("stop", ("q",), ("_", "1"), ((None, None),)), (1,), 5)
    assert run.agrees
    assert run.halted
    assert len(run.configurations) == 2
    assert run.configurations[0].tape == run.configurations[1].tape == (1, 0, 0)


def test_a_wrong_model_is_reported_not_raised():
    task = UniversalTuringMachine()
    nothing = LinearAttention(np.zeros((1, 20, 20)), np.zeros((1, 20, 20)))
    run = task.run(nothing, PRESETS["busy beaver 2"].machine, (), 20)
    assert not run.agrees
    assert not task.trial(nothing, task.episodes(5, 0), 10).exact.any()
    rng = np.random.default_rng(0)
    wild = LinearAttention(rng.normal(size=(2, 20, 20)), rng.normal(size=(2, 20, 20)))
    for rounding in (True, False):
        run = task.run(wild, PRESETS["busy beaver 2"].machine, (), 20, rounding=rounding)
        assert np.isfinite(run.tokens).all()
        assert not run.agrees


def test_a_single_wrong_sign_is_noticed():
    task = UniversalTuringMachine()
    V = task.truth.V.copy()
    V[-1][np.flatnonzero(V[-1].ravel())[0] // 20, np.flatnonzero(V[-1].ravel())[0] % 20] *= -1
    broken = LinearAttention(V, task.truth.Q)
    assert task.trial(task.truth, task.episodes(40, 0), 20).exact.all()
    assert not task.trial(broken, task.episodes(40, 0), 20).exact.all()


def test_answers_and_positions_read_in_words():
    task = UniversalTuringMachine()
    Z = task.context(PRESETS["busy beaver 2"].machine, head=1)
    assert task.decode(Z[:, -1]) == "P: - cell 0 + cell 1; Y: + cell 1"
    assert task.decode(np.zeros(20)) == "halt"
    named = [task.stage(i) for i in range(task.prompt_length + 4)]
    assert named[:4] == ["rule"] * 4
    assert named[4:8] == ["cell"] * 4
    assert named[8:10] == ["start"] * 2
    assert named[10:15] == ["read", "join", "look up the rule", "write and move", "read"]


BAD = {
    "design": (MachineError, lambda: UniversalTuringMachine(2, 2, 4, "huge")),
    "states": (MachineError, lambda: UniversalTuringMachine(0, 2, 4)),
    "letters": (MachineError, lambda: UniversalTuringMachine(2, 99, 4)),
    "one cell": (MachineError, lambda: UniversalTuringMachine(2, 2, 1)),
    "not a number": (MachineError, lambda: UniversalTuringMachine(2, 2.5, 4)),
    "too large": (TooLargeError, lambda: UniversalTuringMachine(8, 4, 64, "duo")),
    "machine too large": (MachineError, lambda: UniversalTuringMachine().context(PRESETS["palindromes"].machine)),
    "tape too long": (MachineError, lambda: UniversalTuringMachine().context(PRESETS["parity"].machine, (1,) * 5)),
    "letter": (MachineError, lambda: UniversalTuringMachine(2, 3, 4).context(PRESETS["parity"].machine, (2,))),
    "head": (MachineError, lambda: UniversalTuringMachine().context(PRESETS["parity"].machine, head=9)),
    "no machines": (ShapeError, lambda: UniversalTuringMachine().traces(0)),
    "too many machines": (ShapeError, lambda: UniversalTuringMachine().traces(10**9)),
    "steps": (MachineError, lambda: UniversalTuringMachine().traces(1, steps=0)),
    "halting": (MachineError, lambda: UniversalTuringMachine().traces(1, halting=-0.1)),
    "noise": (ShapeError, lambda: UniversalTuringMachine().traces(1, noise=-1.0)),
    "run steps": (
        MachineError,
        lambda: UniversalTuringMachine().run(UniversalTuringMachine().truth, PRESETS["parity"].machine, (), 0),
    ),
    "model of another size": (
        ShapeError,
        lambda: UniversalTuringMachine().run(UniversalTuringMachine(3, 2, 4).truth, PRESETS["parity"].machine),
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_every_fault_is_one_sentence(fault):
    error, call = BAD[fault]
    with pytest.raises(error) as caught:
        call()
    assert isinstance(caught.value, LinattnError)
    assert "wanted" in str(caught.value)
