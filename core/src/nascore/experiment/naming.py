"""Finding an experiment by what people type: its id, the beginning of it, its name, or "last"."""

from __future__ import annotations

from collections.abc import Sequence

from nascore.errors import NotFoundError
from nascore.record import ExperimentRecord
from nascore.space.nearest import nearest

LAST = "last"


def found(records: Sequence[ExperimentRecord], identifier: str) -> ExperimentRecord:
    """Return the experiment that is meant.

    Args:
        records: All experiments, newest first.
        identifier: An id, a unique beginning of one, a name, or "last" for the newest.

    Raises:
        NotFoundError: None is meant, or several are; those that may have been meant are named.
    """
    if identifier == LAST and records:
        return records[0]
    for matches in (
        [record for record in records if record.id == identifier],
        [record for record in records if record.spec.name == identifier],
        [record for record in records if identifier and record.id.startswith(identifier)],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            ids = ", ".join(record.id for record in matches)
            raise NotFoundError(f"{identifier!r} means several experiments: {ids}.", hint="Name one by its id.")
    raise NotFoundError(f"There is no experiment {identifier!r:.80}.", hint=_hint(records, identifier))


def newest_first(records: Sequence[ExperimentRecord]) -> tuple[ExperimentRecord, ...]:
    """Return experiments in the order in which people read them."""
    return tuple(sorted(records, key=lambda record: record.created_at, reverse=True))


def _hint(records: Sequence[ExperimentRecord], identifier: str) -> str:
    if not records:
        return "There are none yet."
    known = [name for record in records for name in (record.id, record.spec.name) if name]
    close = nearest(identifier, known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"The newest is {records[0].id}; `nascore ls` shows all."
