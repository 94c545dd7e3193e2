"""A trial's weights as one safetensors file, which any framework opens; torch is not needed to write it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from nascore.errors import NotFoundError
from nascore.record import TrialRecord
from nascore.weights import DirectoryStore
from nascore.weights.durable import sync_folder, write_file
from nascore.weights.safetensors import file_parts


def write_weights(trial: TrialRecord, store: Path, target: Path) -> Path:
    """Write the weights that a trial has kept, and return the file; it appears whole or not at all.

    Args:
        trial: Whose weights.
        store: Folder of the store that keeps them.
        target: The file; what is there is replaced.

    Raises:
        NotFoundError: The trial has kept none, or they were released.
        DataLossError: Stored bytes have changed.
    """
    if not trial.checkpoint:
        raise NotFoundError(
            f"Trial {trial.number} has kept no weights.",
            hint="Trials keep them unless `keeps_weights = False` stands in the trial; `nascore trials` shows others.",
        )
    with closing(DirectoryStore(store)) as opened:
        tensors = opened.get(trial.checkpoint)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_file(target, file_parts(tensors))
    sync_folder(target.absolute().parent)
    return target
