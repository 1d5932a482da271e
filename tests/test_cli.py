"""The command line says what the library found, and answers a mistake with one sentence."""

import json

import pytest
from typer.testing import CliRunner

from linattn_core.cli import app
from linattn_core.experiment import experiment
from linattn_core.lab import Lab

run = CliRunner().invoke


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


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("gone.toml", None, "not found"),
        ("cut.toml", "build = [", "TOML"),
        ("cut.json", "{", "JSON"),
        ("large.json", " " * 3_000_000, "larger than"),
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
