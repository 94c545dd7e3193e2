"""The exporters: they run the trial file in a process of its own, where torch writes and proves the files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nascore.tuner.hooks import ExportRequest

from nas_trial_plugin.process import missing_output, run_file, run_trial_file


def export_code(request: ExportRequest) -> Sequence[Path]:
    """Writes a trial's network as a stand-alone PyTorch file, and its weights beside it.

    Args:
        request: What to export; a ``target`` that does not end in ``.py`` is a folder, and gets ``model.py``.

    Returns:
        The source file and the file of weights.

    Raises:
        TrialFileError: The trial file raised an exception, or its network cannot be exported; file and line are named.
    """
    target = _file(request.target, ".py")
    _run(request, target, form="code")
    return target, target.with_suffix(".safetensors")


def export_onnx(request: ExportRequest) -> Sequence[Path]:
    """Writes a trial's network with its weights as an ONNX file for batches of any size.

    Args:
        request: What to export; a ``target`` that does not end in ``.onnx`` is a folder, and gets ``model.onnx``.

    Returns:
        The file.

    Raises:
        TrialFileError: As for `export_code`; or the packages for ONNX are not installed.
    """
    target = _file(request.target, ".onnx")
    _run(request, target, form="onnx")
    return (target,)


def _file(target: Path, suffix: str) -> Path:
    return (target if target.suffix == suffix else target / f"model{suffix}").resolve()


def _run(request: ExportRequest, target: Path, *, form: str) -> None:
    outcome = request.trial.outcome
    document = {
        "architecture": dict(request.architecture),
        "weights": str(request.weights.resolve()),
        "checkpoint": request.checkpoint,
        "target": str(target),
        "metrics": {} if outcome is None else dict(outcome.metrics),
        "form": form,
    }
    begun = run_file(request.folder)
    with tempfile.TemporaryDirectory(prefix="nascore-export-") as name:
        file = Path(name) / "request.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        before = _changed_at(target)
        variables = {"NASCORE_TASK": "export", "NASCORE_REQUEST": str(file), **begun.variables}
        run_trial_file(request.trial_file.resolve(), variables, command=begun.command, folder=begun.folder)
    if _changed_at(target) == before:
        raise missing_output(request.trial_file)


def _changed_at(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0
