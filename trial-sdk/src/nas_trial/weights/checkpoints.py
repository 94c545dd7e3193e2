"""Saving a network's state as a checkpoint, and loading one: safetensors only, nothing is ever unpickled.

Not here: the stores (``nascore.weights``), what another architecture takes (``nas_trial.weights.inheriting``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import SupportsFloat

import torch
from nascore.errors import InvalidInputError
from nascore.record import JsonValue
from nascore.weights import TensorData
from nascore.weights.access import WeightAccess
from torch import Tensor, nn

from nas_trial.weights.tensors import dtype_name, fill, from_data, to_data
from nas_trial.weights.unchanged import Mark, marks_of, unchanged

Progress = Callable[[int, int], None]
"""Takes the bytes that have arrived, and those that there are."""

_BATCH = 64 * 2**20
_CALLS = ("put", "get", "manifest")


def save(
    state: Mapping[str, object],
    store: WeightAccess,
    *,
    trial: int,
    parents: Sequence[str] = (),
    architecture: str = "",
    metrics: Mapping[str, SupportsFloat] | None = None,
    notes: Mapping[str, JsonValue] | None = None,
    experiment: str = "",
    name: str = "",
) -> str:
    """Store a network's ``state_dict()`` and return the id of its checkpoint.

    What has not changed since it was loaded, inherited or saved last is neither hashed nor stored again.

    Args:
        state: Tensors by key, on any device.
        store: Where to keep it: a folder on this machine, or a server's store.
        trial: Number of the trial.
        parents: Checkpoints that it began with.
        architecture: Fingerprint of its architecture.
        metrics: The trial's metrics; tensors of one number, and those of NumPy, are taken for what they hold.
        notes: Anything worth recording.
        experiment: Id of the experiment whose it is; left out, that for which the store was opened.
        name: A name of the experiment that shall point to it.

    Raises:
        InvalidInputError: An entry is no tensor, or of a kind that safetensors does not hold, or a metric is no finite
            number; its key is named.
        ExhaustedResourceError: The disk is full.
    """
    check_store(store)
    check_state(state)
    return put_marked(
        state,
        store,
        marks_of(state),
        trial=trial,
        parents=parents,
        architecture=architecture,
        metrics=plain_metrics(metrics or {}),
        notes=notes,
        experiment=experiment,
        name=name,
    )


def plain_metrics(metrics: Mapping[str, SupportsFloat]) -> dict[str, float]:
    """Return metrics as plain numbers; what training computes are often tensors, or numbers of NumPy.

    Raises:
        InvalidInputError: One is no finite number; it is named.
    """
    return {name: _number(value, name) for name, value in metrics.items()}


def _number(value: SupportsFloat, name: str) -> float:
    try:
        number = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # The last is torch's, for several numbers.
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInputError(f"metrics: {name!r:.80} is {value!r:.80}; only finite numbers are kept.")
    return number


def put_marked(
    state: Mapping[str, object],
    store: WeightAccess,
    marks: Mapping[str, Mark],
    *,
    trial: int,
    parents: Sequence[str] = (),
    architecture: str = "",
    metrics: Mapping[str, float] | None = None,
    notes: Mapping[str, JsonValue] | None = None,
    experiment: str = "",
    name: str = "",
) -> str:
    """Do what `save` does, for tensors that may be copies of those of which ``marks`` are."""
    tensors = {key: to_data(value, key=key) for key, value in state.items()}
    digests = unchanged().digests(marks, tensors)
    put = partial(store.put, experiment=experiment) if experiment else store.put
    checkpoint = put(
        tensors,
        trial=trial,
        parents=parents,
        architecture=architecture,
        metrics=metrics,
        notes=notes,
        name=name,
        digests=digests,
    )
    if marks:
        stored = {entry.key: entry.digest for entry in store.manifest(checkpoint).entries}
        unchanged().remember(marks, tensors, stored)
    return checkpoint


def load(
    checkpoint: str,
    store: WeightAccess,
    *,
    into: nn.Module,
    strict: bool = True,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Load a checkpoint into a network; its device and element types stay.

    To a GPU the numbers are on their way when this returns; what is computed after it on the same stream sees them.

    Args:
        checkpoint: Id of the checkpoint.
        store: Where it is kept: a folder on this machine, or a server's store.
        into: The network.
        strict: Whether keys and shapes must match exactly; otherwise what matches is loaded.
        progress: Told how many bytes of all have arrived, every 64 MiB and at the end.

    Returns:
        Keys that were loaded.

    Raises:
        InvalidInputError: Keys or shapes differ, and ``strict``; the first ones are named.
        NotFoundError: There is no such checkpoint.
        DataLossError: Stored bytes have changed.
    """
    check_store(store)
    present = tensors_of(into)
    entries = store.manifest(checkpoint).entries
    found = {entry.key: entry.shape for entry in entries}
    matching = {key for key, value in present.items() if found.get(key) == tuple(value.shape)}
    if strict and (different := sorted((present.keys() | found.keys()) - matching)):
        raise InvalidInputError(
            f"Checkpoint {checkpoint} does not fit the network: {_listing(different, present, found)}.",
            hint="Build the architecture that it was trained with, or load what fits with strict=False.",
        )
    sizes = {entry.key: entry.size for entry in entries if entry.key in matching}
    digests = {entry.key: entry.digest for entry in entries}
    done, total = 0, sum(sizes.values())
    for batch in _batches(sizes):
        stored = store.get(checkpoint, keys=batch)
        with torch.no_grad():
            for key in batch:
                fill(present[key], from_data(stored[key]))
        remember_filled({key: present[key] for key in batch}, stored, digests)
        done += sum(sizes[key] for key in batch)
        if progress is not None:
            progress(done, total)
    return tuple(sorted(matching))


