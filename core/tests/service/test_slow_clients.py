"""Callers who read slowly, never, or send half of something: memory stays bounded, and others are served.

Everything is counted in bytes and calls, over real sockets; nothing is timed.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

import grpc
import pytest
from nascore.client import Client
from nascore.errors import ExhaustedResourceError
from nascore.record import ExperimentRecord, ExperimentSpec, Proposal, TrialRecord, TrialState
from nascore.service import dispatch, server
from nascore.service.admission import Admission
from nascore.space import Architecture

HEADERS = (("authorization", "Bearer a-token-of-the-tests"),)
LIST = "/nascore.v1.ExperimentService/ListTrials"
EXPERIMENT = b"\x0a\x01e"
# A caller whose gRPC takes nothing that was not asked for.
RELUCTANT = (("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0), ("grpc.use_local_subchannel_pool", 1))
BUDGET_BYTES = 1 << 20


class Full:
    """Stands for Experiments and Engine: a page of trials has a quarter of a megabyte, and there are eight."""

    def __init__(self) -> None:
        trial = TrialRecord(0, TrialState.SUCCEEDED, Proposal(0, Architecture({"op": "x" * 20_000})))
        self._trials = tuple(replace(trial, number=number) for number in range(100))

    def get(self, identifier: str) -> "Full":
        return self

    def trials(self, *, after: int, **parts: object) -> tuple[TrialRecord, ...]:
        return self._trials[after + 1 :]

    def record(self) -> ExperimentRecord:
        return ExperimentRecord("abcdefgh", ExperimentSpec("random"))

    async def settled(self) -> None:
        return


@pytest.fixture
def admissions(monkeypatch: pytest.MonkeyPatch) -> list[Admission]:
    """The admissions of servers that are started in the test, each with a budget of 1 MiB for answers."""
    made: list[Admission] = []

    def make() -> Admission:
        made.append(Admission(answers_bytes=BUDGET_BYTES))
        return made[-1]

    monkeypatch.setattr(dispatch, "Admission", make)
    return made


@pytest.fixture
def unread(admissions: list[Admission]) -> Iterator[Callable[[str], Any]]:
    """Calls ListTrials in a connection of its own, and reads nothing."""
    with ExitStack() as stack:

        def call(address: str) -> Any:
            channel = stack.enter_context(grpc.insecure_channel(address, options=RELUCTANT))
            stream = channel.unary_stream(LIST)(EXPERIMENT, metadata=HEADERS, timeout=120)
            stack.callback(stream.cancel)
            return stream

        yield call


def wait_until(is_so: Callable[[], bool]) -> None:
    for _ in range(6_000):
        if is_so():
            return
        threading.Event().wait(0.01)
    pytest.fail("it never came to be")


def test_callers_who_do_not_read_fill_their_budget_and_no_more(serve, connect, admissions, unread) -> None:  # type: ignore[no-untyped-def]
    address = serve(Full())
    calls = []
    for _ in range(4):
        calls.append(unread(address))
        wait_until(lambda: max(each.sent_bytes for each in admissions) > len(calls) * 260_000)
    assert max(each.sent_bytes for each in admissions) <= BUDGET_BYTES
    client = connect(address)
    with pytest.raises(ExhaustedResourceError, match=r"ListTrials: no room for an answer of 260,.* bytes; 1,04"):
        list(client.list_trials("e"))
    assert client.get("e").id == "abcdefgh"
    calls[0].cancel()
    wait_until(lambda: max(each.sent_bytes for each in admissions) < 900_000)
    wait_until(lambda: listed(client) == 100)  # The server may hear later than its caller that a page was read.


def listed(client: Client) -> int:
    """How many trials there are; 0 where there is no room for the answer."""
    with suppress(ExhaustedResourceError):
        return len(list(client.list_trials("e")))
    return 0


def test_callers_who_leave_in_the_middle_of_an_answer_are_not_logged(serve, admissions, unread, caplog) -> None:  # type: ignore[no-untyped-def]
    address = serve(Full())
    for _ in range(3):
        call = unread(address)
        wait_until(lambda: max(each.sent_bytes for each in admissions) > 0)
        call.cancel()
        wait_until(lambda: max(each.sent_bytes for each in admissions) == 0)
    assert caplog.records == []


def test_one_who_reads_after_all_gets_all(serve, admissions, unread) -> None:  # type: ignore[no-untyped-def]
    call = unread(serve(Full()))
    wait_until(lambda: max(each.sent_bytes for each in admissions) > 0)
    assert len(next(call)) > 260_000
    wait_until(lambda: max(each.sent_bytes for each in admissions) == 0)


def test_half_requests_and_noise_do_not_keep_others_from_being_served(serve, connect, short_path) -> None:  # type: ignore[no-untyped-def]
    address = serve(Full(), f"unix:{short_path}")
    with ExitStack() as stack:
        for place in range(100):
            connection = stack.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(str(short_path))
            connection.sendall((b"", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 50)[place % 4])
        client = connect(address)
        assert all(client.get("e").id == "abcdefgh" for _ in range(20))


def test_connections_beyond_the_most_are_closed_and_the_others_served(serve, connect, monkeypatch, short_path) -> None:  # type: ignore[no-untyped-def]
    options = tuple(each for each in server._OPTIONS if each[0] != "grpc.max_allowed_incoming_connections")
    assert len(options) == len(server._OPTIONS) - 1
    monkeypatch.setattr(server, "_OPTIONS", (*options, ("grpc.max_allowed_incoming_connections", 4)))
    client = connect(serve(Full(), f"unix:{short_path}"))
    assert client.get("e").id == "abcdefgh"
    with ExitStack() as stack:
        idle = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(20)]
        for connection in idle:
            connection.connect(str(short_path))
            connection.setblocking(False)
        wait_until(lambda: sum(map(is_closed, idle)) >= 17)
        assert client.get("e").id == "abcdefgh"


def is_closed(connection: socket.socket) -> bool:
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
