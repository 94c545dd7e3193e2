"""The samples of one session with a tuner behind a socket: sealed outcomes in, sealed samples out, by one question.

Not here: what is looked at in a sample (``sealed``), the ways of a question (``calls``), and whose samples they are
(``nascore.experiment.exchange``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nascore.record.wire import ASK_STATUS
from nascore.tuner.batches import MAX_BATCH_BYTES
from nascore.tuner.calls import TunerCalls
from nascore.tuner.limits import HostLimits
from nascore.tuner.sealed import SampleGate, SealedAnswer, SealedTold
from nascore.tuner.session import AskStatus
from nascore.v1 import tuner_pb2

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer


class SampleCalls:
    """Questions of one open session.

    Args:
        calls: To the tuner.
        session: Name of the session.
        gate: Looks through what the tuner proposes.
        limits: Deadlines.
        can_recall: Whether the tuner remembers its samples until their outcomes are told.
    """

    def __init__(
        self, calls: TunerCalls, session: str, *, gate: SampleGate, limits: HostLimits, can_recall: bool
    ) -> None:
        self._calls = calls
        self._session = session
        self._gate = gate
        self._limits = limits
        self._can_recall = can_recall

    async def exchange(
        self, first_number: int, seeds: Sequence[int], *, told: Sequence[SealedTold], told_through: int
    ) -> SealedAnswer:
        """Tell what came of samples, then ask for one sample a seed; see `SampleSession.exchange`."""
        if not seeds:
            await self._tell(told)
            return SealedAnswer((), AskStatus.OK)
        question = tuner_pb2.StreamAsksRequest()
        ask = question.ask
        ask.session, ask.first_number, ask.told_through = self._session, first_number, told_through
        ask.seeds.extend(seeds)
        self._write(told, ask.outcomes)
        if len(told) > 1 and question.ByteSize() > MAX_BATCH_BYTES:
            await self._tell(told[:-1])
            return await self.exchange(first_number, seeds, told=told[-1:], told_through=told_through)
        response = await self._calls.ask(question)
        return self._calls.decoded("Ask", lambda: self._sealed(response, first_number, wanted=len(seeds)))

    async def _tell(self, told: Sequence[SealedTold]) -> None:
        if not told:
            return
        request = tuner_pb2.TellRequest(session=self._session, after_seq=told[0].seq - 1)
        self._write(told, request.outcomes)
        if len(told) > 1 and request.ByteSize() > MAX_BATCH_BYTES:
            half = len(told) // 2
            await self._tell(told[:half])
            await self._tell(told[half:])
            return
        await self._calls.call(request, tuner_pb2.TellResponse, timeout_s=self._limits.tell_timeout_s)

    def _write(self, told: Sequence[SealedTold], messages: RepeatedCompositeFieldContainer[tuner_pb2.Told]) -> None:
        for each in told:
            message = messages.add(seq=each.seq)
            if self._can_recall and each.sample.is_recalled:
                message.proposal.number = each.sample.number
            else:
                message.proposal.MergeFromString(each.sample.data)
            message.outcome.MergeFromString(each.outcome)

    def _sealed(self, response: tuner_pb2.AskResponse, first_number: int, *, wanted: int) -> SealedAnswer:
        status = ASK_STATUS.from_number(response.status, "ask: status")
        came = len(response.proposals)
        if fault := why_not_answered(came, status, wanted=wanted):
            raise self._calls.broken("Ask", fault)
        seal, label = self._gate.sealed, self._calls.label
        samples = [seal(message, first_number + place, label=label) for place, message in enumerate(response.proposals)]
        return SealedAnswer(tuple(samples), status)


def why_not_answered(came: int, status: AskStatus, *, wanted: int) -> str:
    """Return why so many proposals with that status are no answer to a question for so many; empty if they are."""
    if came > wanted:
        return f"{came} proposals where {wanted} were wanted"
    if status is AskStatus.OK and came < wanted:
        return f"{came} proposals of {wanted}, and no reason why"
    return ""
