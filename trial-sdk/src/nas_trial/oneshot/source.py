"""Sources of batches: one part of a trial's data, of which every epoch is a fresh pass.

Not here: how data are parted (``splits``), and the endless stream of batches that a search draws (``stream``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized

import torch
from nascore.errors import InvalidInputError
from torch.utils.data import DataLoader, RandomSampler, Subset

from nas_trial.oneshot.gathered import Examples
from nas_trial.oneshot.randomness import OwnGenerators


class Source(ABC):
    """One part of a trial's data.

    Attributes:
        draws: Whether making a batch runs code of the user's, which may draw random numbers.
    """

    draws = True

    @abstractmethod
    def epoch(self) -> Iterator[object]:
        """Begin a fresh pass in training; random numbers come from the shared generators."""

    @abstractmethod
    def whole(self) -> Iterable[object]:
        """Return batches of all its examples, to judge on."""

    @abstractmethod
    def count(self) -> int:
        """Return the number of batches of one pass in training."""


class GatheredSource(Source):
    """Examples in memory, shuffled anew for every epoch; what is left of an epoch is no batch, but for a single one.

    Args:
        examples: The examples.
    """

    draws = False

    def __init__(self, examples: Examples) -> None:
        self._examples = examples

    def epoch(self) -> Iterator[object]:
        """Shuffle, and begin a pass in whole batches; what is left over are other examples each time."""
        shuffled = torch.randperm(len(self._examples))
        return map(self._examples.take, torch.split(shuffled, self._size)[: self.count()])

    def whole(self) -> Iterable[object]:
        """Return all examples in order."""
        return map(self._examples.take, torch.split(torch.arange(len(self._examples)), self._size))

    def count(self) -> int:
        """Return the number of whole batches, at least one."""
        return max(1, len(self._examples) // self._size)

    @property
    def _size(self) -> int:
        return self._examples.batch_size


class LoaderSource(Source):
    """Some examples of a loader's dataset, loaded with the loader's own settings.

    Args:
        loader: The user's loader; see `can_be_parted`.
        indices: The examples.
    """

    def __init__(self, loader: DataLoader[object], indices: Sequence[int]) -> None:
        is_shuffled = isinstance(loader.sampler, RandomSampler)
        self._training = _with_dataset(loader, indices, is_shuffled=is_shuffled, drops_last=loader.drop_last)
        self._judging = _with_dataset(loader, indices, is_shuffled=False, drops_last=False)

    def epoch(self) -> Iterator[object]:
        """Begin a pass."""
        return iter(self._training)

    def whole(self) -> Iterable[object]:
        """Return a pass in order."""
        return self._judging

    def count(self) -> int:
        """Return the number of batches, at least one."""
        if not (count := len(self._training)):
            raise InvalidInputError(
                "Half of the training data is smaller than a batch, and drop_last leaves nothing of it.",
                hint="Use smaller batches.",
            )
        return count


class UserSource(Source):
    """What a method of the trial returns, called anew for every pass.

    Args:
        batches: The method.
    """

    def __init__(self, batches: Callable[[], Iterable[object]]) -> None:
        self._batches = batches
        self._count = 0

    def epoch(self) -> Iterator[object]:
        """Begin a pass."""
        return iter(self._batches())

    def whole(self) -> Iterable[object]:
        """Begin a pass."""
        return self._batches()

    def count(self) -> int:
        """Return the number of batches, for which one pass is made if it has no length."""
        if not self._count:
            with OwnGenerators(0).used():
                found = self._batches()
                self._count = len(found) if isinstance(found, Sized) else sum(1 for _ in found)
        if not self._count:
            name = getattr(self._batches, "__name__", "The method")
            raise InvalidInputError(f"{name}() yielded no batch.", hint="Return a fresh iterable each time.")
        return self._count


def can_be_parted(batches: object) -> bool:
    """Whether it is a loader of a dataset with indices, in order or shuffled: then its examples need not be held."""
    if type(batches) is not DataLoader or batches.batch_size is None:
        return False
    has_indices = hasattr(batches.dataset, "__getitem__") and hasattr(batches.dataset, "__len__")
    is_plain = type(batches.sampler) in (RandomSampler, torch.utils.data.SequentialSampler)
    draws_all = not isinstance(batches.sampler, RandomSampler) or (
        not batches.sampler.replacement and batches.sampler.num_samples == len(batches.sampler.data_source)
    )
    return has_indices and is_plain and draws_all and type(batches.batch_sampler) is torch.utils.data.BatchSampler


def _with_dataset(
    loader: DataLoader[object], indices: Sequence[int], *, is_shuffled: bool, drops_last: bool
) -> DataLoader[object]:
    return DataLoader(
        Subset(loader.dataset, indices),
        batch_size=loader.batch_size,
        shuffle=is_shuffled,
        drop_last=drops_last,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
    )