def remember_filled(filled: Mapping[str, Tensor], stored: Mapping[str, TensorData], digests: Mapping[str, str]) -> None:
    """Remember that tensors now are what is stored under these digests, those that kept their element type."""
    same = {key: value for key, value in filled.items() if dtype_name(value.dtype) == stored[key].dtype}
    unchanged().remember(marks_of(same), stored, digests)


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Return the tensors in a network's state, by key; extra state of other kinds is left out."""
    return {key: value for key, value in model.state_dict().items() if isinstance(value, Tensor)}


def check_state(state: object) -> None:
    """Refuse what is no state of a network.

    Raises:
        InvalidInputError: Its type is named.
    """
    if not isinstance(state, Mapping):
        raise InvalidInputError(
            f"A {type(state).__name__} is given where a network's state is needed.", hint="Give model.state_dict()."
        )


def check_store(store: object) -> None:
    """Refuse what keeps no checkpoints.

    Raises:
        InvalidInputError: Its type is named.
    """
    if isinstance(store, type) or not all(callable(getattr(store, call, None)) for call in _CALLS):
        shown = f"the class {store.__name__}" if isinstance(store, type) else f"a {type(store).__name__}"
        raise InvalidInputError(
            f"Where a store of checkpoints is needed, {shown} is given.",
            hint="Write nascore.weights.DirectoryStore(folder), where the folder is <experiment>/weights.",
        )


def _batches(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    batch: list[str] = []
    filled = 0
    for key, size in sizes.items():
        if batch and filled + size > _BATCH:
            yield batch
            batch, filled = [], 0
        batch.append(key)
        filled += size
    if batch:
        yield batch


def _listing(keys: Sequence[str], present: Mapping[str, Tensor], found: Mapping[str, tuple[int, ...]]) -> str:
    shown = [f"{key} ({_difference(key, present, found)})" for key in keys[:5]]
    return ", ".join(shown) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")


def _difference(key: str, present: Mapping[str, Tensor], found: Mapping[str, tuple[int, ...]]) -> str:
    if key not in found:
        return "not in the checkpoint"
    if key not in present:
        return "not in the network"
    return f"{list(found[key])} stored, {list(present[key].shape)} in the network"
