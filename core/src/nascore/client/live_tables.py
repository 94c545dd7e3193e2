"""The calls for live tables: open, push, pull, snapshot, drop.

Not here: a worker's view of one table (``nascore.client.live_table``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

from nascore.client.connection import Connection
from nascore.client.request import request_id_or_new
from nascore.errors import DataLossError, UnauthenticatedError, UnavailableError
from nascore.record import JsonValue
from nascore.v1 import weights_pb2
from nascore.weights.live import MAX_PIECE, Applied, Share, Slot, Snapshot, Take, Terms
from nascore.weights.live.wire import (
    PULL_DATA,
    PUSH_DATA,
    checksum,
    framed,
    rule_to_message,
    slots_to_messages,
    terms_to_request,
    unframed,
)
from nascore.weights.tensor import size_of

_SERVICE = "/nascore.v1.WeightService"
TRANSFER_S = 300.0
"""Deadline of a push or pull, seconds, beside that of a call."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opened:
    """How a table was found.

    Attributes:
        version: Its version.
        is_new: Whether this call made it.
        is_blank: Whether it is all zeros, because nobody has pushed yet.
    """

    version: int
    is_new: bool
    is_blank: bool


class LiveTableCalls:
    """The calls, one by one. Thread-safe. All are tried again while the server cannot be reached, a push under one id.

    All methods raise the NascoreError that the server answered, or UnavailableError if none did.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, experiment: str, table: str, *, slots: Sequence[Slot], terms: Terms, checkpoint: str = "") -> Opened:
        """Open a table, or join the one of that name.

        Args:
            experiment: Whose.
            table: Its name.
            slots: Its tensors; none: those of the checkpoint.
            terms: How it is updated.
            checkpoint: What a new one begins with; none: zeros.

        Raises:
            ConflictError: It is open with other tensors or terms.
            ExhaustedResourceError: The server has no memory for it.
            NotFoundError: There is no such checkpoint.
        """
        request = weights_pb2.OpenTableRequest(
            experiment=experiment, table=table, tensors=slots_to_messages(slots), checkpoint=checkpoint
        )
        terms_to_request(terms, request)
        answer = self._connection.unary(f"{_SERVICE}/OpenTable", request, weights_pb2.OpenTableResponse)
        return Opened(answer.version, answer.is_new, answer.is_blank)

    def push(
        self,
        experiment: str,
        table: str,
        shares: Sequence[Share],
        *,
        worker: str,
        base_version: int,
        request_id: str | None = None,
    ) -> Applied:
        """Push an update; whatever happens on the way, it counts once or not at all.

        Args:
            experiment: Whose.
            table: Its name.
            shares: What to push.
            worker: Who pushes.
            base_version: Version that the update was computed from; 0 for none.
            request_id: The same one again gives the first one's answer.

        Raises:
            NotFoundError: There is no such table, or it is another one since ``base_version``.
            ExhaustedResourceError: The server has no memory for it at present.
        """
        first = weights_pb2.PushRequest(
            experiment=experiment,
            table=table,
            worker=worker,
            request_id=request_id_or_new(request_id),
            base_version=base_version,
            size=sum(size_of(share.data) for share in shares),
        )
        method = f"{_SERVICE}/Push"
        answer = self._tried(
            lambda: self._connection.gather(
                method, _push_frames(first, shares), weights_pb2.PushResponse, timeout_s=TRANSFER_S
            )
        )
        return Applied(answer.version, answer.lag, answer.scale)

    def pull(
        self,
        experiment: str,
        table: str,
        take: Take,
        *,
        since: int = 0,
        tensors: Sequence[int] = (),
        as_bf16: bool = False,
    ) -> int:
        """Pull tensors, all of one version, which is returned.

        Args:
            experiment: Whose.
            table: Its name.
            take: Called with each piece in order; after a break from the first one again, so what was taken counts only
                once this call has returned.
            since: Only tensors that changed after this version; 0: all.
            tensors: Only these, by index; none: all.
            as_bf16: Whether to get F32 as BF16.

        Raises:
            NotFoundError: There is no such table, or it is another one since ``since``.
            DataLossError: Bytes changed on the way, again and again.
        """
        request = weights_pb2.PullRequest(
            experiment=experiment, table=table, since=since, tensors=tensors, as_bf16=as_bf16
        )
        return self._tried(lambda: self._pulled(request, take))

    def snapshot(
        self,
        experiment: str,
        table: str,
        *,
        trial: int = 0,
        notes: Mapping[str, JsonValue] | None = None,
        name: str = "",
        request_id: str | None = None,
    ) -> Snapshot:
        """Commit a table, as it is at one moment, as a checkpoint.

        Args:
            experiment: Whose.
            table: Its name.
            trial: Number of the trial that it belongs to.
            notes: Notes of the checkpoint.
            name: A name that shall point to it.
            request_id: The same one again gives the first one's answer.
        """
        request = weights_pb2.SnapshotTableRequest(
            experiment=experiment,
            table=table,
            trial=trial,
            notes_json=json.dumps(notes) if notes else "",
            name=name,
            request_id=request_id_or_new(request_id),
        )
        answer = self._connection.unary(
            f"{_SERVICE}/SnapshotTable", request, weights_pb2.SnapshotTableResponse, extra_wait_s=TRANSFER_S
        )
        return Snapshot(answer.checkpoint, answer.version)

    def drop(self, experiment: str, table: str) -> None:
        """Forget a table; dropping what is not there is harmless."""
        request = weights_pb2.DropTableRequest(experiment=experiment, table=table)
        self._connection.unary(f"{_SERVICE}/DropTable", request, weights_pb2.DropTableResponse)

    def last_snapshot(self, experiment: str, name: str) -> str:
        """Return the checkpoint that a name points to; empty if there is no such name."""
        request = weights_pb2.ListNamesRequest(experiment=experiment)
        answer = self._connection.unary(f"{_SERVICE}/ListNames", request, weights_pb2.ListNamesResponse)
        return next((entry.checkpoint for entry in answer.names if entry.name == name), "")

    def _pulled(self, request: weights_pb2.PullRequest, take: Take) -> int:
        version = 0
        with closing(self._connection.pieces(f"{_SERVICE}/Pull", request, timeout_s=TRANSFER_S)) as answers:
            for raw in answers:
                message, data = unframed(weights_pb2.PullResponse, raw, field=PULL_DATA)
                version = message.version
                if not data:
                    continue
                if checksum(data) != message.crc32c:
                    raise DataLossError(f"Tensor {message.tensor}: bytes from {message.offset} changed on the way.")
                take(message.tensor, message.offset, data)
        return version

    def _tried(self, work: Callable[[], T]) -> T:
        """Do work that ends in one answer, again while the server cannot be reached or bytes change on the way."""
        patience = self._connection.patience()
        while True:
            sent = self._connection.headers
            try:
                return work()
            except UnauthenticatedError:
                if not self._connection.has_other_token(sent):
                    raise
            except (UnavailableError, DataLossError) as error:
                self._connection.pause(patience, error)


def _push_frames(first: weights_pb2.PushRequest, shares: Iterable[Share]) -> Iterator[bytes]:
    yield first.SerializeToString()
    for share in shares:
        data = memoryview(share.data).cast("B")
        for offset in range(0, len(data), MAX_PIECE):
            part = data[offset : offset + MAX_PIECE]
            head = weights_pb2.PushRequest(tensor=share.tensor, offset=offset, crc32c=checksum(part))
            if share.rule is not None and not offset:
                head.rule = rule_to_message(share.rule)  # type: ignore[assignment]  # the stub wants its enum
            yield framed(head, PUSH_DATA, part)
