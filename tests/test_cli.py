"""The command line says what the library found, and answers a mistake with one sentence."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linattn_core.cli import app
from linattn_core.devices import choices
from linattn_core.experiment import experiment
from linattn_core.lab import Lab, LearnerSpec, TraceSpec, TuringBuild
from linattn_core.machines.turing import TuringMachine
from linattn_core.machines.turing_presets import turing_presets

run = CliRunner().invoke
KEPT = Path(__file__).resolve().parent / "fixtures" / "kept"


def test_a_lab_file_and_its_link_tell_the_same(tmp_path):
    lab = Lab.default()
    (tmp_path / "lab.toml").write_text(lab.to_toml(), encoding="utf-8")
    (tmp_path / "lab.json").write_text(lab.to_json(), encoding="utf-8")
    told = [
        json.loads(run(app, ["learn", source, "--json"]).stdout)
        for source in (str(tmp_path / "lab.toml"), str(tmp_path / "lab.json"), lab.to_token())
    ]
    for found in told:
        found.pop("seconds")
        found.pop("plan")
    assert told[0] == told[1] == told[2]
    assert told[0]["training MSE"] == experiment(lab).run.training_mse
    assert told[0]["recovered automaton"] == "equivalent"


def test_links_and_files_convert_into_each_other(tmp_path):
    lab = Lab.default()
    shown = run(app, ["show", lab.to_token()]).stdout
    assert Lab.from_toml(shown) == lab
    (tmp_path / "lab.toml").write_text(shown, encoding="utf-8")
    assert run(app, ["link", str(tmp_path / "lab.toml")]).stdout.strip() == lab.to_token()


def test_what_is_missing_is_told_in_words():
    lab = Lab.default()
    pair = (lab.machine.states[0], lab.machine.alphabet[0])
    broken = lab.replace(traces=lab.traces.replace(withheld=(pair,)))
    told = run(app, ["learn", broken.to_token()]).stdout
    assert f"missing: no trace visits state {pair[0]} on letter {pair[1]}" in told


@pytest.mark.parametrize("name", ["sequences_scaled.toml", "sequences_scaled.json", "sequences_scaled.token"])
def test_what_is_gone_of_an_old_lab_is_told_beside_what_is_printed(name):
    path = KEPT / name
    done = run(app, ["show", path.read_text().strip() if name.endswith("token") else str(path)])
    assert done.exit_code == 0
    assert "nothing needs to be scaled" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "scaled" not in done.stdout
    assert Lab.from_toml(done.stdout).build.name == "pressure.csv"


def test_the_light_is_told_with_its_level_and_reason_and_numbers_are_numbers():
    lab = Lab.default()
    told = told_of(lab)
    assert told["light"]["colour"] == "green"
    assert told["light"]["level"] == told["certificate level"] == "theorem"
    assert told["light"]["reason"] == told["certificate reason"]
    result = experiment(lab)
    assert told["numbers"]["rank"] == result.run.certificate.rank == 8
    assert told["numbers"]["largest residual"] == result.run.largest_residual
    assert all(value is None or isinstance(value, int | float) for value in told["numbers"].values())
    broken = lab.replace(traces=lab.traces.replace(withheld=(("q1", "b"),)))
    told = told_of(broken)
    assert (told["light"]["colour"], told["light"]["details"]) == ("amber", told["missing"])
    assert told["twin"][0] == "at state q1 on letter b"
    lines = run(app, ["learn", broken.to_token()]).stdout.splitlines()
    assert lines[0] == "light: Amber: 1 direction not determined"
    assert lines[1].startswith("light, level: ")
    assert lines[2].startswith("light, reason: ")


@pytest.mark.slow
def test_noise_makes_no_theorem_of_a_turing_lab():
    told = told_of(Lab.default_turing().replace(traces=TraceSpec(count=100, length=10, noise=1e-3)))
    assert told["light"]["colour"] == "blue"
    assert "every minimiser runs" not in told["certificate"]
    assert "whatever its answer" in told["certificate"]


@pytest.mark.skipif("cuda" in choices(), reason="this machine has a CUDA device")
def test_a_lab_that_asks_for_a_device_that_is_not_here_is_computed_on_the_cpu_and_says_so():
    lab = Lab.default().replace(learner=LearnerSpec(device="cuda"))
    done = run(app, ["learn", lab.to_token(), "--json"])
    assert done.exit_code == 0
    assert done.stderr.count("\n") == 1
    assert "'cuda'" in done.stderr
    assert "on the CPU" in done.stderr
    assert json.loads(done.stdout)["light"]["colour"] == "green"
    assert experiment(lab).lab.learner.device == "cuda"


def turing_lab(cells: int, machines: int) -> Lab:
    machine = turing_presets()["busy beaver 2"].machine
    return Lab(build=TuringBuild(machine=machine, cells=cells), traces=TraceSpec(count=machines, length=10))


def told_of(lab: Lab, *options: str) -> dict[str, object]:
    done = run(app, ["learn", lab.to_token(), "--json", *options])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_classroom_turing_machine_is_told_as_a_theorem():
    told = told_of(Lab.default_turing())
    assert told["sizes"] == "2 states, 2 letters, 4 cells in a circle; 20,736 machines"
    assert told["design"].startswith("slim: d = 20, 6 heads")
    assert told["machines seen"].startswith("100 random ones, at most 10 steps each")
    assert told["rank"].startswith("856 of legal dimension 856")
    assert told["certificate"].startswith("a theorem: rank 856 meets the legal dimension")
    assert told["held-out machines"].startswith("200 of 200 exact")
    assert told["held-out contexts"].endswith("certified, 0 of them answered wrongly")
    assert told["own machine"] == "as the plain simulator, 6 steps, halted"
    assert "missing" not in told


@pytest.mark.slow
def test_what_a_turing_lab_leaves_open_is_told_in_words():
    told = told_of(turing_lab(4, 40))
    assert told["certificate"].startswith("open: ")
    assert all(line.startswith("the traces leave open step ") for line in told["missing"])
    lines = run(app, ["learn", turing_lab(4, 40).to_token()]).stdout.splitlines()
    assert sum(line.startswith("missing: ") for line in lines) == len(told["missing"])


@pytest.mark.slow
def test_a_size_of_unknown_dimension_is_never_told_as_a_theorem():
    """One letter: the bound from above is not met by the contexts there are, so no dimension is known exactly."""
    machine = TuringMachine("to and fro", ("A", "B"), ("0",), (((1, 0, 1),), ((0, 0, 0),)))
    build = TuringBuild(machine=machine, letters=1, cells=3, halting=0.2)
    lab = Lab(build=build, traces=TraceSpec(count=500, length=20))
    plain, sampled = told_of(lab), told_of(lab, "--sample")
    assert plain["certificate"].startswith("no theorem: ")
    assert "legal dimension" not in plain["rank"]
    assert sampled["certificate"].startswith("evidence, not a theorem: training rank 266 of sampled dimension 266")
    assert "sampled: a lower bound on the legal dimension" in sampled["certificate"]


def test_a_turing_lab_is_shown_with_its_sizes_and_reads_back():
    odd = TuringMachine("\x1b[31m<script>\n# x = 1", ("A",), ("0", "1"), (((0, 1, 1), None),))
    for lab in (Lab.default_turing(), Lab(build=TuringBuild(machine=odd), traces=TraceSpec(count=5, length=3))):
        shown = run(app, ["show", lab.to_token()]).stdout
        assert Lab.from_toml(shown) == lab
        assert "# sizes: 2 states, 2 letters, 4 cells in a circle; 20,736 machines" in shown
        assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("gone.toml", None, "not found"),
        ("cut.toml", "build = [", "TOML"),
        ("cut.json", "{", "JSON"),
        ("large.json", " " * 5_000_000, "larger than"),
        ("not-a-link", None, "link"),
    ],
)
def test_a_mistake_gets_one_sentence_and_status_2(tmp_path, name, text, sentence):
    source = tmp_path / name if "." in name else name
    if text is not None:
        source.write_text(text, encoding="utf-8")
    done = run(app, ["learn", str(source)])
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
