"""A tuner's state as bytes: JSON, with arrays as base64 of their little-endian doubles."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from nas_enas.policy import Parameters


def to_bytes(state: Mapping[str, object]) -> bytes:
    """Return plain values and dictionaries of arrays as bytes; equal states give equal bytes."""
    return json.dumps(state, default=_array, sort_keys=True, separators=(",", ":")).encode()


def from_bytes(data: bytes) -> dict[str, Any]:
    """Return what `to_bytes` was given.

    Raises:
        ValueError: It is none of ours.
    """
    return cast("dict[str, Any]", json.loads(data, object_hook=_read))


def copy_into(parameters: Parameters, stored: Mapping[str, Any]) -> None:
    """Put stored arrays in the place of a policy's own.

    Raises:
        ValueError: They belong to another space or to other settings.
    """
    if parameters.keys() != stored.keys() or any(parameters[name].shape != stored[name].shape for name in parameters):
        raise ValueError("The saved state belongs to another space or to other settings.")
    for name, value in stored.items():
        parameters[name] = value


def _array(value: object) -> dict[str, object]:
    if isinstance(value, np.ndarray):
        data = base64.b64encode(np.ascontiguousarray(value, dtype="<f8").tobytes()).decode()
        return {"shape": list(value.shape), "f8": data}
    raise TypeError(f"{type(value).__name__} cannot be saved.")


def _read(data: dict[str, Any]) -> Any:
    if data.keys() == {"shape", "f8"}:
        return np.frombuffer(base64.b64decode(data["f8"]), dtype="<f8").reshape(data["shape"]).copy()
    return data
