"""Weights of a network to and from a store of checkpoints: safetensors only, nothing is ever unpickled.

Not here: the store (``nascore.weights``), or which parts of a network share weights (``nas_trial.copy_weights``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from nascore.errors import InvalidInputError
from nascore.record import JsonValue
from nascore.weights import DirectoryStore, TensorData
from torch import Tensor, nn

_DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


def save(
    state: Mapping[str, object],
    store: DirectoryStore,
    *,
    trial: int,
    parents: Sequence[str] = (),
    architecture: str = "",
    metrics: Mapping[str, float] | None = None,
    notes: Mapping[str, JsonValue] | None = None,
) -> str:
    """Store a network's ``state_dict()`` and return the id of its checkpoint.

    Args:
        state: Tensors by key, on any device.
        store: Where to keep it.
        trial: Number of the trial.
        parents: Checkpoints that it began with; what is unchanged is not stored again.
        architecture: Fingerprint of its architecture.
        metrics: The trial's metrics.
        notes: Anything worth recording.

    Raises:
        InvalidInputError: An entry is no tensor, or of a kind that safetensors does not hold; its key is named.
        ExhaustedResourceError: The disk is full.
    """
    _check_store(store)
    if not isinstance(state, Mapping):
        raise InvalidInputError(
            f"A {type(state).__name__} is given where a network's state is needed.", hint="Give model.state_dict()."
        )
    tensors = {key: to_data(value, key=key) for key, value in state.items()}
    return store.put(tensors, trial=trial, parents=parents, architecture=architecture, metrics=metrics, notes=notes)


def load(checkpoint: str, store: DirectoryStore, *, into: nn.Module, strict: bool = True) -> tuple[str, ...]:
    """Load a checkpoint into a network; its device and element types stay.

    Args:
        checkpoint: Id of the checkpoint.
        store: Where it is kept.
        into: The network.
        strict: Whether keys and shapes must match exactly; otherwise what matches is loaded.

    Returns:
        Keys that were loaded.

    Raises:
        InvalidInputError: Keys or shapes differ, and ``strict``; the first ones are named.
        NotFoundError: There is no such checkpoint.
        DataLossError: Stored bytes have changed.
    """
    _check_store(store)
    present = {key: value for key, value in into.state_dict().items() if isinstance(value, Tensor)}
    found = {entry.key: entry.shape for entry in store.manifest(checkpoint).entries}
    matching = {key for key, value in present.items() if found.get(key) == tuple(value.shape)}
    if strict and (different := sorted((present.keys() | found.keys()) - matching)):
        raise InvalidInputError(
            f"Checkpoint {checkpoint} does not fit the network: {_listing(different, present, found)}.",
            hint="Build the architecture that it was trained with, or load what fits with strict=False.",
        )
    stored = store.get(checkpoint, keys=matching)
    with torch.no_grad():
        for key in matching:
            present[key].copy_(from_data(stored[key]))
    return tuple(sorted(matching))


def to_data(value: object, *, key: str) -> TensorData:
    """Return a tensor's bytes; a view of its memory where that is contiguous on the CPU.

    Raises:
        InvalidInputError: It is no dense tensor of a known element type.
    """
    if not isinstance(value, Tensor) or value.layout is not torch.strided or value.dtype not in _NAMES:
        shown = f"{value.layout} tensor of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
        raise InvalidInputError(f"{key}: a {shown} cannot be stored; only dense tensors of plain numbers can.")
    plain = value.detach().cpu().contiguous()
    # NumPy knows no bfloat16, so every element type goes as bytes.
    data = plain.reshape(-1).view(torch.uint8).numpy().data if plain.numel() else b""
    return TensorData(_NAMES[value.dtype], tuple(value.shape), data)


def from_data(tensor: TensorData) -> Tensor:
    """Return a tensor on the CPU, in the memory of ``tensor`` where that may be written to."""
    dtype = _DTYPES[tensor.dtype]
    if not tensor.size:
        return torch.empty(tensor.shape, dtype=dtype)
    view = memoryview(tensor.data)
    return torch.frombuffer(bytearray(view) if view.readonly else view, dtype=dtype).reshape(tensor.shape)


def _check_store(store: object) -> None:
    if not isinstance(store, DirectoryStore):
        raise InvalidInputError(
            f"A {type(store).__name__} is given where a store of checkpoints is needed.",
            hint="Write nascore.weights.DirectoryStore(folder), where the folder is <experiment>/weights.",
        )


def _listing(keys: Sequence[str], present: Mapping[str, Tensor], found: Mapping[str, tuple[int, ...]]) -> str:
    shown = [f"{key} ({_difference(key, present, found)})" for key in keys[:5]]
    return ", ".join(shown) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")


def _difference(key: str, present: Mapping[str, Tensor], found: Mapping[str, tuple[int, ...]]) -> str:
    if key not in found:
        return "not in the checkpoint"
    if key not in present:
        return "not in the network"
    return f"{list(found[key])} stored, {list(present[key].shape)} in the network"
