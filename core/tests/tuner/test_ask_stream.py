"""Asks on a stream: the same answers as by calls, and nothing lost when the stream ends, breaks or was never there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from nascore.errors import DeadlineError, StateError, TunerCrashedError, UnavailableError
from nascore.record import Objective
from nascore.status import to_status
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import HostLimits
from nascore.tuner.contract import Setup
from nascore.tuner.remote import RemoteTuner
from nascore.tuner.servicer import SERVICE
from nascore.v1 import architecture_pb2, tuner_pb2

SETUP = Setup(KNOWN_SPACES["flat28"], (Objective("accuracy"),), 7)
ARCHITECTURE = KNOWN_SPACES["flat28"].default()


@dataclass
class Streaming:
    """A tuner that answers on a stream and counts, with a fault for the question of that place (from 0)."""

    faults: dict[int, str] = field(default_factory=dict)
    has_stream: bool = True
    asked: list[int] = field(default_factory=list)
    calls: int = 0
    streams: int = 0
    servers: list[grpc.aio.Server] = field(default_factory=list)

    def answer(self, request: tuner_pb2.AskRequest) -> tuner_pb2.AskResponse:
        self.asked.append(request.first_number)
        decisions = [architecture_pb2.Decision(path=path, candidate=str(key)) for path, key in ARCHITECTURE.items()]
        proposal = tuner_pb2.Proposal(number=request.first_number, task=tuner_pb2.TASK_EVALUATE)
        proposal.architecture.decisions.extend(decisions)
        return tuner_pb2.AskResponse(proposals=[proposal], status=tuner_pb2.ASK_STATUS_OK)

    async def ask(self, request: tuner_pb2.AskRequest, context: object) -> tuner_pb2.AskResponse:
        self.calls += 1
        return self.answer(request)

    async def stream(self, requests: object, context: grpc.aio.ServicerContext) -> None:  # type: ignore[type-arg]
        self.streams += 1
        while isinstance(request := await context.read(), tuner_pb2.StreamAsksRequest):
            fault = self.faults.pop(len(self.asked), "")
            answer = tuner_pb2.StreamAsksResponse(answer=self.answer(request.ask))
            if fault == "end":
                return
            if fault == "break":
                await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
            if fault == "hang":
                await asyncio.Event().wait()
            if fault == "refuse":
                answer = tuner_pb2.StreamAsksResponse(status=to_status(StateError("not now")).SerializeToString())
            if fault == "empty":
                answer = tuner_pb2.StreamAsksResponse()
            if fault == "garbage":
                answer = tuner_pb2.StreamAsksResponse(status=b"\xff\xff")
            await context.write(answer)

    def handlers(self) -> dict[str, grpc.RpcMethodHandler]:
        async def describe(request: object, context: object) -> tuner_pb2.DescribeResponse:
            return tuner_pb2.DescribeResponse(
                name="streaming", min_protocol=1, max_protocol=1, modes=[tuner_pb2.MODE_MULTI_TRIAL],
                determinism=tuner_pb2.DETERMINISM_REPLAY, can_stream=True,
            )  # fmt: skip

        async def opened(request: object, context: object) -> tuner_pb2.OpenResponse:
            return tuner_pb2.OpenResponse()

        async def closed(request: object, context: object) -> tuner_pb2.CloseResponse:
            return tuner_pb2.CloseResponse()

        def unary(method: object, request: object) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(  # type: ignore[no-untyped-call,no-any-return]
                method, request_deserializer=request.FromString, response_serializer=_serialize  # type: ignore[attr-defined]
            )  # fmt: skip

        handlers = {
            "Describe": unary(describe, tuner_pb2.DescribeRequest),
            "Open": unary(opened, tuner_pb2.OpenRequest),
            "Close": unary(closed, tuner_pb2.CloseRequest),
            "Ask": unary(self.ask, tuner_pb2.AskRequest),
        }
        if self.has_stream:
            handlers["StreamAsks"] = grpc.stream_stream_rpc_method_handler(  # type: ignore[no-untyped-call]
                self.stream,
                request_deserializer=tuner_pb2.StreamAsksRequest.FromString,
                response_serializer=_serialize,
            )
        return handlers


def _serialize(message: object) -> bytes:
    return message.SerializeToString()  # type: ignore[attr-defined,no-any-return]


@asynccontextmanager
async def serving(tuner: Streaming, folder: Path, **limits: float) -> AsyncIterator[RemoteTuner]:
    """Serve a tuner on a real socket; yield a session with it."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, tuner.handlers()),))  # type: ignore[no-untyped-call]
    server.add_insecure_port(f"unix:{folder}/s")
    await server.start()
    tuner.servers.append(server)
    remote = RemoteTuner(f"unix:{folder}/s", limits=HostLimits(**limits))  # type: ignore[arg-type]
    try:
        await remote.open(SETUP, {})
        yield remote
    finally:
        await remote.close()
        await server.stop(0)


