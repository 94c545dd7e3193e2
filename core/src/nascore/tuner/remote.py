"""A tuner behind a socket: the session's calls as gRPC calls, each with a deadline, each answer checked.

Any ``TunerService`` will do, in whatever language. A tuner that answers with what it may not is a `TunerCrashedError`,
so is one that fails with INTERNAL or UNKNOWN.

Not here: starting it (``process``), and starting it again (``supervision``).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import uuid
from collections.abc import Mapping, Sequence

import grpc

from nascore.errors import NascoreError, StateError, UnsupportedError
from nascore.record import Asked, Derived, JsonValue, Report, Told, Verdict
from nascore.record.wire import VERDICT, derived_from_message, report_to_message, told_to_message
from nascore.space import MixtureRules, SearchSpace
from nascore.tuner.answers import check_proposal, mixing_of
from nascore.tuner.batches import MAX_BATCH_BYTES, batches
from nascore.tuner.calls import TunerCalls
from nascore.tuner.contract import Determinism, Setup
from nascore.tuner.limits import HostLimits
from nascore.tuner.sample_calls import SampleCalls, why_not_answered
from nascore.tuner.sealed import SampleGate, SealedAnswer, SealedTold
from nascore.tuner.session import PROTOCOL_VERSION, Answer, Description
from nascore.tuner.wire import (
    answer_from_message,
    asking_to_message,
    description_from_message,
    opening_to_message,
)
from nascore.v1 import tuner_pb2


class RemoteTuner:
    """Keeps the promises of `TunerSession` for a tuner behind a socket. Unsupervised: its death is the caller's affair.

    Args:
        target: Where it serves, as gRPC names it (``unix:/path``, ``host:port``).
        token: Sent with every call; empty for none.
        limits: Deadlines.
        credentials: TLS; ``None`` for none.
    """

    def __init__(
        self,
        target: str,
        *,
        token: str = "",
        limits: HostLimits | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self._limits = limits or HostLimits()
        self._calls = TunerCalls(target, token=token, limits=self._limits, credentials=credentials)
        self._session = uuid.uuid4().hex
        self._description: Description | None = None
        self._space: SearchSpace | None = None
        self._mixing: MixtureRules | None = None
        self._samples: SampleCalls | None = None
        self._told_through = 0

    @property
    def label(self) -> str:
        """Name and version, as far as they are known."""
        return self._calls.label

    async def describe(self) -> Description:
        """Return who the tuner is; asked for once.

        Raises:
            UnsupportedError: If it speaks another version of the protocol.
        """
        if self._description is None:
            request = tuner_pb2.DescribeRequest()
            response = await self._calls.call(
                request, tuner_pb2.DescribeResponse, timeout_s=self._limits.open_timeout_s
            )
            self._description = self._calls.decoded("Describe", lambda: description_from_message(response))
            self._calls.meet(self._description)
            _check_protocol(self._description)
        return self._description

    async def open(
        self, setup: Setup, settings: Mapping[str, JsonValue], *, state: bytes | None = None, state_seq: int = 0
    ) -> None:
        """Open the session, or open it anew."""
        await self.describe()
        request = opening_to_message(self._session, setup, settings=settings, state=state, state_seq=state_seq)
        response = await self._calls.call(request, tuner_pb2.OpenResponse, timeout_s=self._limits.open_timeout_s)
        if response.cannot_tune:
            raise UnsupportedError(response.cannot_tune)
        self._space, self._told_through, self._mixing = setup.space, state_seq, mixing_of(setup)
        self._samples = None if self._mixing is None else self._sample_calls(setup.space, self._mixing)

    async def ask(
        self, first_number: int, seeds: Sequence[int], *, outcomes: Sequence[Told] = (), told_through: int = 0
    ) -> Answer:
        """Tell the outcomes, then ask for one proposal a seed."""
        space = self._opened()
        request = asking_to_message(
            self._session, first_number, seeds=seeds, outcomes=outcomes, told_through=told_through
        )
        if len(outcomes) > 1 and request.ByteSize() > MAX_BATCH_BYTES:
            await self.tell(outcomes[:-1], after_seq=self._told_through)
            return await self.ask(first_number, seeds, outcomes=outcomes[-1:], told_through=told_through)
        response = await self._calls.ask(tuner_pb2.StreamAsksRequest(ask=request))
        answer = self._calls.decoded("Ask", lambda: answer_from_message(response))
        self._check(answer, first_number, wanted=len(seeds), space=space)
        self._told_through = max(self._told_through, told_through)
        return answer

    async def exchange(
        self, first_number: int, seeds: Sequence[int], *, told: Sequence[SealedTold], told_through: int
    ) -> SealedAnswer:
        """Tell what came of samples, then ask for one sample a seed; see `SampleSession.exchange`."""
        if self._samples is None:
            raise StateError("The session is not open for samples.", hint="Open it in the mode one-shot.")
        answer = await self._samples.exchange(first_number, seeds, told=told, told_through=told_through)
        self._told_through = max(self._told_through, told_through)
        return answer

    async def tell(self, outcomes: Sequence[Told], *, after_seq: int) -> None:
        """Tell outcomes that follow on ``after_seq``, in as many calls as their size needs."""
        messages = [told_to_message(told) for told in outcomes]
        request = tuner_pb2.TellRequest(session=self._session, outcomes=messages, after_seq=after_seq)
        if len(outcomes) > 1 and request.ByteSize() > MAX_BATCH_BYTES:
            half = len(outcomes) // 2
            await self.tell(outcomes[:half], after_seq=after_seq)
            await self.tell(outcomes[half:], after_seq=outcomes[half - 1].seq)
            return
        await self._calls.call(request, tuner_pb2.TellResponse, timeout_s=self._limits.tell_timeout_s)
        self._told_through = max((self._told_through, *(told.seq for told in outcomes)))

    async def replay(self, events: Sequence[Asked | Told]) -> tuple[int, ...]:
        """Bring the tuner up to date with logged events, in batches; one without Replay by its other calls."""
        diverged: list[int] = []
        sent: asyncio.Task[Sequence[int]] | None = None
        try:
            for batch, messages in batches(events):  # The next batch is made while the tuner works on this one.
                if sent is not None:
                    diverged.extend(await sent)
                sent = asyncio.create_task(self._replayed(batch, messages))
                await asyncio.sleep(0)  # Lets it go out.
            if sent is not None:
                diverged.extend(await sent)
        finally:
            if sent is not None:
                sent.cancel()
        return tuple(diverged)

    async def _replayed(
        self, batch: Sequence[Asked | Told], messages: Sequence[tuner_pb2.LoggedEvent]
    ) -> Sequence[int]:
        request = tuner_pb2.ReplayRequest(session=self._session, events=messages)
        try:
            response = await self._calls.call(
                request, tuner_pb2.ReplayResponse, timeout_s=self._limits.replay_timeout_s
            )
        except UnsupportedError:
            return await self._repeat(batch)
        self._told_through = max(self._told_through, response.told_through)
        return response.diverged

    async def _repeat(self, events: Sequence[Asked | Told]) -> list[int]:
        is_asked_again = (await self.describe()).determinism in (Determinism.REPLAY, Determinism.SNAPSHOT)
        diverged = []
        for is_telling, run in itertools.groupby(events, lambda event: isinstance(event, Told)):
            if is_telling:
                await self.tell([event for event in run if isinstance(event, Told)], after_seq=self._told_through)
                continue
            for asked in (event for event in run if isinstance(event, Asked) and is_asked_again):
                number = asked.proposal.number
                answer = await self.ask(number, (asked.seed,), told_through=self._told_through)
                if answer.proposals != (asked.proposal,):
                    diverged.append(number)
        return diverged

    async def review(self, reports: Sequence[Report]) -> tuple[Verdict, ...]:
        """Return one verdict a report; a tuner that does not review lets every trial continue."""
        if not (await self.describe()).can_review:
            return (Verdict.CONTINUE,) * len(reports)
        messages = [report_to_message(report) for report in reports]
        request = tuner_pb2.ReviewRequest(session=self._session, reports=messages)
        response = await self._calls.call(request, tuner_pb2.ReviewResponse, timeout_s=self._limits.ask_timeout_s)
        if len(response.verdicts) != len(reports):
            raise self._calls.broken("Review", f"{len(response.verdicts)} verdicts for {len(reports)} reports")
        return self._calls.decoded(
            "Review", lambda: tuple(VERDICT.from_number(number, "review: verdicts") for number in response.verdicts)
        )

    async def derive(self, count: int) -> tuple[Derived, ...]:
        """Return up to ``count`` final architectures, best first."""
        space = self._opened()
        if not (await self.describe()).can_derive:
            raise UnsupportedError(f"{self.label} derives no architectures of its own.")
        request = tuner_pb2.DeriveRequest(session=self._session, count=count)
        response = await self._calls.call(request, tuner_pb2.DeriveResponse, timeout_s=self._limits.ask_timeout_s)
        found = self._calls.decoded("Derive", lambda: tuple(map(derived_from_message, response.architectures)))
        self._calls.decoded("Derive", lambda: _check_derived(found, space))
        return found[:count]

    async def snapshot(self) -> tuple[bytes, int] | None:
        """Return the tuner's state and the seq it covers, or ``None``."""
        if not (await self.describe()).can_snapshot:
            return None
        request = tuner_pb2.SnapshotRequest(session=self._session)
        response = await self._calls.call(request, tuner_pb2.SnapshotResponse, timeout_s=self._limits.open_timeout_s)
        return response.snapshot.state, response.snapshot.seq

    async def close(self) -> None:
        """End the session and the connection."""
        if self._space is not None:
            self._space = None
            request = tuner_pb2.CloseRequest(session=self._session)
            # A tuner that is gone already is what was wanted.
            with contextlib.suppress(NascoreError):
                await self._calls.call(request, tuner_pb2.CloseResponse, timeout_s=self._limits.stop_grace_s)
        await self._calls.close()

    async def disconnect(self) -> None:
        """Drop the connection without a word; for a process that is dead or does not answer."""
        await self._calls.close()

    def _check(self, answer: Answer, first_number: int, *, wanted: int, space: SearchSpace) -> None:
        if fault := why_not_answered(len(answer.proposals), answer.status, wanted=wanted):
            raise self._calls.broken("Ask", fault)
        for number, proposal in enumerate(answer.proposals, first_number):
            check_proposal(proposal, number, space=space, label=self.label, mixing=self._mixing)

    def _sample_calls(self, space: SearchSpace, mixing: MixtureRules) -> SampleCalls:
        return SampleCalls(
            self._calls,
            self._session,
            gate=SampleGate(space, mixing),
            limits=self._limits,
            can_recall=self._description is not None and self._description.can_recall,
        )

    def _opened(self) -> SearchSpace:
        if self._space is None:
            raise StateError("The session is not open.", hint="Call open first.")
        return self._space


def _check_derived(found: Sequence[Derived], space: SearchSpace) -> None:
    for derived in found:
        space.check(derived.architecture)


def _check_protocol(description: Description) -> None:
    if not description.min_protocol <= PROTOCOL_VERSION <= description.max_protocol:
        raise UnsupportedError(
            f"Tuner {description.name} speaks protocols {description.min_protocol} to {description.max_protocol}; "
            f"this nascore speaks {PROTOCOL_VERSION}.",
            hint="Update whichever of the two is older.",
        )
