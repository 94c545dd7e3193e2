"""WeightService: thin; it checks, translates and hands on to a store of checkpoints, and to live tables.

The store waits for the disk in threads, never in the event loop. A stream holds a few pieces, whatever it carries.

Not here: what a checkpoint is (``nascore.weights``), the life of a stream (``sink``, ``source``), what stays and what
goes (``care``, ``retaining``), live tables (``live_tables``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from functools import partial

from nascore.errors import InvalidInputError, StateError
from nascore.record import ExperimentRecord
from nascore.service import checks
from nascore.service.live_tables import LiveTables
from nascore.service.weights import messages
from nascore.service.weights.callers_store import CallersStore
from nascore.service.weights.care import Care
from nascore.service.weights.direct_port import DirectPort
from nascore.service.weights.direct_transfer import DirectReceiver, DirectSender
from nascore.service.weights.inheritance import inherited
from nascore.service.weights.manifests import Manifests, manifest_of
from nascore.service.weights.place import Nonce
from nascore.service.weights.retaining import Retaining, unhosted
from nascore.service.weights.sink import Sink, poured
from nascore.service.weights.small_blobs import SmallBlobs
from nascore.service.weights.source import SmallSource, Source, chosen_entries, flowing
from nascore.service.weights.threads import Threads, Turnstile
from nascore.v1 import weights_pb2
from nascore.weights import DirectoryStore
from nascore.weights.indexed import IndexedStore
from nascore.weights.live import Memory, Tables, half_of_memory
from nascore.weights.piece_memory import keep_pieces
from nascore.weights.rules import rules_from_json

_MOST_UPLOADS = 64
_MOST_DOWNLOADS = 256
_TOLD_S = 1.0
"""Seconds after which a caller with a direct connection is told how far it is; then its token is looked at again."""
_WORTH_AN_OFFSET = 1 << 20
"""Bytes of a blob of which it is worth knowing how much an earlier upload left."""


class WeightServicer:
    """What workers, the SDK and people call. Belongs to one event loop.

    Args:
        store: Whose checkpoints; it stays the caller's to close.
        tables: The live tables, whose snapshots go there.
        record: Returns the record of an experiment that is hosted beside it; raises NotFoundError.

    Attributes:
        direct: Where direct connections come in; ``None``: nowhere. Set by who listens.
    """

    def __init__(
        self,
        store: IndexedStore,
        *,
        tables: Tables | None = None,
        record: Callable[[str], ExperimentRecord] = unhosted,
    ) -> None:
        keep_pieces()
        self._nonce = Nonce(store) if isinstance(store, DirectoryStore) else None
        self._store = store = CallersStore(store)
        self._threads = Threads()
        self.direct: DirectPort | None = None
        self._small = SmallBlobs()
        self._manifests = Manifests(store, self._threads)
        self._uploads = Turnstile("uploads", most=_MOST_UPLOADS)
        self._downloads = Turnstile("downloads", most=_MOST_DOWNLOADS)
        self.retain = Retaining(self._store, self._threads, record).retain
        care = Care(self._store, self._threads, self._nonce)
        self.remove_name, self.pin, self.release = care.remove_name, care.pin, care.release
        self.set_quota, self.get_usage = care.set_quota, care.get_usage
        self.collect, self.verify = care.collect, care.verify
        live = LiveTables(tables or Tables(Memory(half_of_memory())), store)
        self.open_table, self.push, self.pull = live.open_table, live.push, live.pull
        self.snapshot_table, self.drop_table = live.snapshot_table, live.drop_table

    def close(self) -> None:
        """Finish what was begun."""
        if self.direct is not None:
            self.direct.close()
        self._threads.close()
        if self._nonce is not None:
            self._nonce.close()

    async def stat_blobs(self, request: weights_pb2.StatBlobsRequest) -> weights_pb2.StatBlobsResponse:
        """Answer which blobs are here, and how much of the others."""
        checks.count(len(request.blobs), "blobs", least=0, most=messages.MAX_STAT)
        for blob in request.blobs:
            messages.digest(blob.digest, "blobs")
        return await self._threads.call(self._stat, request)

    def _stat(self, request: weights_pb2.StatBlobsRequest) -> weights_pb2.StatBlobsResponse:
        asked = {blob.digest for blob in request.blobs}
        present = self._store.present(asked) | self._small.found(self._store.visible(asked)).keys()
        states = [
            weights_pb2.BlobState(is_present=True)
            if blob.digest in present
            else weights_pb2.BlobState(offset=self._offset(blob))
            for blob in request.blobs
        ]
        return weights_pb2.StatBlobsResponse(blobs=states)

    def _offset(self, blob: weights_pb2.BlobWanted) -> int:
        if blob.size < _WORTH_AN_OFFSET:
            return 0
        with self._store.upload(blob.digest, blob.size) as upload:
            return upload.offset if upload.offset < upload.size else 0

    async def upload(self, pieces: AsyncIterator[bytes]) -> weights_pb2.UploadResponse:
        """Take pieces of blobs."""
        with self._uploads.passed():
            sink = Sink(self._store, self._small)
            await poured(pieces, sink, threads=self._threads)
            return weights_pb2.UploadResponse(blobs=sink.blobs, bytes=sink.bytes)

    async def upload_direct(
        self, request: weights_pb2.UploadDirectRequest
    ) -> AsyncGenerator[weights_pb2.UploadDirectResponse, None]:
        """Take blobs over a direct connection."""
        if self.direct is None:
            yield weights_pb2.UploadDirectResponse()
            return
        with self._uploads.passed():
            sink = Sink(self._store, self._small)
            async with self.direct.expected(DirectReceiver(sink).receive) as transfer:
                yield weights_pb2.UploadDirectResponse(
                    port=self.direct.port, ticket=transfer.ticket, proof=transfer.proof
                )
                while not await transfer.is_over(_TOLD_S):
                    yield weights_pb2.UploadDirectResponse(blobs=sink.blobs, bytes=sink.bytes)
                yield weights_pb2.UploadDirectResponse(blobs=sink.blobs, bytes=sink.bytes)

    async def commit(self, request: weights_pb2.CommitRequest) -> weights_pb2.CommitResponse:
        """Make a checkpoint."""
        checks.experiment(request.experiment)
        checks.request_id(request.request_id)
        try:
            manifest = await self._threads.call(manifest_of, self._store, request)
            digests = {entry.digest for entry in manifest.entries}
            committed = await self._threads.call(
                self._store.commit,
                manifest,
                tensors=self._small.found(digests),
                experiment=request.experiment,
                name=request.name,
                if_match=request.if_match,
                create_only=request.create_only,
                request_id=request.request_id,
            )
        except StateError as error:
            raise messages.with_facts(error) from None
        self._small.forget(digests)
        return weights_pb2.CommitResponse(checkpoint=committed.checkpoint, etag=committed.etag)

    async def get_manifest(
        self, request: weights_pb2.GetManifestRequest
    ) -> AsyncGenerator[weights_pb2.GetManifestResponse, None]:
        """Send a manifest."""
        checkpoint = request.checkpoint
        if bool(checkpoint) == bool(request.name):
            raise InvalidInputError("checkpoint, or experiment and name: one of the two is needed.", hint="Give one.")
        if request.name:
            experiment = checks.experiment(request.experiment)
            checkpoint = (await self._threads.call(self._store.reference, experiment, request.name)).checkpoint
        async with aclosing(self._manifests.sent(messages.checkpoint(checkpoint))) as answers:
            async for answer in answers:
                yield answer

    async def list_checkpoints(
        self, request: weights_pb2.ListCheckpointsRequest
    ) -> weights_pb2.ListCheckpointsResponse:
        """Answer with a page of checkpoints."""
        page = await self._threads.call(
            self._store.checkpoints,
            experiment=request.experiment,
            trial=messages.trial(request.trial) if request.HasField("trial") else None,
            after=request.page_token,
            limit=checks.count(request.page_size, "page_size", least=0, most=checks.MAX_PAGE) or checks.DEFAULT_PAGE,
        )
        return messages.page_message(page)

    async def get_lineage(self, request: weights_pb2.GetLineageRequest) -> weights_pb2.GetLineageResponse:
        """Answer with ancestors and descendants."""
        checkpoint, depth = messages.checkpoint(request.checkpoint), messages.depth(request.depth)
        return messages.lineage_message(await self._threads.call(self._store.lineage, checkpoint, depth=depth))

    async def download(self, request: weights_pb2.DownloadRequest) -> AsyncGenerator[bytes, None]:
        """Send blobs of a checkpoint."""
        messages.checkpoint(request.checkpoint)
        with self._downloads.passed():
            source = await self._threads.call(self._source, request)
            async with aclosing(flowing(source, threads=self._threads)) as pieces:
                async for piece in pieces:
                    yield piece

    async def download_direct(
        self, request: weights_pb2.DownloadDirectRequest
    ) -> AsyncGenerator[weights_pb2.DownloadDirectResponse, None]:
        """Send blobs of a checkpoint over a direct connection."""
        if self.direct is None:
            yield weights_pb2.DownloadDirectResponse()
            return
        messages.checkpoint(request.download.checkpoint)
        with self._downloads.passed():
            sender = await self._threads.call(self._sender, request.download)
            async with self.direct.expected(sender.send) as transfer:
                yield weights_pb2.DownloadDirectResponse(
                    port=self.direct.port, ticket=transfer.ticket, proof=transfer.proof
                )
                while not await transfer.is_over(_TOLD_S):
                    yield weights_pb2.DownloadDirectResponse(bytes=sender.bytes)
                yield weights_pb2.DownloadDirectResponse(bytes=sender.bytes)

    def _sender(self, request: weights_pb2.DownloadRequest) -> DirectSender:
        request.takes_small = True
        entries = chosen_entries(self._store.manifest(request.checkpoint).entries, request)
        small = SmallSource(self._store, request.checkpoint)
        offset = request.resume_offset if request.resume_digest else 0
        return DirectSender(self._store, entries, small=small, offset=offset)

    def _source(self, request: weights_pb2.DownloadRequest) -> Source:
        entries = chosen_entries(self._store.manifest(request.checkpoint).entries, request)
        small = SmallSource(self._store, request.checkpoint) if request.takes_small else None
        return Source(self._store, entries, small=small, offset=request.resume_offset if request.resume_digest else 0)

    async def inherit(self, request: weights_pb2.InheritRequest) -> weights_pb2.InheritResponse:
        """Make a checkpoint from earlier ones."""
        checks.count(len(request.parents), "parents", most=messages.MAX_PARENTS)
        work = partial(
            inherited,
            self._store,
            [messages.checkpoint(parent, "parents") for parent in request.parents],
            messages.wanted(request.tensors),
            rules=rules_from_json(request.rules_json).store,
            trial=messages.trial(request.trial),
            experiment=checks.experiment(request.experiment),
            request_id=checks.request_id(request.request_id),
        )
        try:
            made = await self._threads.call(work)
        except StateError as error:
            raise messages.with_facts(error) from None
        rows = [weights_pb2.Inherited(key=one.key, parent=one.parent, reason=one.reason) for one in made.origins]
        return weights_pb2.InheritResponse(checkpoint=made.checkpoint, tensors=rows)

    async def list_names(self, request: weights_pb2.ListNamesRequest) -> weights_pb2.ListNamesResponse:
        """Answer with the names of an experiment, or with one."""
        experiment = checks.experiment(request.experiment)
        if request.name:
            return messages.names_message([await self._threads.call(self._store.reference, experiment, request.name)])
        return messages.names_message(await self._threads.call(self._store.references, experiment))

    async def get_place(self, request: weights_pb2.GetPlaceRequest) -> weights_pb2.GetPlaceResponse:
        """Answer where the bytes lie; with nothing if they do not lie in a folder."""
        if self._nonce is None:
            return weights_pb2.GetPlaceResponse()
        return await self._threads.call(self._nonce.told)
