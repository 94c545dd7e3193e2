"""The calls of the weight service that have one answer, with dataclasses in and out.

Not here: the bytes of tensors (``nascore.client.weights``), live tables (``nascore.client.live_tables``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing

from nascore.client.connection import Connection
from nascore.client.request import request_id_or_new, unsigned
from nascore.errors import ConflictError, DataLossError, StateError
from nascore.v1 import weights_pb2
from nascore.weights import (
    Collected,
    Committed,
    Damage,
    Direction,
    Lineage,
    Listed,
    MissingBlobsError,
    MovedNameError,
    Page,
    Reference,
    Relative,
    Usage,
)
from nascore.weights.access import Origin, Succession
from nascore.weights.contract import STALE_AFTER_S
from nascore.weights.inheritance import Wanted
from nascore.weights.manifest import MAX_MANIFEST, Manifest, read_manifest

SERVICE = "/nascore.v1.WeightService"
_LONG_S = 120.0
"""Seconds more that a commit may take: its files are flushed to a disk."""
_VERY_LONG_S = 3600.0
"""The same for what looks at the whole store."""
_STAT_AT_ONCE = 10_000


class WeightCalls:
    """What a store elsewhere does, call by call. Thread-safe; each is tried again while the server cannot be reached.

    All methods raise the NascoreError that the server answered, or UnavailableError if none did. Those that are named
    as in `nascore.weights.WeightStore` do what they do there, and raise the same.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def absent(self, blobs: Mapping[str, int]) -> dict[str, int]:
        """Return the blobs that are not in the store, and how many bytes of each an earlier upload left there.

        Args:
            blobs: Digests and sizes in bytes.
        """
        found: dict[str, int] = {}
        digests = list(blobs)
        for begin in range(0, len(digests), _STAT_AT_ONCE):
            asked = digests[begin : begin + _STAT_AT_ONCE]
            request = weights_pb2.StatBlobsRequest(
                blobs=[weights_pb2.BlobWanted(digest=digest, size=blobs[digest]) for digest in asked]
            )
            answer = self._connection.unary(
                f"{SERVICE}/StatBlobs", request, weights_pb2.StatBlobsResponse, extra_wait_s=_LONG_S
            )
            states = zip(asked, answer.blobs, strict=True)
            found |= {digest: state.offset for digest, state in states if not state.is_present}
        return found

    def committed(self, request: weights_pb2.CommitRequest) -> Committed:
        """Make a checkpoint of blobs that are there; see `WeightStore.commit`."""
        try:
            answer = self._connection.unary(
                f"{SERVICE}/Commit", request, weights_pb2.CommitResponse, extra_wait_s=_LONG_S
            )
        except StateError as error:
            raise _told_apart(error) from None
        return Committed(answer.checkpoint, answer.etag)

    def manifest(self, checkpoint: str) -> Manifest:
        """Return what a checkpoint consists of, proven by its id."""
        request = weights_pb2.GetManifestRequest(checkpoint=checkpoint)
        patience = self._connection.patience()
        while True:
            try:
                return read_manifest(self._manifest_content(request), checkpoint=checkpoint)
            except ConnectionError as error:
                self._connection.pause(patience, error)  # type: ignore[arg-type]  # ours are UnavailableError

    def _manifest_content(self, request: weights_pb2.GetManifestRequest) -> bytes:
        content = bytearray()
        timeout_s = self._connection.timeout_s + _LONG_S
        with closing(self._connection.pieces(f"{SERVICE}/GetManifest", request, timeout_s=timeout_s)) as pieces:
            for raw in pieces:
                content += weights_pb2.GetManifestResponse.FromString(raw).data
                if len(content) > MAX_MANIFEST:
                    raise DataLossError(f"The server sends a manifest of more than {MAX_MANIFEST:,} bytes.")
        return bytes(content)

    def checkpoints(self, *, experiment: str = "", trial: int | None = None, after: str = "", limit: int = 100) -> Page:
        """See `WeightStore.checkpoints`."""
        request = weights_pb2.ListCheckpointsRequest(
            experiment=experiment,
            trial=None if trial is None else unsigned(trial, "trial"),
            page_size=unsigned(limit, "limit"),
            page_token=after,
        )
        answer = self._connection.unary(f"{SERVICE}/ListCheckpoints", request, weights_pb2.ListCheckpointsResponse)
        return Page(tuple(map(_listed, answer.checkpoints)), answer.next_page_token)

    def reference(self, experiment: str, name: str) -> Reference:
        """See `WeightStore.reference`."""
        return self._references(experiment, name)[0]

    def references(self, experiment: str) -> tuple[Reference, ...]:
        """See `WeightStore.references`."""
        return self._references(experiment, "")

    def _references(self, experiment: str, name: str) -> tuple[Reference, ...]:
        request = weights_pb2.ListNamesRequest(experiment=experiment, name=name)
        answer = self._connection.unary(f"{SERVICE}/ListNames", request, weights_pb2.ListNamesResponse)
        return tuple(Reference(experiment, one.name, one.checkpoint, one.etag) for one in answer.names)

    def unname(self, experiment: str, name: str, *, if_match: str = "") -> None:
        """See `WeightStore.unname`."""
        request = weights_pb2.RemoveNameRequest(experiment=experiment, name=name, if_match=if_match)
        try:
            self._connection.unary(f"{SERVICE}/RemoveName", request, weights_pb2.RemoveNameResponse)
        except StateError as error:
            raise _told_apart(error) from None

    def lineage(self, checkpoint: str, *, depth: int = 16) -> Lineage:
        """See `WeightStore.lineage`."""
        request = weights_pb2.GetLineageRequest(checkpoint=checkpoint, depth=unsigned(depth, "depth"))
        answer = self._connection.unary(f"{SERVICE}/GetLineage", request, weights_pb2.GetLineageResponse)
        return Lineage(_relatives(answer.ancestors), _relatives(answer.descendants))

    def inherit(
        self,
        parents: Sequence[str],
        wanted: Sequence[Wanted],
        *,
        trial: int,
        experiment: str,
        rules_json: str = "",
        request_id: str | None = None,
    ) -> Succession:
        """Make a checkpoint from the tensors of earlier ones; no byte of them goes over the wire.

        Args:
            parents: 1 to 64 checkpoints; the first that has a tensor wins.
            wanted: The tensors of the new network.
            trial: The trial that the new checkpoint is for.
            experiment: Whose it is.
            rules_json: See `nascore.weights.rules`; empty for equal keys and shapes.
            request_id: The same id again gives the same answer.
        """
        request = weights_pb2.InheritRequest(
            experiment=experiment,
            parents=parents,
            tensors=[_spec(tensor) for tensor in wanted],
            rules_json=rules_json,
            trial=unsigned(trial, "trial"),
            request_id=request_id_or_new(request_id),
        )
        answer = self._connection.unary(
            f"{SERVICE}/Inherit", request, weights_pb2.InheritResponse, extra_wait_s=_LONG_S
        )
        return Succession(answer.checkpoint, tuple(Origin(one.key, one.parent, one.reason) for one in answer.tensors))

    def pin(self, checkpoint: str, *, is_pinned: bool = True) -> None:
        """See `WeightStore.pin`."""
        request = weights_pb2.PinRequest(checkpoint=checkpoint, is_pinned=is_pinned)
        self._connection.unary(f"{SERVICE}/Pin", request, weights_pb2.PinResponse)

    def release(self, checkpoint: str, *, experiment: str = "") -> None:
        """See `WeightStore.release`."""
        self._release(weights_pb2.ReleaseRequest(checkpoint=checkpoint, experiment=experiment))

    def keep_best(self, experiment: str, metric: str, n: int, *, direction: Direction) -> tuple[str, ...]:
        """See `WeightStore.keep_best`."""
        best = weights_pb2.KeepBest(metric=metric, is_minimized=direction is Direction.MINIMIZE, n=unsigned(n, "n"))
        return self._release(weights_pb2.ReleaseRequest(experiment=experiment, keep_best=best))

    def retain(self, experiment: str, best: int) -> int:
        """Give up all checkpoints of an experiment but the named, the pinned and the best; return how many.

        Which are best the server knows by the experiment's first objective, so that a worker's token allows it.

        Args:
            experiment: Full id of one that the server hosts.
            best: How many of the best stay, 1 or more.

        Raises:
            NotFoundError: The server does not host it.
            UnsupportedError: The server is older than this call.
        """
        request = weights_pb2.RetainRequest(experiment=experiment, best=unsigned(best, "best"))
        answer = self._connection.unary(f"{SERVICE}/Retain", request, weights_pb2.RetainResponse, extra_wait_s=_LONG_S)
        return answer.released

    def _release(self, request: weights_pb2.ReleaseRequest) -> tuple[str, ...]:
        answer = self._connection.unary(
            f"{SERVICE}/Release", request, weights_pb2.ReleaseResponse, extra_wait_s=_LONG_S
        )
        return tuple(answer.released)

    def set_quota(self, experiment: str, quota: int | None) -> None:
        """See `WeightStore.set_quota`."""
        limit = None if quota is None else unsigned(quota, "quota")
        request = weights_pb2.SetQuotaRequest(experiment=experiment, quota=limit)
        self._connection.unary(f"{SERVICE}/SetQuota", request, weights_pb2.SetQuotaResponse)

    def usage(self, experiment: str) -> Usage:
        """See `WeightStore.usage`."""
        request = weights_pb2.GetUsageRequest(experiment=experiment)
        answer = self._connection.unary(f"{SERVICE}/GetUsage", request, weights_pb2.GetUsageResponse)
        return Usage(answer.used, answer.quota if answer.HasField("quota") else None)

    def collect(self, *, stale_after_s: float = STALE_AFTER_S) -> Collected:
        """See `WeightStore.collect`."""
        request = weights_pb2.CollectRequest(stale_after_s=stale_after_s)
        answer = self._connection.unary(
            f"{SERVICE}/Collect", request, weights_pb2.CollectResponse, extra_wait_s=_VERY_LONG_S
        )
        return Collected(answer.files, answer.stagings, answer.bytes)

    def verify(self, checkpoint: str = "") -> tuple[Damage, ...]:
        """See `WeightStore.verify`."""
        request = weights_pb2.VerifyRequest(checkpoint=checkpoint)
        with closing(self._connection.pieces(f"{SERVICE}/Verify", request, timeout_s=_VERY_LONG_S)) as pieces:
            messages = [weights_pb2.VerifyResponse.FromString(raw) for raw in pieces]
        return tuple(Damage(one.place, one.what, tuple(one.checkpoints), one.lost) for one in messages)


def _told_apart(error: StateError) -> StateError:
    """Return the error that a store raises for what a server's error says."""
    if "missing" in error.facts:
        return MissingBlobsError(error.facts.get("digests", "").split())
    if isinstance(error, ConflictError) and "etag" in error.facts:
        return MovedNameError(error.message, etag=error.facts["etag"], hint=error.hint)
    return error


def _listed(one: weights_pb2.CheckpointSummary) -> Listed:
    metrics = {metric.name: metric.value for metric in one.metrics}
    return Listed(one.checkpoint, one.experiment, one.trial, one.size, metrics, one.is_pinned, one.committed_at)


def _relatives(messages: Iterable[weights_pb2.Relative]) -> tuple[Relative, ...]:
    return tuple(map(_relative, messages))


def _relative(one: weights_pb2.Relative) -> Relative:
    trial = one.trial if one.HasField("trial") else None
    metrics = {metric.name: metric.value for metric in one.metrics}
    return Relative(one.checkpoint, one.distance, one.is_released, trial, metrics)


def _spec(tensor: Wanted) -> weights_pb2.TensorSpec:
    return weights_pb2.TensorSpec(key=tensor.key, data_type=f"DATA_TYPE_{tensor.dtype}", shape=tensor.shape)
