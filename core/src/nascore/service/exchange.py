"""One stream of ExchangeSamples: thin; it checks, translates and hands on to the engine.

Not here: whose samples they are and what the tuner is asked (``nascore.experiment.exchange``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import cast

from google.protobuf.message import DecodeError, Message

from nascore.errors import InvalidInputError, StateError
from nascore.experiment import Engine
from nascore.experiment.exchange import Opening, Saved, Seat
from nascore.record.exchange import MAX_WANT
from nascore.record.wire import (
    ASK_STATUS,
    costs_from_messages,
    derived_to_message,
    proposal_from_message,
    schedule_to_message,
    unmixable_from_messages,
)
from nascore.service import checks
from nascore.service.dispatch import Bordered
from nascore.service.drain import Drain
from nascore.service.private_door import private_door
from nascore.tuner.sealed import SealedSample, sealed_outcome
from nascore.v1 import trial_pb2, tuner_pb2

MAX_COSTS = 100_000
"""Known costs that a worker may tell."""
MAX_UNMIXABLE = 10_000
"""Decisions that may be told not to mix."""

_Request = trial_pb2.ExchangeSamplesRequest
_Response = trial_pb2.ExchangeSamplesResponse


class SampleConversation:
    """What answers the requests of one stream; an asynchronous context manager, for its seat ends with it.

    Args:
        engine: Returns the engine of an experiment.
        drain: Whether the server is going down.
        bordered: Makes an answer of bytes of one of messages.
    """

    def __init__(self, engine: Callable[[str], Engine], drain: Drain, bordered: Bordered) -> None:
        self._engine = engine
        self._drain = drain
        self._framed = bordered(self._answer_frame)
        self._turn = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._seat: Seat | None = None

    async def __aenter__(self) -> Callable[[_Request], Awaitable[_Response]]:
        return self.answer

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not isinstance(error, asyncio.CancelledError):  # The worker is there: what came as a frame is finished.
                async with self._turn:
                    pass
        finally:
            await self._stack.aclose()

    async def answer(self, request: _Request) -> _Response:
        """Answer one request."""
        async with self._turn:
            return await self._answered(request, request.WhichOneof("request"))

    async def _answer_frame(self, message: Message) -> _Response:
        request = cast("_Request", message)
        if request.WhichOneof("request") == "begin":
            raise InvalidInputError("begin: it came as a frame.", hint="Begin on a stream, where the token is seen.")
        return await self.answer(request)

    async def _answered(self, request: _Request, kind: str | None) -> _Response:
        if kind == "exchange":
            return _Response(next=await self._exchange(request.exchange))
        if kind == "begin":
            return _Response(begun=await self._begin(request.begin))
        if kind == "take_snapshot":
            return _Response(snapshot=_saved_to_message(await self._taken().save()))
        if kind == "derive":
            count = checks.count(request.derive.count, "count", most=MAX_WANT)
            found = await self._taken().derive(count)
            return _Response(derived=tuner_pb2.DeriveResponse(architectures=map(derived_to_message, found)))
        raise InvalidInputError("request: unset.", hint="Set one of the requests; a newer peer may have sent another.")

    async def _begin(self, begin: trial_pb2.BeginExchange) -> trial_pb2.ExchangeBegun:
        worker, experiment = checks.worker(begin.worker), checks.experiment(begin.experiment)
        checks.count(len(begin.costs), "costs", least=0, most=MAX_COSTS)
        checks.count(len(begin.unmixable), "unmixable", least=0, most=MAX_UNMIXABLE)
        checks.count(begin.batches_per_epoch, "batches_per_epoch", most=2**31)
        opening = _opening_of(begin)
        await self._stack.aclose()  # A second beginning on the same stream gives the first seat up.
        self._seat = None
        seat = await self._stack.enter_async_context(self._engine(experiment).samples(worker, begin.trial, begin.epoch))
        begun = await seat.begin(opening)
        self._seat = seat
        answer = trial_pb2.ExchangeBegun(schedule=schedule_to_message(begun.schedule), seed=begun.seed)
        door = await self._stack.enter_async_context(private_door(self._framed, self._drain))
        if door is not None:
            answer.frames_path, answer.frames_key = door
        return answer

    async def _exchange(self, request: trial_pb2.Samples) -> trial_pb2.NextSamples:
        seat = self._taken()
        checks.count(len(request.outcomes), "outcomes", least=0, most=MAX_WANT)
        checks.count(request.want, "want", least=0, most=MAX_WANT)
        outcomes = [(each.number, sealed_outcome(each.outcome)) for each in request.outcomes]
        following = await seat.pass_on(outcomes, request.want)
        answer = trial_pb2.NextSamples(status=ASK_STATUS.to_number(following.status))
        for sample in following.samples:
            answer.samples.add().MergeFromString(sample.data)
        return answer

    def _taken(self) -> Seat:
        if self._seat is None:
            raise StateError("The exchange has not begun.", hint="Send begin first.")
        return self._seat


def _opening_of(begin: trial_pb2.BeginExchange) -> Opening:
    opening = Opening(
        batches_per_epoch=begin.batches_per_epoch,
        costs=costs_from_messages(begin.costs),
        unmixable=unmixable_from_messages(begin.unmixable),
    )
    if not begin.HasField("snapshot"):
        if begin.next_sample:
            raise InvalidInputError(
                f"next_sample: {begin.next_sample} without a snapshot.", hint="Without one, samples begin at 0."
            )
        return opening
    try:
        kept = trial_pb2.ExchangeState.FromString(begin.snapshot.state)
    except DecodeError:
        raise InvalidInputError("snapshot: it is none of ours.", hint="Send what take_snapshot answered.") from None
    if kept.next_sample != begin.next_sample and begin.next_sample:
        raise InvalidInputError(
            f"next_sample: {begin.next_sample}, but the snapshot goes on with {kept.next_sample}.",
            hint="Begin from weights and snapshot that were saved together.",
        )
    return Opening(
        batches_per_epoch=opening.batches_per_epoch,
        costs=opening.costs,
        unmixable=opening.unmixable,
        state=kept.tuner,
        told=begin.snapshot.seq,
        next_sample=kept.next_sample,
        pending=tuple(map(_kept_sample, kept.pending)),
    )


def _kept_sample(message: tuner_pb2.Proposal) -> SealedSample:
    proposal = proposal_from_message(message)
    return SealedSample(proposal.number, message.SerializeToString(), is_recalled=False)


def _saved_to_message(saved: Saved) -> tuner_pb2.Snapshot:
    state = trial_pb2.ExchangeState(tuner=saved.state, next_sample=saved.next_sample)
    for sample in saved.pending:
        state.pending.add().MergeFromString(sample.data)
    return tuner_pb2.Snapshot(state=state.SerializeToString(), seq=saved.told)
