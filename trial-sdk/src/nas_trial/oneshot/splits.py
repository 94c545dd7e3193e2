"""Which examples a one-shot search trains on, which it judges by, and which only its report ever sees.

Of the training data one half trains weights (TRAIN), the other, the *search* split, answers GRADIENT and SCORE. Of the
validation data one half chooses among networks, the other, the *test* split, is what the trust report shows.

The metrics of the test split stand in the outcome of every EVALUATE trial of a one-shot experiment beside those of
validation, under the name ``"test "`` + the metric's name: ``"test accuracy"``. `TEST_PREFIX` is that name's beginning;
the trust report reads ``TEST_PREFIX + objective.metric``.

Halves are the same in every process and in every attempt: they depend on the examples alone. A trial may define them
itself by ``search_batches()`` and ``test_batches()``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

import torch
from nascore.errors import InvalidInputError
from torch.utils.data import DataLoader

from nas_trial.oneshot.gathered import gather
from nas_trial.oneshot.randomness import OwnGenerators
from nas_trial.oneshot.source import GatheredSource, LoaderSource, Source, UserSource, can_be_parted
from nas_trial.trial import Trial

_SEED = 0x6E61732073706C69  # Of every split there is; what matters is only that it never changes.


@dataclass(frozen=True, slots=True)
class Halves:
    """Two parts of data that share no example."""

    first: Source
    second: Source


def training_halves(trial: Trial) -> Halves:
    """Return what weights are trained on, and the search split.

    Raises:
        UnsupportedError: The training data cannot be split; the trial must define ``search_batches()``.
        InvalidInputError: There are too few of them.
    """
    return _halves(
        trial.train_batches,
        trial.search_batches if _defines(trial, "search_batches") else None,
        remedy="search_batches",
    )


def validation_halves(trial: Trial) -> Halves:
    """Return what networks are chosen by, and the test split.

    Raises:
        UnsupportedError: The validation data cannot be split; the trial must define ``test_batches()``.
        InvalidInputError: There are too few of them.
    """
    return _halves(
        trial.validation_batches,
        trial.test_batches if _defines(trial, "test_batches") else None,
        remedy="test_batches",
    )


def _halves(
    batches: Callable[[], Iterable[object]], others: Callable[[], Iterable[object]] | None, *, remedy: str
) -> Halves:
    if others is not None:
        return Halves(UserSource(batches), UserSource(others))
    # Transforms and orders that are drawn at random come out alike in every process.
    with OwnGenerators(_SEED).used():
        found = batches()
        if can_be_parted(found):
            loader = cast("DataLoader[object]", found)
            order = torch.randperm(len(loader.dataset)).tolist()  # type: ignore[arg-type]  # it has a length, as can_be_parted says
            middle = _middle(len(order), batches)
            # Sorted, so that a loader which does not shuffle reads its files in their order.
            return Halves(LoaderSource(loader, sorted(order[:middle])), LoaderSource(loader, sorted(order[middle:])))
        examples = gather(found, source=batches.__name__, remedy=remedy)
    middle = _middle(len(examples), batches)
    places = torch.arange(len(examples))
    return Halves(GatheredSource(examples.part(places[:middle])), GatheredSource(examples.part(places[middle:])))


def _middle(count: int, batches: Callable[[], Iterable[object]]) -> int:
    if count < 2:
        raise InvalidInputError(
            f"{batches.__name__}() yields {count} examples in an epoch, too few to be split in two.",
            hint="Give more of them, or define the other part's batches in the trial.",
        )
    return (count + 1) // 2


def _defines(trial: Trial, method: str) -> bool:
    return getattr(type(trial), method) is not getattr(Trial, method)
