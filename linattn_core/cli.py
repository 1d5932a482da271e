"""The command line: run a lab file or share link, and print what was learned."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated

import typer

from linattn_core.devices import settled
from linattn_core.errors import LinattnError, SpecError
from linattn_core.experiment import Experiment, experiment
from linattn_core.lab import Lab, OpenedLab
from linattn_core.outcomes.light import Light, judge
from linattn_core.outcomes.wording import answer
from linattn_core.tasks.own import Fit
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_outcome import SampledSpace, TuringOutcome, sampled_space

MAX_BYTES = 2 * 2**20
"""A lab file may not be larger; only one with the user's own sequences comes near."""

SAMPLE_HELP = "For Turing machines whose legal dimension is not known: sample it, a lower bound, in up to a minute."
HELP = "Learn linear attention from a lab file or share link, and say what is known."
app = typer.Typer(add_completion=False, no_args_is_help=True, help=HELP)
LabArgument = Annotated[str, typer.Argument(help="A lab file (.toml, .json) or the token of a share link.")]


@app.command()
def learn(
    lab: LabArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    sample: Annotated[bool, typer.Option("--sample", help=SAMPLE_HELP)] = False,
) -> None:
    """Run a lab: generate its traces, learn, certify, recover."""
    asked = _load(lab)
    _, remark = settled(asked.learner.device)
    if remark:
        typer.echo(f"linattn: {remark}", err=True)
    result = experiment(asked)
    sampled = _sampled(result) if sample else None
    found, light = summary(result, sampled), judge(result, sampled)
    if as_json:
        typer.echo(
            json.dumps({"light": _light(light), **found, "numbers": numbers(result)}, indent=2, ensure_ascii=False)
        )
        return
    typer.echo(f"light: {_printable(light.title)}")
    typer.echo(f"light, level: {light.level}")
    typer.echo(f"light, reason: {_printable(light.reason)}")
    for name, value in found.items():
        for line in value if isinstance(value, list) else [value]:
            typer.echo(f"{name}: {line}")


def _light(light: Light) -> dict[str, object]:
    return {name: getattr(light, name) for name in ("colour", "title", "level", "reason", "words", "details")}


def _printable(text: str) -> str:
    """Return a text with labels of a stranger's in it as one line that a terminal shows as it is."""
    return "".join(c if c.isprintable() else " " for c in text)


def numbers(result: Experiment) -> dict[str, object]:
    """Return what a program would want of an experiment as numbers; a number that is not finite becomes None."""
    run, family, evidence = result.run, result.family, result.evidence
    found: dict[str, float | int | None] = {
        "examples": len(result.traces),
        "features": run.certificate.feature_count,
        "rank": run.certificate.rank,
        "legal dimension": family.dimension if family is not None else None,
        "legal dimensions fixed": family.rank if family is not None else None,
        "training MSE": run.training_mse,
        "r2": run.r2,
        "largest residual": run.largest_residual,
        "largest answer": run.answer_scale,
        "largest rounding": evidence.rounding * run.answer_scale,
        "condition": run.condition,
        "condition raw": run.condition_raw,
        "rank gap": run.rank_gap,
        "dropped directions": len(run.dropped),
        "lambda_min": run.certificate.lambda_min,
    }
    if result.recovery is not None:
        found["smallest margin"] = result.recovery.narrowest.margin
    if evidence.twins is not None:
        found |= {"twin MSE": evidence.twins.twin_loss}
    return {name: value if value is None or math.isfinite(value) else None for name, value in found.items()}


@app.command()
def link(lab: LabArgument) -> None:
    """Print the share link's token of a lab."""
    typer.echo(_load(lab).to_token())


@app.command()
def show(lab: LabArgument) -> None:
    """Print a lab as TOML, to edit and to keep."""
    found = _load(lab)
    if found.turing is not None:
        for name, value in turing_sizes(found).items():
            typer.echo(f"# {name}: {value}")
    typer.echo(found.to_toml())


def turing_sizes(lab: Lab) -> dict[str, object]:
    """Say the sizes of a Turing lab, its design and what is seen in training, in a few named values."""
    build, task = lab.turing, lab.task()
    assert build is not None, "asked for Turing labs only"
    assert isinstance(task, UniversalTuringMachine)
    return {
        "machine": "".join(c if c.isprintable() else " " for c in build.machine.name),
        "sizes": f"{build.states} states, {build.letters} letters, {build.cells} cells in a circle; "
        f"{task.machine_count:,} machines",
        "design": f"{build.design}: d = {task.dim}, {task.layout.head_count} heads compiled by hand, "
        f"{task.tokens_per_step} tokens a step",
        "machines seen": f"{lab.traces.count:,} random ones, at most {lab.traces.length:,} steps each; a rule halts "
        f"with probability {build.halting:g}",
    }


def summary(result: Experiment, sampled: SampledSpace | None = None) -> dict[str, object]:
    """Say an experiment in a few named values; ``sampled`` adds the evidence where no legal dimension is known."""
    if result.turing is not None:
        return {**turing_sizes(result.lab), **turing_summary(result, result.turing, sampled)}
    run, family, recovery = result.run, result.family, result.recovery
    found: dict[str, object] = {
        "plan": run.plan.describe(),
        "training MSE": run.training_mse,
        "rank": f"{run.certificate.rank} of {run.certificate.feature_count}, tolerance {run.certificate.tolerance:g}",
        "lambda_min": run.certificate.lambda_min,
        "largest residual": run.largest_residual,
    }
    if family is not None:
        found["certificate"] = (
            f"every legal input is pinned down, whatever the answers: {family.rank} of {family.dimension} dimensions"
            if family.holds
            else f"{'open' if family.missing else 'undecided'}: {family.rank} of {family.dimension} dimensions"
        )
    found |= _certainty(result)
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
    found["seconds"] = _seconds(result)
    return found


