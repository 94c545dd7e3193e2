"""A script, run by its path in a process of its own: loads a generated file without the SDK and computes its outputs.

Arguments: the generated file, its weights, the class's name, and a folder with ``inputs.json`` and
``inputs.safetensors``; writes ``outputs.safetensors`` there. It imports nothing of nascore, and lets nothing import it.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


class NoSdk:
    """An import hook that refuses the SDK."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Refuses, or leaves the search to others."""
        if name.partition(".")[0] in {"nas_trial", "nascore"}:
            raise ImportError(f"a stand-alone file must not import {name}")
        return None


def module_of(file: Path, *, name: str = "exported_model") -> ModuleType:
    """The generated file as an imported module of a name."""
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def restored(part: object, tensors: Mapping[str, Tensor]) -> object:
    """A value that `nas_trial.export.verify` wrote as JSON, with tensors by their keys."""
    assert isinstance(part, dict)
    ((kind, value),) = part.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "dict":
        return {key: restored(item, tensors) for key, item in value.items()}
    if kind in {"list", "tuple"}:
        items = [restored(item, tensors) for item in value]
        return items if kind == "list" else tuple(items)
    return value


def flattened(part: object, key: str = "output") -> dict[str, Tensor]:
    """All tensors in an output, by their places."""
    if isinstance(part, Tensor):
        return {key: part.detach().cpu().contiguous().clone()}
    if isinstance(part, Mapping):
        items = list(part.items())
    else:
        items = list(enumerate(part)) if isinstance(part, list | tuple) else []
    found: dict[str, Tensor] = {}
    for name, value in items:
        found |= flattened(value, f"{key}.{name}")
    return found


def main(file: Path, weights: Path, class_name: str, folder: Path) -> None:
    """Loads the network strictly, runs it once, and writes its outputs."""
    torch.set_num_threads(1)
    model = module_of(file).load(weights)
    assert isinstance(model, nn.Module)
    assert type(model).__name__ == class_name
    document = json.loads((folder / "inputs.json").read_text(encoding="utf-8"))
    tensors = load_file(folder / "inputs.safetensors")
    if document is None:
        return
    inputs, options = restored(document["inputs"], tensors), restored(document["options"], tensors)
    assert isinstance(inputs, tuple)
    assert isinstance(options, dict)
    torch.manual_seed(0)
    with torch.no_grad():
        outputs = model(*inputs, **options)
    save_file(flattened(outputs), folder / "outputs.safetensors")


if __name__ == "__main__":
    sys.meta_path.insert(0, NoSdk())
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