async def test_questions_share_one_stream_and_no_call_is_made(tmp_path: Path) -> None:
    tuner = Streaming()
    async with serving(tuner, tmp_path) as session:
        for number in range(5):
            assert (await session.ask(number, (1,))).proposals[0].number == number
    assert (tuner.asked, tuner.streams, tuner.calls) == ([0, 1, 2, 3, 4], 1, 0)


async def test_stream_that_the_tuner_ends_loses_no_question(tmp_path: Path) -> None:
    tuner = Streaming({1: "end"})
    async with serving(tuner, tmp_path) as session:
        numbers = [(await session.ask(number, (1,))).proposals[0].number for number in range(4)]
    assert numbers == [0, 1, 2, 3]
    assert (tuner.asked, tuner.streams, tuner.calls) == ([0, 1, 1, 2, 3], 2, 1)


async def test_tuner_that_only_declares_a_stream_is_asked_by_calls(tmp_path: Path) -> None:
    tuner = Streaming(has_stream=False)
    async with serving(tuner, tmp_path) as session:
        for number in range(3):
            await session.ask(number, (1,))
    assert (tuner.asked, tuner.calls) == ([0, 1, 2], 3)


async def test_question_that_fails_raises_its_error_and_the_stream_goes_on(tmp_path: Path) -> None:
    tuner = Streaming({0: "refuse"})
    async with serving(tuner, tmp_path) as session:
        with pytest.raises(StateError, match="not now"):
            await session.ask(0, (1,))
        await session.ask(0, (1,))
    assert tuner.streams == 1


@pytest.mark.parametrize("fault", ["empty", "garbage"])
async def test_answer_that_is_none_names_the_tuner(tmp_path: Path, fault: str) -> None:
    async with serving(Streaming({0: fault}), tmp_path) as session:
        with pytest.raises(TunerCrashedError, match="neither an answer nor a status"):
            await session.ask(0, (1,))


async def test_broken_stream_loses_no_question(tmp_path: Path) -> None:
    tuner = Streaming({0: "break"})
    async with serving(tuner, tmp_path) as session:
        assert [(await session.ask(number, (1,))).proposals[0].number for number in range(3)] == [0, 1, 2]
    assert (tuner.asked, tuner.streams, tuner.calls) == ([0, 0, 1, 2], 2, 1)


async def test_tuner_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    tuner = Streaming()
    async with serving(tuner, tmp_path) as session:
        await session.ask(0, (1,))
        await tuner.servers[0].stop(0)
        with pytest.raises(UnavailableError):
            await session.ask(1, (1,))


async def test_late_answer_is_not_taken_for_that_of_the_next_question(
    tmp_path: Path, pass_deadline: Callable[[Callable[[], bool]], Awaitable[None]]
) -> None:
    tuner = Streaming({0: "hang"})
    async with serving(tuner, tmp_path) as session:
        asking = asyncio.create_task(session.ask(0, (1,)))
        await pass_deadline(lambda: tuner.asked == [0])
        with pytest.raises(DeadlineError, match="did not answer Ask within 60 s"):
            await asking
        assert (await session.ask(1, (1,))).proposals[0].number == 1
    assert tuner.streams == 2
