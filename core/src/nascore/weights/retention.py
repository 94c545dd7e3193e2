"""What stays and what goes: pins, releases, names that are removed, quotas. Each is one record of the log."""

from __future__ import annotations

import sqlite3

from nascore.errors import InvalidInputError, NotFoundError, StateError
from nascore.weights import catalogue
from nascore.weights.answers import Direction, MovedNameError
from nascore.weights.index import Change, Index
from nascore.weights.record_log import Record, Verb


def unname(index: Index, experiment: str, name: str, *, if_match: str) -> None:
    """See `WeightStore.unname`."""

    def work(change: Change) -> None:
        found = catalogue.found_reference(change.connection, experiment, name)
        if found is None:
            raise NotFoundError(f"Experiment {experiment!r:.80} has no name {name!r:.80}.")
        if if_match not in ("", found.etag):
            raise MovedNameError(f"{experiment}/{name} has etag {found.etag!r}, not {if_match!r}.", etag=found.etag)
        change.do(Record(Verb.UNNAME, experiment=experiment, name=name))

    index.transact(work)


def pin(index: Index, checkpoint: str, *, is_pinned: bool) -> None:
    """See `WeightStore.pin`."""

    def work(change: Change) -> None:
        _check_held(change.connection, checkpoint, "")
        change.do(Record(Verb.PIN if is_pinned else Verb.UNPIN, checkpoints=(checkpoint,)))

    index.transact(work)


def release(index: Index, checkpoint: str, *, experiment: str) -> None:
    """See `WeightStore.release`."""

    def work(change: Change) -> None:
        if not catalogue.is_held(change.connection, checkpoint, experiment) and catalogue.was_released(
            change.connection, checkpoint, experiment
        ):
            return  # Perhaps by this very call, of which the answer was lost.
        _check_held(change.connection, checkpoint, experiment)
        if names := catalogue.names_of(change.connection, checkpoint, experiment):
            raise StateError(
                f"Checkpoint {checkpoint} is named {', '.join(names[:3])}.", hint="Move or remove the name first."
            )
        if catalogue.is_pinned(change.connection, checkpoint):
            raise StateError(f"Checkpoint {checkpoint} is pinned.", hint="Unpin it first.")
        change.do(Record(Verb.RELEASE, experiment=experiment, checkpoints=(checkpoint,)))

    index.transact(work)


def keep_best(index: Index, experiment: str, metric: str, n: int, *, direction: Direction) -> tuple[str, ...]:
    """See `WeightStore.keep_best`."""
    if type(n) is not int or n < 0:
        raise InvalidInputError(f"n: {n!r:.40} is no number of checkpoints to keep.")
    is_ascending = direction is Direction.MINIMIZE

    def work(change: Change) -> tuple[str, ...]:
        found = catalogue.ranked(change.connection, experiment, metric, is_ascending=is_ascending)
        if released := tuple(found[n:]):
            change.do(Record(Verb.RELEASE, experiment=experiment, checkpoints=released))
        return released

    return index.transact(work)


def set_quota(index: Index, experiment: str, quota: int | None) -> None:
    """See `WeightStore.set_quota`."""
    catalogue.check_name(experiment, what="an experiment")
    if quota is not None and (type(quota) is not int or not 0 <= quota < 2**63):
        raise InvalidInputError(f"quota: {quota!r:.40} is no number of bytes.")
    record = Record(Verb.QUOTA, experiment=experiment, quota=-1 if quota is None else quota)
    index.transact(lambda change: change.do(record))


def _check_held(connection: sqlite3.Connection, checkpoint: str, experiment: str) -> None:
    if not catalogue.is_held(connection, checkpoint, experiment):
        where = f" in {experiment}" if experiment else ""
        raise NotFoundError(f"There is no checkpoint {checkpoint!r:.80}{where}, or it was released.")
