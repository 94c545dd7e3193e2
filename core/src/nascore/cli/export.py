"""``nascore export``: the best architecture, all trials, model code with an architecture in it, or weights."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import click

from nascore.cli.documents import experiment_document
from nascore.cli.failure import WrongUsageError
from nascore.cli.options import Count
from nascore.cli.runfile import read_run_file
from nascore.cli.screen import say
from nascore.cli.source import Found, Records, choose_records, server_options
from nascore.cli.suggestion import did_you_mean
from nascore.cli.tables import metric_names
from nascore.cli.verb import Verb, experiment_argument
from nascore.cli.weightsfile import write_weights
from nascore.cli.wording import metrics_of
from nascore.errors import NotFoundError
from nascore.record import TrialRecord
from nascore.record.jsonform import architecture_to_json, trial_to_json
from nascore.space import Architecture
from nascore.tuner.hooks import Exporter, ExportRequest
from nascore.tuner.plugins import EXPORTERS, Plugins

_CODE = "code"
_ONNX = "onnx"
_WORDS = {_CODE: "model code", _ONNX: "ONNX models"}
_PACKAGES = {_CODE: "nas-trial", _ONNX: "'nas-trial[onnx]'"}


@click.command("export", cls=Verb)
@experiment_argument
@click.option("--format", "form", type=click.Choice(["json", "csv"]), default="json", help="[default: json]")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File.  [default: stdout]")
@click.option("--best", "is_best", is_flag=True, help="Only the architecture of the best trial.")
@click.option("--trial", "number", type=Count(0), metavar="N", help="Only the architecture of trial N.")
@click.option("--code", type=click.Path(dir_okay=False, path_type=Path), help="Write model code to this file.")
@click.option("--onnx", type=click.Path(dir_okay=False, path_type=Path), help="Write an ONNX model to this file.")
@click.option("--weights", type=click.Path(dir_okay=False, path_type=Path), help="Write the weights to this file.")
@click.option(
    "--trial-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The trial's Python file, for --code and --onnx.  [default: the one that was run]",
)
@server_options
@click.pass_context
def command(
    context: click.Context,
    *,
    experiment: str,
    form: str,
    output: Path | None,
    is_best: bool,
    number: int | None,
    code: Path | None,
    onnx: Path | None,
    weights: Path | None,
    trial_file: Path | None,
    server: str | None,
    token_file: Path | None,
) -> None:
    """Write the best architecture, all trials, or model code.

    ID is an id, the beginning of one, a name, or `last` (the default). Without `--best` or `--trial` all trials are
    written. `--code model.py` writes a stand-alone model with the chosen architecture (the best, unless `--trial`
    says otherwise) and its weights, if they were kept; `--onnx model.onnx` writes the same as an ONNX file.
    `--weights best.safetensors` writes the weights alone, and says so if there are none.
    """
    if is_best and number is not None:
        raise WrongUsageError("--best and --trial cannot be given together.", fix="Keep one of them.")
    models = {form: target for form, target in ((_CODE, code), (_ONNX, onnx)) if target is not None}
    records = choose_records(context, server=server, token_file=token_file)
    found = records.find(experiment)
    is_one = bool(is_best or number is not None or models or weights)
    chosen = _chosen(records, found, number) if is_one else None
    if chosen is not None and (models or weights is not None):
        for name, target in models.items():
            _write_model(found, chosen, target, form=name, trial_file=trial_file)
        if weights is not None:
            click.echo(str(write_weights(chosen, found.local_folder() / "weights", weights.resolve())))
        return
    rows = found.trials if chosen is None else (chosen,)
    if form == "csv":
        text = csv_of(found, rows)
    elif chosen is None:
        text = _json_text(_everything(found))
    else:
        text = _json_text(architecture_to_json(_architecture(chosen)))
    _write(text, output)


def _chosen(records: Records, found: Found, number: int | None) -> TrialRecord:
    if number is None:
        best = records.best(found, 1)
        if not best:
            raise NotFoundError(f"No trial of {found.record.id} has succeeded, so there is no best one.")
        return best[0]
    for trial in found.trials:
        if trial.number == number:
            return trial
    raise NotFoundError(
        f"Experiment {found.record.id} has no trial {number}.",
        hint=f"It has trials 0 to {found.trials[-1].number}." if found.trials else "It has no trials yet.",
    )


def _architecture(trial: TrialRecord) -> Architecture:
    architecture = trial.architecture
    if architecture is None:
        raise NotFoundError(f"Trial {trial.number} tried a mixture of all candidates, not one architecture.")
    return architecture


def _everything(found: Found) -> dict[str, object]:
    experiment = experiment_document(found.record, is_held=found.is_held)
    return {"experiment": experiment, "trials": [trial_to_json(trial) for trial in found.trials]}


def _json_text(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def csv_of(found: Found, trials: tuple[TrialRecord, ...]) -> str:
    """Return trials as CSV: one row each; columns for metrics, and for every decision (``decision:PATH``)."""
    metrics = metric_names(trials, found.record.spec.objectives)
    paths = sorted({path for trial in trials for path in (trial.architecture or {})})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "attempt", "duration_s", "failure", *metrics, *(f"decision:{p}" for p in paths)])
    for trial in trials:
        outcome, measured = trial.outcome, metrics_of(trial)
        architecture: Architecture | dict[str, object] = trial.architecture or {}
        failure = outcome.failure.message if outcome is not None and outcome.failure is not None else ""
        writer.writerow(
            [
                trial.number,
                trial.state.value,
                trial.attempt,
                "" if outcome is None else outcome.duration_s,
                _harmless(failure),
                *(measured.get(name, "") for name in metrics),
                *(_cell(architecture.get(path, "")) for path in paths),
            ]
        )
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, tuple):
        return _harmless(json.dumps(list(value)))
    return _harmless(value) if isinstance(value, str) else value


def _harmless(text: str) -> str:
    """Keep spreadsheets from taking text for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8")
    say(f"Wrote {output}.")


def _write_model(found: Found, trial: TrialRecord, target: Path, *, form: str, trial_file: Path | None) -> None:
    folder = found.local_folder()
    exporter = _exporter(form)
    request = ExportRequest(
        folder=folder,
        trial_file=_trial_file(found, folder) if trial_file is None else trial_file.resolve(),
        architecture=_architecture(trial),
        trial=trial,
        weights=folder / "weights",
        checkpoint=trial.checkpoint,
        target=target.resolve(),
    )
    for path in exporter(request):
        click.echo(str(path))


def _trial_file(found: Found, folder: Path) -> Path:
    """Return the file that `nascore run` was given; a search that was served, or has a command, never had one."""
    if file := read_run_file(folder).trial_file:
        return Path(file)
    raise NotFoundError(
        f"Experiment {found.record.id} was not begun by `nascore run trial.py`, so its trial's file is not known here.",
        hint="Name it: `--trial-file trial.py`.",
    )


def _exporter(form: str) -> Exporter:
    plugins = Plugins(EXPORTERS)
    if form not in plugins.names():
        near = did_you_mean(form, plugins.names())
        raise NotFoundError(
            f"Writing {_WORDS[form]} comes with the package nas-trial, which is not installed here.",
            hint=f"{near} Install it: `pip install {_PACKAGES[form]}`.".strip(),
        )
    exporter: Exporter = plugins.load(form)  # type: ignore[assignment]  # Plugins checks that it can be called
    return exporter
