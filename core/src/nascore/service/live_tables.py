"""The live-table half of ``WeightService``: streams of pieces to and from `nascore.weights.live`.

What waits for a table, computes, or stores, does so in a thread; the event loop only moves bytes. A push is kept until
its last piece is there and counts against the memory of live tables; a caller who says nothing for too long is let go,
so that nobody holds memory for good. Not here: the tables; who may call (``nascore.service.rules``).
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import cast

from nascore.errors import DeadlineError, InvalidInputError
from nascore.record import JsonValue
from nascore.space.strictjson import read_json
from nascore.v1 import weights_pb2
from nascore.weights.live import (
    MAX_PIECE,
    Applied,
    Reading,
    Slot,
    Snapshot,
    SnapshotStore,
    Table,
    Tables,
    new_update,
    take_snapshot,
)
from nascore.weights.live.update import Update
from nascore.weights.live.wire import (
    PULL_DATA,
    PUSH_DATA,
    checksum,
    framed,
    rule_from_message,
    slots_from_messages,
    slots_to_messages,
    terms_from_request,
    unframed,
)

IDLE_S = 60.0
"""Seconds after which a push without a new piece is given up."""

_SPECS = 5_000
_REMEMBERED = 256
_MAX_NOTES = 64 << 10


class LiveTables:
    """Servicer of the rpcs for live tables. Belongs to one event loop.

    Args:
        tables: The tables.
        store: Where tables begin and where snapshots go.
        idle_s: See ``IDLE_S``.
    """

    def __init__(self, tables: Tables, store: SnapshotStore, *, idle_s: float = IDLE_S) -> None:
        self._tables = tables
        self._store = store
        self._idle_s = idle_s
        self._snapshots: OrderedDict[tuple[str, str, str], Snapshot] = OrderedDict()

    async def open_table(self, request: weights_pb2.OpenTableRequest) -> weights_pb2.OpenTableResponse:
        """Open a table, or join it."""
        table, is_new = await asyncio.to_thread(self._opened, request)
        return weights_pb2.OpenTableResponse(version=table.version, is_new=is_new, is_blank=table.is_blank)

    async def push(self, requests: AsyncIterator[bytes]) -> weights_pb2.PushResponse:
        """Apply an update once all of it is there."""
        raw = await self._next(requests)
        if raw is None:
            raise InvalidInputError("The stream of a push is empty.", hint="Its first message names the table.")
        first, data = unframed(weights_pb2.PushRequest, raw, field=PUSH_DATA)
        table = self._tables.get(first.experiment, first.table)
        if (known := table.answer(first.request_id)) is not None:
            return _pushed(known)
        update = new_update(
            table,
            worker=first.worker,
            request_id=first.request_id,
            base_version=first.base_version,
            size=first.size,
        )
        what = f"A push to table {first.table!r:.80}"
        with self._tables.memory.held(first.experiment, first.size, what=what):
            _take(update, first, data)
            while (raw := await self._next(requests)) is not None:
                _take(update, *unframed(weights_pb2.PushRequest, raw, field=PUSH_DATA))
            update.finish()
            return _pushed(await asyncio.to_thread(table.apply, update))

    async def pull(self, request: weights_pb2.PullRequest) -> AsyncGenerator[bytes, None]:
        """Yield the tensors that changed, of one version."""
        table = self._tables.get(request.experiment, request.table)
        reading = await asyncio.to_thread(table.read, since=request.since, tensors=tuple(request.tensors))
        with reading:
            for message in _heads(reading, table.slots if not request.since else ()):
                yield message.SerializeToString()
            chunks = reading.chunks(MAX_PIECE, as_bf16=request.as_bf16)
            # Narrowing takes its time, so others get theirs; what is sent as it is only waits to be copied.
            while chunk := await asyncio.to_thread(next, chunks, None) if request.as_bf16 else next(chunks, None):
                message = weights_pb2.PullResponse(
                    version=reading.version, tensor=chunk.tensor, offset=chunk.offset, crc32c=checksum(chunk.data)
                )
                raw = framed(message, PULL_DATA, chunk.data)
                reading.check()
                yield raw

    async def snapshot_table(self, request: weights_pb2.SnapshotTableRequest) -> weights_pb2.SnapshotTableResponse:
        """Store a table as it is now."""
        key = (request.experiment, request.table, request.request_id)
        snapshot = self._snapshots.get(key) if request.request_id else None
        if snapshot is None:
            table = self._tables.get(request.experiment, request.table)
            snapshot = await asyncio.to_thread(
                take_snapshot, table, self._store, trial=request.trial, notes=_notes(request), name=request.name
            )
            self._snapshots[key] = snapshot
            if len(self._snapshots) > _REMEMBERED:
                self._snapshots.popitem(last=False)
        return weights_pb2.SnapshotTableResponse(checkpoint=snapshot.checkpoint, version=snapshot.version)

    async def drop_table(self, request: weights_pb2.DropTableRequest) -> weights_pb2.DropTableResponse:
        """Forget a table."""
        self._tables.drop(request.experiment, request.table)
        return weights_pb2.DropTableResponse()

    def _opened(self, request: weights_pb2.OpenTableRequest) -> tuple[Table, bool]:
        slots, terms = slots_from_messages(request.tensors), terms_from_request(request)
        table = self._tables.join(request.experiment, request.table, slots=slots, terms=terms)
        if table is not None:
            return table, False
        if not request.checkpoint:
            return self._tables.open(request.experiment, request.table, slots=slots, terms=terms)
        entries = self._store.manifest(request.checkpoint).entries
        slots = slots or tuple(Slot(entry.key, entry.dtype, entry.shape) for entry in entries)
        size = sum(slot.size for slot in slots)
        with self._tables.memory.held(request.experiment, size, what=f"The values of table {request.table!r:.80}"):
            values = self._store.get(request.checkpoint, keys={slot.key for slot in slots})
            return self._tables.open(
                request.experiment,
                request.table,
                slots=slots,
                terms=terms,
                values=values,
                checkpoint=request.checkpoint,
            )

    async def _next(self, requests: AsyncIterator[bytes]) -> bytes | None:
        try:
            async with asyncio.timeout(self._idle_s):
                return await anext(requests, None)
        except TimeoutError:
            raise DeadlineError(
                f"No piece of the push has come for {self._idle_s:g} s; nothing of it was applied.",
                hint="Push again.",
            ) from None


def _take(update: Update, message: weights_pb2.PushRequest, data: memoryview) -> None:
    if data:
        rule = rule_from_message(message.rule)
        update.add(message.tensor, message.offset, data, crc=message.crc32c, rule=rule)


def _pushed(applied: Applied) -> weights_pb2.PushResponse:
    return weights_pb2.PushResponse(version=applied.version, lag=applied.lag, scale=applied.scale)


def _heads(reading: Reading, slots: tuple[Slot, ...]) -> list[weights_pb2.PullResponse]:
    """Return the messages before the data: at least one, which tells the version also if nothing has changed."""
    parts = [slots[begin : begin + _SPECS] for begin in range(0, len(slots), _SPECS)] or [()]
    return [weights_pb2.PullResponse(version=reading.version, tensors=slots_to_messages(part)) for part in parts]


def _notes(request: weights_pb2.SnapshotTableRequest) -> Mapping[str, JsonValue]:
    if len(request.notes_json) > _MAX_NOTES:
        raise InvalidInputError(f"notes_json: {len(request.notes_json):,} characters; at most {_MAX_NOTES:,}.")
    notes = read_json(request.notes_json.encode() or b"{}", error=InvalidInputError)
    if not isinstance(notes, dict):
        raise InvalidInputError(f"notes_json: {json.dumps(notes)[:80]} is no object.")
    return cast("Mapping[str, JsonValue]", notes)
