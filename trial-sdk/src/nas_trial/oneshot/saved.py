"""A search as it was saved: supernet, optimisers, schedules, generators, position in the data, and the tuner's state.

All of it is one checkpoint of the experiment's store, so a kill leaves all of it or the one before. It has a name of
its trial's; what the name no longer points to is released. Not here: when to save (``keeping``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from nascore.errors import DataLossError, NascoreError, NotFoundError
from nascore.record import Lease
from nascore.weights import OWN, DirectoryStore
from nascore.weights.access import WeightAccess
from torch import Tensor

from nas_trial.progress import write_line
from nas_trial.weights import save
from nas_trial.weights.tensors import from_data

FORMAT = 1
_PREFIX = "search/"
_EXECUTOR = "executor/"
_TUNER = f"{_PREFIX}tuner"
_FORM = f"{_PREFIX}form"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a search is.

    Attributes:
        sample: Number of the next sample.
        batches: TRAIN batches so far.
        weights: Epoch and index of the next batch that weights are trained on.
        search: Epoch and index of the next batch of the search split.
        tally: Sums of the epoch that is under way, see `nas_trial.oneshot.tally`.
    """

    sample: int = 0
    batches: int = 0
    weights: tuple[int, int] = (0, 0)
    search: tuple[int, int] = (0, 0)
    tally: Mapping[str, tuple[float, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """All that a search goes on from.

    Attributes:
        position: Where it is.
        executor: State of the executor, by name.
        tuner: State of the tuner, and how many outcomes it contains.
        costs: What was found out about costs when it began.
        unmixable: What was found out about decisions that cannot be mixed.
    """

    position: Position
    executor: Mapping[str, Tensor]
    tuner: tuple[bytes, int]
    costs: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    unmixable: Mapping[str, str] = field(default_factory=dict)


class SavedSearches:
    """The saved states of one trial's search in a store; used by one thread.

    Args:
        store: The experiment's store.
        lease: The trial's lease.
        experiment: Id of the experiment, whose they are. A state that an older version saved without one, under an
            earlier lease, is found too.
    """

    def __init__(self, store: WeightAccess, *, lease: Lease, experiment: str) -> None:
        self._store = store
        self._trial = lease.trial
        self._experiment = experiment
        # Before the first lease nothing of this trial was saved: what is there is another experiment's.
        self._places = tuple(dict.fromkeys((experiment, OWN))) if lease.epoch > 1 else (experiment,)
        self._name = f"search of trial {lease.trial}"
        self._last = ""
        self._last_of = experiment

    def put(self, search: SavedSearch) -> str:
        """Save a state in place of the one before, and return its checkpoint.

        Raises:
            ExhaustedResourceError: The disk is full; the one before stays.
        """
        before, whose = self._last, self._last_of
        self._last = save(
            _tensors(search), self._store, trial=self._trial, experiment=self._experiment, name=self._name
        )
        self._last_of = self._experiment
        if whose != self._experiment:
            self._give_up(before, experiment=whose, is_named=True)
        elif before not in ("", self._last):
            self._give_up(before, experiment=whose, is_named=False)
        return self._last

    def last(self) -> SavedSearch | None:
        """Return the state that was saved last; ``None`` if there is none, or none that can be read: the log tells."""
        try:
            self._last_of, self._last = next(self._named(), (self._experiment, ""))
            if not self._last:
                return None
            stored = self._store.get(self._last)
            # Copied to where torch allocates: optimisers keep what they are given, and sums over memory that is not
            # aligned as torch's own is are rounded otherwise.
            return _search({key: from_data(value).clone() for key, value in stored.items()})
        except NotFoundError:
            return None
        except (DataLossError, KeyError, TypeError, ValueError) as error:
            write_line(f"What was saved of the search cannot be read, so it begins anew: {error}")
            return None

    def forget(self) -> None:
        """Release what was saved: the search has ended."""
        for experiment, checkpoint in self._named():
            self._give_up(checkpoint, experiment=experiment, is_named=True)
        self._last, self._last_of = "", self._experiment

    def _named(self) -> Iterator[tuple[str, str]]:
        """Yields experiment and checkpoint of what has the name, that of this experiment first."""
        for experiment in self._places:
            try:
                found = self._store.reference(experiment, self._name)
            except NotFoundError:
                continue
            yield experiment, found.checkpoint

    def _give_up(self, checkpoint: str, *, experiment: str, is_named: bool) -> None:
        """Gives up a state that is of no use any more; if that fails it costs room and nothing else."""
        if not isinstance(self._store, DirectoryStore):
            return
        try:
            if is_named:
                self._store.unname(experiment, self._name)
            self._store.release(checkpoint, experiment=experiment)
            self._store.collect()
        except NascoreError as error:
            write_line(f"An old state of the search was not released: {error}")


def _tensors(search: SavedSearch) -> dict[str, Tensor]:
    state, seq = search.tuner
    position = search.position
    form = {
        "format": FORMAT,
        "seq": seq,
        "sample": position.sample,
        "batches": position.batches,
        "weights": position.weights,
        "search": position.search,
        "tally": position.tally,
        "costs": [[*key, cost] for key, cost in search.costs.items()],
        "unmixable": search.unmixable,
    }
    named = {_PREFIX + _EXECUTOR + name: tensor for name, tensor in search.executor.items()}
    return named | {_TUNER: _from_bytes(state), _FORM: _from_bytes(json.dumps(form).encode())}


def _search(tensors: Mapping[str, Tensor]) -> SavedSearch:
    form: Any = json.loads(_to_bytes(tensors[_FORM]))
    if form["format"] != FORMAT:
        raise ValueError(f"it has format {form['format']}, and this version reads {FORMAT}")
    first, second = form["weights"], form["search"]
    prefix = _PREFIX + _EXECUTOR
    return SavedSearch(
        Position(
            form["sample"],
            form["batches"],
            (first[0], first[1]),
            (second[0], second[1]),
            {name: (total, count) for name, (total, count) in form["tally"].items()},
        ),
        {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)},
        (_to_bytes(tensors[_TUNER]), form["seq"]),
        {(path, key, measure): cost for path, key, measure, cost in form["costs"]},
        form["unmixable"],
    )


def _from_bytes(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.empty(0, dtype=torch.uint8)


def _to_bytes(tensor: Tensor) -> bytes:
    return tensor.numpy().tobytes()
