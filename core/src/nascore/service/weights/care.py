"""What stays in a store and what goes, as people say it: names, pins, releases, quotas, collections; and proving it.

Not here: the rules (``nascore.weights.retention``), and what workers may have given up (``retaining``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from nascore.errors import InvalidInputError, StateError
from nascore.service import checks
from nascore.service.weights import messages
from nascore.service.weights.place import Nonce
from nascore.service.weights.threads import Threads
from nascore.v1 import weights_pb2
from nascore.weights import Direction
from nascore.weights.indexed import IndexedStore


class Care:
    """Calls of those who look after a store.

    Args:
        store: The store.
        threads: Where it works.
        nonce: What callers on this machine know the store's folder by; ``None`` if it is in none.
    """

    def __init__(self, store: IndexedStore, threads: Threads, nonce: Nonce | None) -> None:
        self._store = store
        self._threads = threads
        self._nonce = nonce

    async def remove_name(self, request: weights_pb2.RemoveNameRequest) -> weights_pb2.RemoveNameResponse:
        """Remove a name."""
        experiment, name = checks.experiment(request.experiment), checks.text(request.name, "name", most=256)
        try:
            await self._threads.call(self._store.unname, experiment, name, if_match=request.if_match)
        except StateError as error:
            raise messages.with_facts(error) from None
        return weights_pb2.RemoveNameResponse()

    async def pin(self, request: weights_pb2.PinRequest) -> weights_pb2.PinResponse:
        """Keep a checkpoint from being released, or no longer."""
        checkpoint = messages.checkpoint(request.checkpoint)
        await self._threads.call(self._store.pin, checkpoint, is_pinned=request.is_pinned)
        return weights_pb2.PinResponse()

    async def release(self, request: weights_pb2.ReleaseRequest) -> weights_pb2.ReleaseResponse:
        """Give up checkpoints."""
        match request.WhichOneof("what"):
            case "checkpoint":
                checkpoint = messages.checkpoint(request.checkpoint)
                await self._threads.call(self._store.release, checkpoint, experiment=request.experiment)
                return weights_pb2.ReleaseResponse(released=[checkpoint])
            case "keep_best":
                return weights_pb2.ReleaseResponse(released=await self._kept_best(request))
            case _:
                raise InvalidInputError("what: unset.", hint="Give a checkpoint, or keep_best.")

    async def _kept_best(self, request: weights_pb2.ReleaseRequest) -> tuple[str, ...]:
        best = request.keep_best
        return await self._threads.call(
            self._store.keep_best,
            checks.experiment(request.experiment),
            checks.text(best.metric, "metric", most=1024),
            best.n,
            direction=Direction.MINIMIZE if best.is_minimized else Direction.MAXIMIZE,
        )

    async def set_quota(self, request: weights_pb2.SetQuotaRequest) -> weights_pb2.SetQuotaResponse:
        """Limit what an experiment references."""
        experiment = checks.experiment(request.experiment)
        quota = None
        if request.HasField("quota"):
            quota = checks.count(request.quota, "quota", least=0, most=2**63 - 1)
        await self._threads.call(self._store.set_quota, experiment, quota)
        return weights_pb2.SetQuotaResponse()

    async def get_usage(self, request: weights_pb2.GetUsageRequest) -> weights_pb2.GetUsageResponse:
        """Answer what an experiment uses."""
        usage = await self._threads.call(self._store.usage, checks.experiment(request.experiment))
        return weights_pb2.GetUsageResponse(used=usage.used, quota=usage.quota)

    async def collect(self, request: weights_pb2.CollectRequest) -> weights_pb2.CollectResponse:
        """Remove what no checkpoint names."""
        stale_after_s = messages.stale_after(request)
        found = await self._threads.call(self._store.collect, stale_after_s=stale_after_s)
        offers = freed = 0
        if self._nonce is not None:
            offers, freed = await self._threads.call(self._nonce.sweep, stale_after_s=stale_after_s)
        return weights_pb2.CollectResponse(
            files=found.files, stagings=found.stagings + offers, bytes=found.bytes + freed
        )

    async def verify(self, request: weights_pb2.VerifyRequest) -> AsyncGenerator[weights_pb2.VerifyResponse, None]:
        """Prove stored bytes, and say what is wrong."""
        checkpoint = messages.checkpoint(request.checkpoint) if request.checkpoint else ""
        for damage in await self._threads.call(self._store.verify, checkpoint):
            yield messages.damage_message(damage)
