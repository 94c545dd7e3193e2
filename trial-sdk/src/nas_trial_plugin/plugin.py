"""What the trial SDK adds to ``nascore``: the command ``space`` and the exporter ``code``.

Both run the user's trial file in a process of its own, where torch and the SDK are imported; this module is read by the
command line, which stays fast.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
from nascore.space import SearchSpace
from nascore.tuner.hooks import ExportRequest, hookimpl

from nas_trial_plugin.process import missing_output, run_file, run_trial_file
from nas_trial_plugin.showing import shown

NASCORE_PLUGIN_API = 1


@click.command("space")
@click.argument("trial_file", metavar="TRIAL.PY", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the space as JSON.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the space as JSON to a file."
)
def space_command(trial_file: Path, as_json: bool, output: Path | None) -> None:
    """Show the search space of a trial file: its decisions and how many architectures there are."""
    space = read_space(trial_file)
    if output is not None:
        output.write_text(f"{space.to_json()}\n", encoding="utf-8")
        click.echo(f"{output}: {len(space.decisions)} decisions, {space.size()} architectures", err=True)
    if as_json:
        click.echo(space.to_json())
    elif output is None:
        click.echo(shown(space))


def read_space(trial_file: Path) -> SearchSpace:
    """The search space of a trial file, which is run in a process of its own.

    Raises:
        NotFoundError: There is no such file.
        TrialFileError: The file raised an exception, or does not call ``nas.run``; file and line are named.
    """
    with tempfile.TemporaryDirectory(prefix="nascore-space-") as folder:
        output = Path(folder) / "space.json"
        run_trial_file(trial_file, {"NASCORE_TASK": "space", "NASCORE_OUTPUT": str(output)})
        if not output.exists():
            raise missing_output(trial_file)
        return SearchSpace.from_json(output.read_text(encoding="utf-8"))


def export_code(request: ExportRequest) -> Sequence[Path]:
    """Writes a trial's network as a stand-alone PyTorch file, and its weights beside it.

    Args:
        request: What to export; a ``target`` that does not end in ``.py`` is a folder, and gets ``model.py``.

    Returns:
        The source file and the file of weights.

    Raises:
        TrialFileError: The trial file raised an exception, or its network cannot be exported; file and line are named.
    """
    target = request.target if request.target.suffix == ".py" else request.target / "model.py"
    target = target.resolve()
    outcome = request.trial.outcome
    document = {
        "architecture": dict(request.architecture),
        "weights": str(request.weights.resolve()),
        "checkpoint": request.checkpoint,
        "target": str(target),
        "metrics": {} if outcome is None else dict(outcome.metrics),
    }
    command, folder = run_file(request.folder)
    with tempfile.TemporaryDirectory(prefix="nascore-export-") as name:
        file = Path(name) / "request.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        before = _changed_at(target)
        variables = {"NASCORE_TASK": "export", "NASCORE_REQUEST": str(file)}
        run_trial_file(request.trial_file.resolve(), variables, command=command, folder=folder)
    if _changed_at(target) == before:
        raise missing_output(request.trial_file)
    return target, target.with_suffix(".safetensors")


@hookimpl
def nascore_commands() -> Mapping[str, click.Command]:
    """See `nascore.tuner.hooks`."""
    return {"space": space_command}


@hookimpl
def nascore_exporters() -> Mapping[str, Callable[[ExportRequest], Sequence[Path]]]:
    """See `nascore.tuner.hooks`."""
    return {"code": export_code}


def _changed_at(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0
