"""Samples over the wire: told by number where the tuner recalls them, whole where it does not, and once in any case."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from nascore.errors import StateError
from nascore.eventloop import FrameDoor
from nascore.record import AskStatus, Mode, Objective, Outcome, OutcomeStatus, Proposal, Schedule, Task
from nascore.record.wire import outcome_to_message
from nascore.space import MixedDecision, Mixture
from nascore.testing.supernets import KEYS, SPACE
from nascore.tuner import Determinism, NoProposal, Settings, Setup, Tuner
from nascore.tuner.remote import RemoteTuner
from nascore.tuner.sealed import SealedSample, SealedTold
from nascore.tuner.servicer import Hosted, ServedTuner
from nascore.v1 import tuner_pb2

SETUP = Setup(SPACE, (Objective("accuracy"),), 7, mode=Mode.ONE_SHOT, schedule=Schedule(1), batches_per_epoch=4)
DONE = outcome_to_message(Outcome(OutcomeStatus.COMPLETED, {"loss": 1.0})).SerializeToString()


class Mixing(Tuner[Settings]):
    """Proposes even mixtures up to ten, and remembers what it was told."""

    name = "mixing"
    modes = frozenset({Mode.ONE_SHOT})
    determinism = Determinism.SNAPSHOT
    told: list[Proposal]

    def __init__(self, setup: Setup, settings: Settings) -> None:
        super().__init__(setup, settings)
        Mixing.told = []

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        weight = 1.0 / len(KEYS)
        mixture = Mixture(tuple(MixedDecision(label, (weight,) * len(KEYS)) for label in ("a", "b")))
        return Proposal(number, mixture=mixture, task=Task.TRAIN) if number < 10 else NoProposal.EXHAUSTED

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        self.told.append(proposal)


class Served:
    """A tuner behind sockets that keeps the frames it gets; it drops the answers to those of the places in ``lost``."""

    def __init__(self, *lost: int) -> None:
        self.lost = set(lost)
        self.frames: list[tuner_pb2.AskRequest] = []
        self.tuner = ServedTuner(Hosted(Mixing))

    async def answer(self, frame: bytes) -> bytes | None:
        self.frames.append(tuner_pb2.StreamAsksRequest.FromString(frame).ask)
        answer = await self.tuner.answer(frame)
        return None if len(self.frames) - 1 in self.lost else answer


@asynccontextmanager
async def opened(served: Served, *, can_recall: bool = True) -> AsyncIterator[RemoteTuner]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        served.tuner = ServedTuner(Hosted(Mixing), frames_path=str(folder / "f"))
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((served.tuner.handler(),))
        server.add_insecure_port(f"unix:{folder}/s")
        await server.start()
        door = FrameDoor(folder / "f", b"", answer=served.answer)
        await door.open()
        remote = RemoteTuner(f"unix:{folder}/s")
        try:
            description = await remote.describe()
            assert description.can_recall
            object.__setattr__(description, "can_recall", can_recall)
            await remote.open(SETUP, {})
            yield remote
        finally:
            await remote.close()
            await door.close()
            await server.stop(0)


def told(*samples: SealedSample, after: int = 0) -> list[SealedTold]:
    return [SealedTold(seq, sample, DONE) for seq, sample in enumerate(samples, after + 1)]


async def test_samples_are_told_by_their_number_where_the_tuner_recalls_them() -> None:
    served = Served()
    async with opened(served) as session:
        first = (await session.exchange(0, (1, 2), told=(), told_through=0)).samples
        await session.exchange(2, (3,), told=told(*first), told_through=2)
    assert [each.proposal for each in served.frames[1].outcomes] == [
        tuner_pb2.Proposal(number=0),
        tuner_pb2.Proposal(number=1),
    ]
    assert [(proposal.number, proposal.task) for proposal in Mixing.told] == [(0, Task.TRAIN), (1, Task.TRAIN)]


async def test_samples_are_told_whole_to_a_tuner_that_forgets_and_of_an_earlier_session() -> None:
    served = Served()
    async with opened(served, can_recall=False) as session:
        first = (await session.exchange(0, (1,), told=(), told_through=0)).samples
        await session.exchange(1, (2,), told=told(*first), told_through=1)
    assert served.frames[1].outcomes[0].proposal.HasField("mixture")
    async with opened(served) as session:
        earlier = first[0]._replace(is_recalled=False)
        await session.exchange(1, (2,), told=told(earlier), told_through=1)
    assert [proposal.number for proposal in Mixing.told] == [0]


async def test_question_whose_answer_was_lost_is_asked_again_and_tells_once() -> None:
    served = Served(1)
    async with opened(served) as session:
        first = (await session.exchange(0, (1,), told=(), told_through=0)).samples
        following = await session.exchange(1, (2,), told=told(*first), told_through=1)
    assert [sample.number for sample in following.samples] == [1]
    assert [proposal.number for proposal in Mixing.told] == [0]


async def test_number_of_no_sample_of_the_session_is_refused() -> None:
    async with opened(Served()) as session:
        with pytest.raises(StateError, match="Sample 4 was not proposed in this session"):
            await session.exchange(0, (1,), told=told(SealedSample(4, b"")), told_through=1)


async def test_outcomes_alone_are_told_and_the_end_comes_with_what_is_left() -> None:
    async with opened(Served()) as session:
        samples = (await session.exchange(8, (1, 2, 3), told=(), told_through=0)).samples
        assert [sample.number for sample in samples] == [8, 9]
        answer = await session.exchange(10, (), told=told(*samples), told_through=2)
        assert answer == ((), AskStatus.OK)
        assert (await session.exchange(10, (4,), told=(), told_through=2)).status is AskStatus.EXHAUSTED
    assert [proposal.number for proposal in Mixing.told] == [8, 9]


async def test_session_that_is_not_open_exchanges_no_samples() -> None:
    with pytest.raises(StateError, match="not open for samples"):
        await RemoteTuner("unix:/nowhere/at-all").exchange(0, (1,), told=(), told_through=0)
