"""The state of an executor as tensors alone: what is no tensor becomes JSON in a tensor of bytes.

Numbers are written such that the same are read. Not here: where the state is kept (``nas_trial.oneshot.saved``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from nascore.errors import InvalidInputError, UnsupportedError
from torch import Tensor

FORM = "form"
"""Name of the tensor of bytes."""

_PLAIN = (bool, int, float, str, type(None))


def copied(tensor: Tensor) -> Tensor:
    """A copy on the CPU, laid out as a safetensors file holds it."""
    return tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)


def packed(parts: Mapping[str, object]) -> dict[str, Tensor]:
    """Values as tensors by name, copied to the CPU.

    Raises:
        UnsupportedError: Something is neither a number, text, tensor or array nor made of such.
    """
    tensors: dict[str, Tensor] = {}
    form = {name: _written(value, name, tensors) for name, value in parts.items()}
    return tensors | {FORM: torch.frombuffer(bytearray(json.dumps(form).encode()), dtype=torch.uint8)}


def unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """What was `packed`.

    Raises:
        InvalidInputError: It was not.
    """
    try:
        form = json.loads(tensors[FORM].cpu().numpy().tobytes())
        return {name: _read(value, tensors) for name, value in form.items()}
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"This is no state of an executor: {type(error).__name__}: {error}.", hint="Give what state_dict() gave."
        ) from error


def _written(value: object, name: str, tensors: dict[str, Tensor]) -> object:
    """A value as JSON; everything but plain values and lists is a dictionary with one key that says what it is."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Tensor):
        tensors[name] = copied(value)
        return {"tensor": name}
    if isinstance(value, np.ndarray):
        return {"array": [str(value.dtype), value.tolist()]}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        listed = [_written(each, f"{name}.{index}", tensors) for index, each in enumerate(value)]
        return listed if isinstance(value, list) else {"tuple": listed}
    if isinstance(value, dict):
        pairs = ((key, each, f"{name}.{key}") for key, each in value.items())
        return {"pairs": [[_written(key, at, tensors), _written(each, at, tensors)] for key, each, at in pairs]}
    raise UnsupportedError(
        f"{name} of the optimizer or its schedule is a {type(value).__name__}, which cannot be saved.",
        hint="Use an optimizer and a schedule whose state_dict() holds numbers, texts and tensors.",
    )


def _read(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_read(each, tensors) for each in value]
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    match kind:
        case "tensor":
            return tensors[held]
        case "array":
            return np.array(held[1], dtype=held[0])
        case "tuple":
            return tuple(_read(each, tensors) for each in held)
        case "pairs":
            return {_read(key, tensors): _read(each, tensors) for key, each in held}
        case _:
            raise ValueError(f"unknown kind {kind!r}")
