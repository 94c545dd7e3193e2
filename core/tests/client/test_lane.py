"""A worker's stream: the same answers as calls give, and whatever goes wrong with it goes as a call."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from nascore.client.lane import METHOD, Lane
from nascore.errors import DataLossError, StateError
from nascore.status import to_status
from nascore.v1 import trial_pb2

LEASE = "/nascore.v1.TrialService/LeaseTrial"
RENEW = "/nascore.v1.TrialService/RenewLease"


@dataclass
class Peer:
    """A server of streams that echoes the worker's name as the reason of an end, with a fault for each request."""

    faults: list[str] = field(default_factory=list)
    streams: int = 0
    release: threading.Event = field(default_factory=threading.Event)
    on_hang: Callable[[], object] = lambda: None

    def work(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        self.streams += 1
        for raw in requests:
            request = trial_pb2.WorkRequest.FromString(raw)
            fault = self.faults.pop(0) if self.faults else ""
            if fault == "end":
                return
            if fault == "break":
                context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
            if fault == "hang":
                self.on_hang()
                self.release.wait(60)
            yield _answer(request, fault).SerializeToString()


def _answer(request: trial_pb2.WorkRequest, fault: str) -> trial_pb2.WorkResponse:
    if fault == "refuse":
        return trial_pb2.WorkResponse(status=to_status(StateError("not now")).SerializeToString())
    if fault == "empty":
        return trial_pb2.WorkResponse()
    if request.HasField("renew_lease"):
        return trial_pb2.WorkResponse(renew_lease=trial_pb2.RenewLeaseResponse(duration_s=5.0))
    return trial_pb2.WorkResponse(
        lease_trial=trial_pb2.LeaseTrialResponse(
            status=trial_pb2.LEASE_STATUS_ENDED, end_reason=request.lease_trial.worker
        )
    )


@dataclass
class Setup:
    """A peer on a real socket and a lane to it, with a clock that stands still until it is turned."""

    peer: Peer
    lane: Lane
    now_s: float = 0.0

    def turn(self, seconds: float) -> None:
        self.now_s += seconds

    def lease(self, worker: str, *, timeout_s: float = 20.0) -> str | None:
        response = self.lane.exchange(LEASE, trial_pb2.LeaseTrialRequest(worker=worker), timeout_s=timeout_s)
        assert response is None or isinstance(response, trial_pb2.LeaseTrialResponse)
        return None if response is None else response.end_reason


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    peer = Peer()
    server = grpc.server(ThreadPoolExecutor(4))
    handler = grpc.stream_stream_rpc_method_handler(peer.work)
    service, _, name = METHOD[1:].partition("/")
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: handler}),))
    server.add_insecure_port(f"unix:{tmp_path}/s")
    server.start()
    channel = grpc.insecure_channel(f"unix:{tmp_path}/s")
    made = Setup(peer, Lane(channel.stream_stream(METHOD), clock=lambda: made.now_s))
    yield made
    peer.release.set()
    made.lane.close()
    channel.close()
    server.stop(0).wait()


def test_requests_share_one_stream_and_each_gets_its_own_answer(setup: Setup) -> None:
    assert [setup.lease(f"w{place}") for place in range(20)] == [f"w{place}" for place in range(20)]
    response = setup.lane.exchange(RENEW, trial_pb2.RenewLeaseRequest(), timeout_s=5.0)
    assert isinstance(response, trial_pb2.RenewLeaseResponse)
    assert response.duration_s == 5.0
    assert setup.peer.streams == 1


def test_other_calls_do_not_go_on_the_stream(setup: Setup) -> None:
    request = trial_pb2.RegisterSpaceRequest()
    assert setup.lane.exchange("/nascore.v1.TrialService/RegisterSpace", request, timeout_s=5.0) is None
    assert setup.peer.streams == 0


def test_error_of_a_request_is_raised_and_the_stream_goes_on(setup: Setup) -> None:
    setup.peer.faults = ["refuse"]
    with pytest.raises(StateError, match="not now"):
        setup.lease("a")
    assert setup.lease("b") == "b"
    assert setup.peer.streams == 1


def test_answer_that_is_none_is_named(setup: Setup) -> None:
    setup.peer.faults = ["empty"]
    with pytest.raises(DataLossError, match="no lease_trial"):
        setup.lease("a")


@pytest.mark.parametrize("fault", ["end", "break"])
def test_broken_stream_sends_the_request_as_a_call_and_rests_before_the_next(setup: Setup, fault: str) -> None:
    assert setup.lease("a") == "a"
    setup.peer.faults = [fault]
    assert setup.lease("b") is None
    assert setup.lease("c") is None
    setup.turn(2.0)
    assert setup.lease("d") == "d"
    assert setup.peer.streams == 2


def test_second_thread_finds_the_lane_busy_and_makes_a_call(setup: Setup) -> None:
    assert setup.lease("first") == "first"
    setup.peer.faults = ["hang"]
    is_busy = threading.Event()
    setup.peer.on_hang = is_busy.set
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(setup.lease, "slow")
        assert is_busy.wait(60)
        assert setup.lease("second") is None
        setup.peer.release.set()
        assert slow.result(60) == "slow"


def test_overdue_answer_gives_the_stream_up(setup: Setup) -> None:
    setup.peer.faults = ["hang"]
    setup.peer.on_hang = lambda: setup.turn(21.0)
    assert setup.lease("late", timeout_s=20.0) is None


def test_server_without_streams_is_asked_once_only(tmp_path: Path) -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_insecure_port(f"unix:{tmp_path}/s")
    server.start()
    opened: list[int] = []
    with grpc.insecure_channel(f"unix:{tmp_path}/s") as channel:

        def begin(requests: object) -> object:
            opened.append(1)
            return channel.stream_stream(METHOD)(requests)

        now = [0.0]
        lane = Lane(begin, clock=lambda: now[0])  # type: ignore[arg-type]
        for _ in range(3):
            assert lane.exchange(LEASE, trial_pb2.LeaseTrialRequest(worker="w"), timeout_s=5.0) is None
            now[0] += 10.0
        lane.close()
    server.stop(0).wait()
    assert len(opened) == 1


def test_closed_lane_takes_nothing_more(setup: Setup) -> None:
    setup.lane.close()
    assert setup.lease("a") is None


class Rung(Exception):
    """Raised by a signal."""


def test_answer_that_a_signal_kept_from_being_read_is_not_taken_for_the_next(setup: Setup) -> None:
    def ring(*_: object) -> None:
        raise Rung

    assert setup.lease("first") == "first"
    setup.peer.faults = ["hang"]
    waiting = threading.get_ident()
    setup.peer.on_hang = lambda: signal.pthread_kill(waiting, signal.SIGALRM)
    before = signal.signal(signal.SIGALRM, ring)
    try:
        with pytest.raises(Rung):
            setup.lease("interrupted")
    finally:
        signal.signal(signal.SIGALRM, before)
    setup.peer.release.set()
    assert setup.lease("next") == "next"
