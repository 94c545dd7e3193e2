"""The task of a helper process: export one trial of an experiment, with its weights, and prove the result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from nascore.errors import InvalidInputError
from nascore.weights import DirectoryStore
from safetensors.torch import save_file
from torch import nn

from nas_trial import weights as weights_of
from nas_trial.build import build
from nas_trial.export.document import Source, write_source
from nas_trial.export.failure import ExportError
from nas_trial.export.onnx_file import write_onnx
from nas_trial.export.verify import recorded_inputs, verify
from nas_trial.progress import write_line
from nas_trial.trial import Trial


@dataclass(frozen=True, slots=True)
class ExportTask:
    """What is asked for.

    Attributes:
        architecture: What is decided, by path.
        weights: Folder of the store with the trial's weights.
        checkpoint: Id of the checkpoint; empty for a network without trained weights.
        target: The file to write; the weights go beside it, as ``<stem>.safetensors``.
        metrics: What the trial reported.
        form: ``code``, or ``onnx`` for an ONNX file alone.
    """

    architecture: Mapping[str, object]
    weights: Path
    checkpoint: str
    target: Path
    metrics: Mapping[str, float]
    form: str = "code"

    @classmethod
    def read(cls, file: Path) -> ExportTask:
        """Reads a request, a JSON dictionary with these names.

        Raises:
            InvalidInputError: The file is no such dictionary; what is missing is named.
        """
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            return cls(
                architecture={
                    path: tuple(value) if isinstance(value, list) else value
                    for path, value in dict(document["architecture"]).items()
                },
                weights=Path(document["weights"]),
                checkpoint=str(document["checkpoint"] or ""),
                target=Path(document["target"]),
                metrics={name: float(value) for name, value in dict(document.get("metrics") or {}).items()},
                form=str(document.get("form", "code")),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidInputError(
                f"The export request {file} cannot be read: {type(error).__name__}: {error}"
            ) from None


def run_export(trial: Trial, request: str | Path) -> tuple[Path, ...]:
    """Writes a trial's network as source and its weights beside it, or as ONNX, proves them, and says where they are.

    The files appear under their names only once they are proved. A source that fails is kept as ``<name>.rejected``.

    Args:
        trial: The trial whose code is exported.
        request: The request, see `ExportTask`.

    Returns:
        The source file and the file of weights; or the ONNX file.

    Raises:
        ExportError: The network cannot be exported, or the result is not right.
        NotFoundError: There is no such checkpoint.
        InvalidInputError: The request is not valid, or the checkpoint does not fit the architecture.
    """
    task = ExportTask.read(Path(request))
    model = build(trial.build, task.architecture)
    if task.checkpoint:
        with closing(DirectoryStore(task.weights)) as store:
            weights_of.load(task.checkpoint, store, into=model)
    if task.form == "onnx":
        return (_export_onnx(trial, model, task),)
    target, weights = task.target, task.target.with_suffix(".safetensors")
    source = write_source(trial, task.architecture, weights_file=weights.name, metrics=task.metrics)
    target.parent.mkdir(parents=True, exist_ok=True)
    new_source, new_weights = target.with_name(f"{target.stem}.new.py"), weights.with_name(f"{weights.name}.new")
    new_source.write_text(source.text, encoding="utf-8")
    save_file({key: value.detach().clone().contiguous() for key, value in model.state_dict().items()}, new_weights)
    _prove(trial, model, source, files=(new_source, new_weights), rejected=target.with_name(f"{target.name}.rejected"))
    new_weights.chmod(new_source.stat().st_mode)  # safetensors gives it to the owner only
    new_weights.replace(weights)
    new_source.replace(target)
    _say(target, weights, task, source)
    return target, weights


def _export_onnx(trial: Trial, model: nn.Module, task: ExportTask) -> Path:
    inputs = recorded_inputs(trial, model)
    if inputs is None:
        raise ExportError(
            f"What the network of {type(trial).__name__} takes is not known: its validation does not call it with "
            "tensors.",
            hint="Let validation_step call the model, or use nas.export_onnx(model, example_input, path).",
        )
    write_onnx(model, inputs.inputs, inputs.options, path=task.target)
    trained = "" if task.checkpoint else " (not trained: the trial has no checkpoint)"
    write_line(f"{task.target}: the network as ONNX{trained}, {task.target.stat().st_size:,} bytes")
    return task.target


def _prove(trial: Trial, model: nn.Module, source: Source, *, files: tuple[Path, Path], rejected: Path) -> None:
    new_source, new_weights = files
    try:
        inputs = recorded_inputs(trial, model)
        verify(new_source, new_weights, class_name=source.class_name, model=model, inputs=inputs)
    except ExportError as error:
        new_source.replace(rejected)
        new_weights.unlink()
        message = error.message.replace(str(new_source), str(rejected))
        raise ExportError(message, hint=f"{error.hint} The rejected file is {rejected}.".strip()) from error


def _say(target: Path, weights: Path, task: ExportTask, source: Source) -> None:
    state = "" if task.checkpoint else " (not trained: the trial has no checkpoint)"
    write_line(f"{target}: the network as plain PyTorch, {target.stat().st_size:,} bytes")
    write_line(f"{weights}: its weights{state}")
    if source.without_validation:
        write_line(f"The trial's validation is not included: {source.without_validation}")
