"""The command line: run a lab file or share link, and print what was learned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from linattn_core.errors import LinattnError, SpecError
from linattn_core.experiment import Experiment, experiment
from linattn_core.lab import Lab
from linattn_core.tasks.own import Fit

MAX_BYTES = 4 * 2**20
"""A lab file may not be larger; only one with the user's own sequences comes near."""

HELP = "Learn linear attention from a lab file or share link, and say what is known."
app = typer.Typer(add_completion=False, no_args_is_help=True, help=HELP)
LabArgument = Annotated[str, typer.Argument(help="A lab file (.toml, .json) or the token of a share link.")]


@app.command()
def learn(lab: LabArgument, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Run a lab: generate its traces, learn, certify, recover."""
    found = summary(experiment(_load(lab)))
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for name, value in found.items():
        for line in value if isinstance(value, list) else [value]:
            typer.echo(f"{name}: {line}")


@app.command()
def link(lab: LabArgument) -> None:
    """Print the share link's token of a lab."""
    typer.echo(_load(lab).to_token())


@app.command()
def show(lab: LabArgument) -> None:
    """Print a lab as TOML, to edit and to keep."""
    typer.echo(_load(lab).to_toml())


def summary(result: Experiment) -> dict[str, object]:
    """Say an experiment in a few named values."""
    run, family, recovery = result.run, result.family, result.recovery
    found: dict[str, object] = {
        "plan": run.plan.describe(),
        "training MSE": run.training_mse,
        "rank": f"{run.certificate.rank} of {run.certificate.feature_count}, tolerance {run.certificate.tolerance:g}",
        "lambda_min": run.certificate.lambda_min,
    }
    if family is not None:
        found["certificate"] = (
            f"every legal input is pinned down: {family.rank} of {family.dimension} dimensions"
            if family.holds
            else f"open: {family.rank} of {family.dimension} dimensions"
        )
    if result.missing:
        found["missing"] = list(result.missing)
    if recovery is not None:
        found["recovered automaton"] = "equivalent" if recovery.equivalent else f"differs on {recovery.counterexample}"
    if result.retrieval is not None:
        asked, keys = result.retrieval, len(result.retrieval.keys)
        found["retrieved"] = [
            f"{asked.memory}, mean overlap of its keys {asked.mean_overlap:.3f}",
            f"by the plain associative memory {asked.plain_right.sum()} of {keys}",
            f"by the learned layer {asked.learned_right.sum()} of {keys}",
        ]
    if result.fit is not None:
        found |= _fitted(result.fit)
    found["seconds"] = round(sum(v for k, v in result.seconds.items() if ":" not in k), 4)
    return found


def _fitted(fit: Fit) -> dict[str, object]:
    """Say how well own sequences were fitted."""
    seen = f"the best constant has {fit.variance:.6g} on the {fit.examples} training examples"
    if fit.held_out_mse is None:
        return {"fit": [seen, "nothing is held out"]}
    return {
        "fit": [
            seen,
            f"held-out MSE {fit.held_out_mse:.6g}, the constant {fit.held_out_variance:.6g}, {fit.held_out} examples",
            f"pinned down by the training data: {fit.certified} of {fit.held_out} held-out contexts",
        ]
    }


def _load(text: str) -> Lab:
    """Read a file if there is one of that name, else a share link's token."""
    try:
        path = Path(text)
        if path.suffix not in (".toml", ".json"):
            return Lab.from_token(text)
        if not path.is_file():
            raise SpecError(f"The lab file {text} was not found; give a .toml or .json file, or a share link's token.")
        if path.stat().st_size > MAX_BYTES:
            raise SpecError(f"The lab file {text} is larger than {MAX_BYTES:,} bytes; a lab needs a few thousand.")
        return Lab.from_toml(path.read_bytes()) if path.suffix == ".toml" else Lab.from_json(path.read_bytes())
    except LinattnError as error:
        raise _told(error) from error


def _told(error: LinattnError) -> typer.Exit:
    typer.echo(f"linattn: {error}", err=True)
    return typer.Exit(2)


def main() -> None:
    """Run the command line; a user's mistake prints one sentence and exits with status 2."""
    try:
        app(standalone_mode=True)
    except LinattnError as error:
        raise SystemExit(f"linattn: {error}") from error
