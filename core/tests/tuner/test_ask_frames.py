"""Asks as frames: the same answers as on the stream and by calls, and nothing lost when the frames break."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import grpc
import pytest
from nascore.errors import DeadlineError, TunerCrashedError
from nascore.eventloop import FrameDoor
from nascore.record import Objective, Outcome, OutcomeStatus, Proposal, Told
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import HostLimits, Settings, Setup, Tuner
from nascore.tuner.remote import RemoteTuner
from nascore.tuner.servicer import Hosted, ServedTuner
from nascore.v1 import tuner_pb2

SETUP = Setup(KNOWN_SPACES["flat28"], (Objective("accuracy"),), 7)


class Guessing(Tuner[Settings]):
    name = "guessing"

    def ask(self, number: int, seed: int) -> Proposal:
        if seed == 13:
            raise ValueError("thirteen")
        return Proposal(number, self.space.sample(Random(seed)))

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        pass


@dataclass
class Framing:
    """What answers frames, and counts them, with a fault for the frame of that place (from 0)."""

    faults: dict[int, str] = field(default_factory=dict)
    frames: list[bytes] = field(default_factory=list)

    async def answer(self, served: ServedTuner, frame: bytes) -> bytes | None:
        fault = self.faults.get(len(self.frames), "")
        self.frames.append(frame)
        answer = await served.answer(frame)
        if fault == "hang":
            await asyncio.Event().wait()
        return {"break": None, "garbage": b"\xff\xff", "empty": b""}.get(fault, answer)


@asynccontextmanager
async def serving(
    framing: Framing, *, key: bytes = b"", named: str = "", **limits: float
) -> AsyncIterator[RemoteTuner]:
    """Serve a tuner on real sockets, gRPC's and one for frames beside it; yield a session with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        served = ServedTuner(Hosted(Guessing), frames_path=named or str(folder / "f"))
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((served.handler(),))
        server.add_insecure_port(f"unix:{folder}/s")
        await server.start()
        door = FrameDoor(folder / "f", key, answer=lambda frame: framing.answer(served, frame))
        await door.open()
        remote = RemoteTuner(f"unix:{folder}/s", limits=HostLimits(**limits))  # type: ignore[arg-type]
        try:
            await remote.open(SETUP, {})
            yield remote
        finally:
            await remote.close()
            await door.close()
            await server.stop(0)


async def numbers(session: RemoteTuner, count: int) -> list[int]:
    return [(await session.ask(number, (1,))).proposals[0].number for number in range(count)]


async def test_questions_go_as_frames_where_the_tuner_names_a_socket_beside_its_own() -> None:
    framing = Framing()
    async with serving(framing) as session:
        assert await numbers(session, 3) == [0, 1, 2]
    assert len(framing.frames) == 3


@pytest.mark.parametrize("named", ["/tmp/f", "f", "/"])  # nothing is made there
async def test_socket_in_another_folder_is_not_used(named: str) -> None:
    framing = Framing()
    async with serving(framing, named=named) as session:
        assert await numbers(session, 3) == [0, 1, 2]
    assert not framing.frames


async def test_frames_that_need_another_key_lose_no_question() -> None:
    framing = Framing()
    async with serving(framing, key=b"of others") as session:
        assert await numbers(session, 3) == [0, 1, 2]
    assert not framing.frames


async def test_frames_that_break_lose_no_question_and_are_not_tried_again() -> None:
    framing = Framing({1: "break"})
    async with serving(framing) as session:
        assert await numbers(session, 4) == [0, 1, 2, 3]
    assert len(framing.frames) == 2


async def test_question_that_fails_raises_the_tuners_error() -> None:
    framing = Framing()
    async with serving(framing) as session:
        with pytest.raises(TunerCrashedError, match="thirteen"):
            await session.ask(0, (13,))
    assert len(framing.frames) == 1


@pytest.mark.parametrize("fault", ["garbage", "empty"])
async def test_answer_that_is_none_names_the_tuner(fault: str) -> None:
    async with serving(Framing({0: fault})) as session:
        with pytest.raises(TunerCrashedError, match="neither an answer nor a status"):
            await session.ask(0, (1,))


async def test_late_answer_is_not_taken_for_that_of_the_next_question(
    pass_deadline: Callable[[Callable[[], bool]], Awaitable[None]],
) -> None:
    framing = Framing({0: "hang"})
    async with serving(framing) as session:
        asking = asyncio.create_task(session.ask(0, (1,)))
        await pass_deadline(lambda: len(framing.frames) == 1)
        with pytest.raises(DeadlineError, match="did not answer Ask within 60 s"):
            await asking
        assert (await session.ask(1, (1,))).proposals[0].number == 1
    assert len(framing.frames) == 1


async def test_frame_that_is_no_question_has_no_answer() -> None:
    assert await ServedTuner(Hosted(Guessing)).answer(b"\xff\xff") is None


async def test_outcomes_too_many_for_one_question_are_told_before_it() -> None:
    async with serving(Framing()) as session:
        proposal = (await session.ask(0, (1,))).proposals[0]
        noted = Proposal(0, proposal.architecture, notes={"what": "x" * 60_000})
        told = [Told(seq, noted, Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5})) for seq in range(1, 120)]
        assert (await session.ask(1, (2,), outcomes=told, told_through=119)).proposals[0].number == 1


def test_description_without_frames_names_none() -> None:
    assert tuner_pb2.DescribeResponse().frames_path == ""
