"""From bytes to servicers and back, over a real socket: errors have a status, and one caller does not hurt another."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from nascore.errors import InternalError, NotFoundError
from nascore.experiment import Change
from nascore.record import ExperimentRecord, ExperimentSpec, LeaseAnswer, LeaseStatus
from nascore.service import Server
from nascore.service.dispatch import service_handler
from nascore.service.drain import Drain
from nascore.v1 import experiment_pb2, trial_pb2

HEADERS = (("authorization", "Bearer a-token-of-the-tests"),)
LEASE = "/nascore.v1.TrialService/LeaseTrial"
GET = "/nascore.v1.ExperimentService/GetExperiment"
WATCH = "/nascore.v1.ExperimentService/WatchExperiment"
WORK = trial_pb2.LeaseTrialRequest(experiment="e", worker="w", request_id="r", max_wait_s=30).SerializeToString()


class Staged:
    """Stands for Experiments and Engine: what it does is staged by the test."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.is_waiting = threading.Event()
        self.left = threading.Event()
        self.written = 0

    def get(self, identifier: str) -> "Staged":
        if self.error is not None:
            raise self.error
        return self

    async def settled(self) -> None:
        return

    def record(self) -> ExperimentRecord:
        return ExperimentRecord("abcdefgh", ExperimentSpec("random", settings={"text": "x" * 60_000}))

    async def lease(self, worker: str, request_id: str, *, max_wait_s: float) -> LeaseAnswer:
        self.is_waiting.set()
        try:
            if max_wait_s:
                await asyncio.sleep(max_wait_s)
        finally:
            self.left.set()
        return LeaseAnswer(LeaseStatus.NONE_YET)

    async def renew(self, worker: str, trial: int, epoch: int) -> Any:
        self.is_waiting.set()
        await asyncio.sleep(0.15)
        raise NotFoundError("worked to its end")

    async def watch(self, after_seq: int = 0) -> AsyncGenerator[Change, None]:
        try:
            while True:
                self.written += 1
                yield Change(self.written, experiment=self.record())
                self.is_waiting.set()
        finally:
            self.left.set()


@pytest.fixture
def staged() -> Staged:
    return Staged()


def code_of(address: str, method: str, raw: bytes) -> tuple[grpc.StatusCode, str]:
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(method)(raw, metadata=HEADERS, timeout=20)
    return caught.value.code(), caught.value.details()


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x02\xff\xfe", b"\x08"])
def test_malformed_bytes_are_invalid_input(serve, staged: Staged, raw: bytes) -> None:  # type: ignore[no-untyped-def]
    code, details = code_of(serve(staged), LEASE, raw)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "not a LeaseTrialRequest" in details


def test_malformed_bytes_of_a_stream_are_invalid_input(serve, staged: Staged) -> None:  # type: ignore[no-untyped-def]
    with grpc.insecure_channel(serve(staged)) as channel, pytest.raises(grpc.RpcError) as caught:
        next(channel.unary_stream(WATCH)(b"\xff", metadata=HEADERS, timeout=20))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_unexpected_error_is_logged_and_not_leaked(serve, staged: Staged, caplog) -> None:  # type: ignore[no-untyped-def]
    staged.error = ZeroDivisionError("secret of the inside")
    address = serve(staged)
    with caplog.at_level(logging.ERROR, logger="nascore.service"):
        code, details = code_of(address, GET, b"\x0a\x01e")
    assert code is grpc.StatusCode.INTERNAL
    assert "secret" not in details
    assert "Traceback" not in details
    assert "secret of the inside" in caplog.text
    assert "Traceback" in caplog.text


def test_message_over_4_mib_is_refused(serve, staged: Staged) -> None:  # type: ignore[no-untyped-def]
    code, details = code_of(serve(staged), GET, b"\x0a" + b"x" * (5 << 20))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "4194304" in details


def test_unknown_call_is_unimplemented(serve, staged: Staged) -> None:  # type: ignore[no-untyped-def]
    assert code_of(serve(staged), "/nascore.v1.TrialService/Invented", b"")[0] is grpc.StatusCode.UNIMPLEMENTED


