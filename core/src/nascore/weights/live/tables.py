"""All live tables of a server, by experiment and name. They are memory: a server that starts again has none.

Versions of a table begin with the clock's microseconds, so that those of an earlier life of the same table, before a
restart or a drop, are known from those of this one. Thread-safe.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from nascore.errors import ConflictError, InvalidInputError, NotFoundError
from nascore.weights.live.memory import Memory
from nascore.weights.live.slots import Slot, check_slots
from nascore.weights.live.table import Table
from nascore.weights.live.terms import Rule, Terms
from nascore.weights.live.update import Update
from nascore.weights.tensor import TensorData

_MAX_NAME = 256


class Tables:
    """The tables of a server.

    Args:
        memory: What they may take.
        clock: Seconds since 1970.
    """

    def __init__(self, memory: Memory, *, clock: Callable[[], float] = time.time) -> None:
        self._memory = memory
        self._clock = clock
        self._lock = threading.Lock()
        self._tables: dict[tuple[str, str], Table] = {}
        self._highest = 0

    @property
    def memory(self) -> Memory:
        """What they may take."""
        return self._memory

    def join(self, experiment: str, name: str, *, slots: Sequence[Slot] = (), terms: Terms) -> Table | None:
        """Return the table of a name if there is one.

        Args:
            experiment: Whose.
            name: Within it.
            slots: The tensors that the caller believes it has; none: any.
            terms: The terms that the caller believes it has.

        Raises:
            ConflictError: It has others, which are named.
            InvalidInputError: A name is none.
        """
        with self._lock:
            table = self._tables.get(_key(experiment, name))
        if table is not None:
            _check_alike(table, slots, terms)
        return table

    def open(
        self,
        experiment: str,
        name: str,
        *,
        slots: Sequence[Slot],
        terms: Terms,
        values: Mapping[str, TensorData] | None = None,
        checkpoint: str = "",
    ) -> tuple[Table, bool]:
        """Return the table of a name, and whether it was made now.

        Args:
            experiment: Whose.
            name: Within it.
            slots: Its tensors.
            terms: How it is updated.
            values: What a new one begins with; ``None`` for zeros.
            checkpoint: Where ``values`` come from.

        Raises:
            ConflictError: There is one with other tensors or terms.
            ExhaustedResourceError: There is no memory for it.
            InvalidInputError: Names or tensors are not valid, or values do not fit the tensors.
        """
        key, slots = _key(experiment, name), check_slots(slots)
        if values is not None:
            _check_values(slots, values)
        with self._lock:
            if (table := self._tables.get(key)) is None:
                # Made under the lock: two who open at once must not both take the memory.
                first = max(self._highest + 1, int(self._clock() * 1e6))
                table = Table(
                    key,
                    slots,
                    terms=terms,
                    memory=self._memory,
                    first_version=first,
                    values=values,
                    checkpoint=checkpoint,
                )
                self._highest = first
                self._tables[key] = table
                return table, True
        _check_alike(table, slots, terms)
        return table, False

    def get(self, experiment: str, name: str) -> Table:
        """Return a table.

        Raises:
            NotFoundError: There is none, or no longer.
        """
        with self._lock:
            table = self._tables.get(_key(experiment, name))
        if table is None:
            raise NotFoundError(
                f"Experiment {experiment!r:.80} has no live table {name!r:.80}.",
                hint="Tables are memory: after a restart of the server open it again, from its last snapshot.",
            )
        return table

    def drop(self, experiment: str, name: str) -> None:
        """Forget a table; dropping what is not there is harmless."""
        with self._lock:
            table = self._tables.pop(_key(experiment, name), None)
            if table is not None:
                self._highest = max(self._highest, table.version)
        if table is not None:
            table.drop()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._tables)


def new_update(
    table: Table, *, worker: str, request_id: str, base_version: int, size: int, rule: Rule | None = None
) -> Update:
    """Return an update of a table that is still to be filled.

    Raises:
        InvalidInputError: A text has the wrong length, or it would be larger than the table.
    """
    for field, value, most in (("worker", worker, 256), ("request_id", request_id, 64)):
        if not 1 <= len(value) <= most:
            raise InvalidInputError(f"{field}: {len(value)} characters, 1 to {most} are needed.", hint="Set it.")
    if size > (whole := sum(slot.size for slot in table.slots)):
        raise InvalidInputError(f"size: {size:,} bytes are announced, and the whole table has {whole:,}.")
    return Update(table.slots, worker, request_id, base_version, size, table.terms.rule if rule is None else rule)


def _key(experiment: str, name: str) -> tuple[str, str]:
    for field, value in (("experiment", experiment), ("table", name)):
        if not 1 <= len(value) <= _MAX_NAME or not value.isprintable():
            raise InvalidInputError(f"{field}: {value[:60]!r} is no name of 1 to {_MAX_NAME} printable characters.")
    return experiment, name


def _check_alike(table: Table, slots: Sequence[Slot], terms: Terms) -> None:
    if table.terms != terms:
        raise ConflictError(
            f"Table {table.key[1]!r:.80} is open with {table.terms}, not with {terms}.", hint="Ask for the same."
        )
    if slots and tuple(slots) != table.slots:
        pairs = zip(slots, table.slots, strict=False)
        other = next((f"{mine} is {its} there" for mine, its in pairs if mine != its), "their number differs")
        raise ConflictError(
            f"Table {table.key[1]!r:.80} is open with other tensors: {other[:300]}.",
            hint="Workers of one table train the same network; give others another name.",
        )


def _check_values(slots: Sequence[Slot], values: Mapping[str, TensorData]) -> None:
    for slot in slots:
        found = values.get(slot.key)
        if found is None or (found.dtype, found.shape) != (slot.dtype, slot.shape):
            raise InvalidInputError(
                f"tensor {slot.key!r}: the checkpoint has no such tensor of {slot.dtype} and shape {list(slot.shape)}."
            )
