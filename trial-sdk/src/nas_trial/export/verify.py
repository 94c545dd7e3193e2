"""Proof that a generated file is right: in a process without the SDK it loads the weights and gives the same outputs.

The inputs are those that the trial's own validation step gives the network for its first batch.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nas_trial.export import standalone
from nas_trial.export.failure import ExportError
from nas_trial.trial import Trial

TOLERANCE = 1e-5
"""Largest difference of outputs, relative to the largest output where that is above 1."""

_DEADLINE_S = 600


@dataclass(frozen=True, slots=True)
class Inputs:
    """One call of a network: its arguments by position and by name."""

    inputs: tuple[object, ...]
    options: Mapping[str, object]


def verify(file: Path, weights: Path, *, class_name: str, model: nn.Module, inputs: Inputs | None) -> None:
    """Proves a generated file against the network that the SDK built.

    Args:
        file: The generated file.
        weights: The weights, as safetensors.
        class_name: Name of the network's class in the file.
        model: The network that the SDK built, on the CPU, with the same weights.
        inputs: What to call both with; ``None`` proves only that the weights load.

    Raises:
        ExportError: The file cannot be run without the SDK, does not take the weights, or gives other outputs.
    """
    with tempfile.TemporaryDirectory(prefix="nascore-export-") as name:
        folder = Path(name)
        _write_inputs(folder, inputs)
        _run(file, weights, class_name, folder)
        if inputs is None:
            return
        expected = _outputs(model, inputs)
        _compare(expected, load_file(folder / "outputs.safetensors"))


def recorded_inputs(trial: Trial, model: nn.Module) -> Inputs | None:
    """The first call of the network in the trial's validation step; ``None`` if it is never called as a function.

    Args:
        trial: The trial; its first validation batch is used.
        model: The network, on the CPU.
    """
    calls: list[Inputs] = []

    def note(_module: nn.Module, inputs: tuple[object, ...], options: dict[str, object]) -> None:
        calls.append(Inputs(inputs, options))

    batch = next(iter(trial.validation_batches()), None)
    if batch is None:
        return None
    hook = model.register_forward_pre_hook(note, with_kwargs=True)
    try:
        with torch.no_grad():
            trial.validation_step(model.eval(), batch)
    finally:
        hook.remove()
    return calls[0] if calls and _is_plain((calls[0].inputs, calls[0].options)) else None


def _write_inputs(folder: Path, inputs: Inputs | None) -> None:
    tensors: dict[str, Tensor] = {}
    document = None
    if inputs is not None:
        document = {"inputs": _described(inputs.inputs, tensors), "options": _described(dict(inputs.options), tensors)}
    (folder / "inputs.json").write_text(json.dumps(document), encoding="utf-8")
    save_file(tensors, folder / "inputs.safetensors")


def _described(part: object, tensors: dict[str, Tensor]) -> dict[str, object]:
    if isinstance(part, Tensor):
        tensors[str(len(tensors))] = part.detach().cpu().contiguous().clone()
        return {"tensor": str(len(tensors) - 1)}
    if isinstance(part, dict):
        return {"dict": {key: _described(value, tensors) for key, value in part.items()}}
    if isinstance(part, list | tuple):
        return {"list" if isinstance(part, list) else "tuple": [_described(value, tensors) for value in part]}
    return {"value": part}


def _is_plain(part: object) -> bool:
    if isinstance(part, dict):
        return all(isinstance(key, str) and _is_plain(value) for key, value in part.items())
    if type(part) in {list, tuple} and isinstance(part, list | tuple):
        return all(_is_plain(value) for value in part)
    return part is None or isinstance(part, Tensor | bool | int | float | str)


def _run(file: Path, weights: Path, class_name: str, folder: Path) -> None:
    # It leaves nothing beside the file, which lies in the user's folder.
    command = [sys.executable, "-B", str(Path(standalone.__file__)), str(file), str(weights), class_name, str(folder)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    if finished.returncode != 0:
        last = "\n".join(finished.stderr.strip().splitlines()[-6:])
        raise ExportError(
            f"The generated file {file} does not work on its own:\n{last}",
            hint="It is kept. Does the network use something that its class does not show, such as a patched method?",
        )


def _outputs(model: nn.Module, inputs: Inputs) -> dict[str, Tensor]:
    torch.manual_seed(0)
    with torch.no_grad():
        return standalone.flattened(model.eval()(*inputs.inputs, **inputs.options))


def _compare(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    if expected.keys() != found.keys():
        raise ExportError(f"The generated network gives the outputs {sorted(found)}, not {sorted(expected)}.")
    for name, value in expected.items():
        if value.shape != found[name].shape:
            raise ExportError(f"{name}: shape {list(found[name].shape)} instead of {list(value.shape)}.")
        if not value.numel():
            continue
        scale = max(1.0, float(value.double().abs().max()))
        difference = float((value.double() - found[name].double()).abs().max())
        if not difference <= TOLERANCE * scale:
            raise ExportError(
                f"{name}: the generated network differs by {difference:.3g} (allowed: {TOLERANCE * scale:.3g}).",
                hint="Does forward depend on something outside of the network, such as a global counter or the clock?",
            )