def test_caller_who_leaves_ends_his_call(serve, staged: Staged) -> None:  # type: ignore[no-untyped-def]
    address = serve(staged)
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(LEASE).future(WORK, metadata=HEADERS, timeout=20)
        assert staged.is_waiting.wait(20)
        call.cancel()
        assert staged.left.wait(20)
    assert code_of(address, LEASE, b"\xff")[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_watcher_who_does_not_read_holds_up_only_himself(serve, staged: Staged, connect) -> None:  # type: ignore[no-untyped-def]
    address = serve(staged)
    with grpc.insecure_channel(address) as channel:
        stream = channel.unary_stream(WATCH)(b"\x0a\x01e", metadata=HEADERS, timeout=60)
        next(stream)
        assert staged.is_waiting.wait(20)
        client = connect(address)
        before = -1
        while staged.written != before:  # Flow control stops the producer, so nothing piles up.
            before = staged.written
            assert client.get("e").id == "abcdefgh"
            threading.Event().wait(0.1)
        assert staged.written < 2_000
        stream.cancel()
        assert staged.left.wait(20)


def test_drain_ends_waits_and_lets_work_finish(serve, loop, staged: Staged) -> None:  # type: ignore[no-untyped-def]
    server = Server(staged, address="unix:", token="a-token-of-the-tests")  # type: ignore[arg-type]
    address = loop.run(server.start())
    renew = trial_pb2.RenewLeaseRequest(experiment="e", worker="w").SerializeToString()
    with grpc.insecure_channel(address) as channel, ThreadPoolExecutor() as pool:
        waiting = channel.unary_unary(LEASE).future(WORK, metadata=HEADERS, timeout=40)
        assert staged.is_waiting.wait(20)
        staged.is_waiting.clear()
        working = channel.unary_unary("/nascore.v1.TrialService/RenewLease").future(renew, metadata=HEADERS, timeout=40)
        assert staged.is_waiting.wait(20)
        stopping = pool.submit(loop.run, server.stop(20))
        assert waiting.exception(timeout=20).code() is grpc.StatusCode.UNAVAILABLE
        assert "shutting down" in waiting.exception().details()
        assert working.exception(timeout=20).details() == "worked to its end"
        stopping.result(20)
    loop.run(server.stop(1))


def test_servicer_that_lacks_a_call_is_a_defect() -> None:
    with pytest.raises(InternalError, match=r"CreateExperiment: object has no method create_experiment"):
        service_handler(experiment_pb2.DESCRIPTOR.services_by_name["ExperimentService"], object(), drain=Drain())


class SlowCall:
    """A call whose messages are on their way until a test lets them arrive."""

    def __init__(self) -> None:
        self.arrives, self.is_sending = asyncio.Event(), asyncio.Event()
        self.sent: list[bytes] = []
        self.code = grpc.StatusCode.OK

    async def write(self, message: bytes) -> None:
        self.is_sending.set()
        await self.arrives.wait()
        self.sent.append(message)

    def set_code(self, code: grpc.StatusCode) -> None:
        self.code = code

    def set_details(self, details: str) -> None:
        pass

    def set_trailing_metadata(self, trailing: object) -> None:
        pass


class Talking:
    """A servicer whose watchers hear something once, and then wait."""

    def __getattr__(self, name: str) -> object:
        return self.talk

    async def talk(self, request: object) -> Any:
        yield experiment_pb2.WatchExperimentResponse(seq=1)
        await asyncio.sleep(600)


async def test_a_drain_ends_a_stream_after_the_message_that_is_on_its_way() -> None:
    drain, call = Drain(), SlowCall()
    handler: Any = service_handler(
        experiment_pb2.DESCRIPTOR.services_by_name["ExperimentService"], Talking(), drain=drain
    )
    details: Any = type("Details", (), {"method": "/nascore.v1.ExperimentService/WatchExperiment"})
    answering = asyncio.create_task(handler.service(details).unary_stream(b"", call))
    await call.is_sending.wait()
    drain.begin()
    await asyncio.sleep(0)
    call.arrives.set()
    await answering
    assert len(call.sent) == 1
    assert call.code is grpc.StatusCode.UNAVAILABLE