def _certainty(result: Experiment) -> dict[str, object]:
    """Say how sure the certificate is, and show the twins where there are."""
    evidence, task = result.evidence, result.task
    said: dict[str, object] = {"certificate level": evidence.level, "certificate reason": evidence.reason}
    twins = evidence.twins
    if twins is not None:
        said["twin"] = [
            f"at {_printable(twins.words)}",
            f"learned, training MSE {twins.loss:.3g}: {_printable(answer(task, twins.learned))}",
            f"its twin, training MSE {twins.twin_loss:.3g}: {_printable(answer(task, twins.other))}",
        ]
    return said


def _fitted(fit: Fit) -> dict[str, object]:
    """Say how well own sequences were fitted."""
    seen = f"the best constant has {fit.variance:.6g} on the {fit.examples} training examples"
    if fit.held_out_mse is None:
        return {"fit": [seen, "nothing is held out"]}
    return {
        "fit": [
            seen,
            f"held-out MSE {fit.held_out_mse:.6g}, the constant {fit.held_out_variance:.6g}, {fit.held_out} examples",
            f"pinned down by the training data: {fit.certified} of {fit.held_out} held-out contexts, "
            f"undecided {fit.undecided}",
        ]
    }


def turing_summary(result: Experiment, found: TuringOutcome, sampled: SampledSpace | None) -> dict[str, object]:
    """Say what a universal Turing machine learned, what is certified, and how the lab's own machine ran."""
    run, fresh, own = result.run, found.fresh, found.learned
    steps = len(own.configurations) - 1
    said: dict[str, object] = {
        "plan": run.plan.describe(),
        "training MSE": run.training_mse,
        "rank": f"{run.certificate.rank}"
        + (f" of legal dimension {found.legal.dimension}" if found.legal else "")
        + f", tolerance {run.certificate.tolerance:g}",
        "lambda_min": run.certificate.lambda_min,
        "largest residual": run.largest_residual,
        "certificate": _certificate(result, found, sampled),
        **_certainty(result),
        "held-out machines": f"{fresh.exact} of {fresh.runs} exact, every token of at most {fresh.steps} steps",
        "held-out contexts": f"{fresh.certified} of {fresh.contexts} certified, {fresh.certified_wrong} of them "
        "answered wrongly",
        "own machine": f"{'as the plain simulator' if own.agrees else 'NOT as the plain simulator'}, {steps} steps, "
        + ("halted" if own.halted else "not halted")
        + ("; it goes round the circle of cells" if own.expected.wrapped else ""),
    }
    open_words = result.missing or ([f"in the sample, {words}" for words in sampled.found.missing] if sampled else [])
    if open_words:
        said["missing"] = list(open_words)
    said["seconds"] = _seconds(result)
    return said


def _certificate(result: Experiment, found: TuringOutcome, sampled: SampledSpace | None) -> str:
    """Return the certificate in one sentence: a theorem only where the legal dimension is known exactly and met."""
    legal, rank = found.legal, result.run.certificate.rank
    if legal is not None and legal.holds:
        return (
            f"{'a theorem' if legal.level == 'theorem' else legal.level}: rank {legal.rank} meets the legal dimension, "
            "so the traces pin down every legal context, whatever its answer; layers that answer them exactly run "
            f"every machine of this size, on every tape, for any number of steps, in exact arithmetic ({legal.source})"
        )
    if legal is not None:
        return f"open: {legal.rank} of {legal.dimension} dimensions ({legal.source})"
    if sampled is None:
        return (
            "no theorem: the legal dimension of this size is not known exactly; the certified share of held-out "
            "contexts is a test (--sample takes a lower bound)"
        )
    return (
        f"evidence, not a theorem: training rank {rank} of sampled dimension {sampled.sample.dimension}, "
        f"{sampled.found.rank} of its directions fixed ({sampled.sample.family.source}); a sample can miss directions"
    )


def _sampled(result: Experiment) -> SampledSpace | None:
    task = result.task
    if not isinstance(task, UniversalTuringMachine) or result.turing is None or result.turing.legal is not None:
        return None
    return sampled_space(result.run, task)


def _seconds(result: Experiment) -> float:
    return round(sum(v for k, v in result.seconds.items() if ":" not in k), 4)


def _load(text: str) -> Lab:
    """Read a file if there is one of that name, else a share link's token; what is gone of it is told on stderr."""
    try:
        found = _opened(text)
    except LinattnError as error:
        raise _told(error) from error
    for remark in found.remarks:
        typer.echo(f"linattn: {remark}", err=True)
    return found.lab


def _opened(text: str) -> OpenedLab:
    path = Path(text)
    if path.suffix.lower() not in (".toml", ".json"):
        return Lab.open_token(text)
    if not path.is_file():
        raise SpecError(f"The lab file {text} was not found; give a .toml or .json file, or a share link's token.")
    if path.stat().st_size > MAX_BYTES:
        raise SpecError(f"The lab file {text} is larger than {MAX_BYTES:,} bytes; a lab needs a few thousand.")
    return Lab.open_file(path.name, path.read_bytes())


def _told(error: LinattnError) -> typer.Exit:
    typer.echo(f"linattn: {error}", err=True)
    return typer.Exit(2)


def main() -> None:
    """Run the command line; a user's mistake prints one sentence and exits with status 2."""
    try:
        app(standalone_mode=True)
    except LinattnError as error:
        raise SystemExit(f"linattn: {error}") from error
