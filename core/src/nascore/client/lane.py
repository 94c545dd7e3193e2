"""A worker's stream of requests: what else would be calls, in lockstep, at a third of their cost.

What cannot go here (the lane is busy, broken, or the server is older) goes as a call; the same request twice gets the
same answer, so nothing is lost or done twice on the way from one to the other. Not here: retries, tokens and errors of
calls (``connection``).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Protocol

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import status_pb2

from nascore.errors import DataLossError
from nascore.status import from_status
from nascore.v1 import trial_pb2

METHOD = "/nascore.v1.TrialService/Work"
_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "/nascore.v1.TrialService/LeaseTrial": "lease_trial",
        "/nascore.v1.TrialService/RenewLease": "renew_lease",
        "/nascore.v1.TrialService/ReportMetrics": "report_metrics",
        "/nascore.v1.TrialService/FinishTrial": "finish_trial",
        "/nascore.v1.TrialService/ReturnLease": "return_lease",
    }
)
_REST_S = 1.0
_LOOK_EVERY_S = 1.0


class Answers(Protocol):
    """The other side's half of a stream, as ``grpc`` gives it."""

    def __next__(self) -> bytes:
        """Wait for the next answer."""

    def cancel(self) -> bool:
        """Give the stream up."""


class Lane:
    """One stream, opened when it is first used and again after it broke. Thread-safe: who finds it busy makes a call.

    Args:
        begin: Opens a stream that sends what an iterator yields.
        clock: Monotonic seconds.
    """

    def __init__(self, begin: Callable[[Iterable[bytes]], Answers], *, clock: Callable[[], float]) -> None:
        self._begin = begin
        self._clock = clock
        self._busy = threading.Lock()
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._answers: Answers | None = None
        self._deadline: float | None = None  # Of the exchange at work; read by the watch.
        self._rests_until = float("-inf")
        self._is_refused = False
        self._closed = threading.Event()
        self._watch: threading.Thread | None = None

    def exchange(self, method: str, request: Message, *, timeout_s: float) -> Message | None:
        """Return the response to a request; ``None`` if it must go as a call.

        Raises:
            NascoreError: What the server answered instead.
            DataLossError: What it answered is no response.
        """
        field = _FIELDS.get(method)
        if field is None or self._is_refused or self._clock() < self._rests_until or self._closed.is_set():
            return None
        if not self._busy.acquire(blocking=False):
            return None
        try:
            raw = self._exchanged(trial_pb2.WorkRequest(**{field: request}).SerializeToString(), timeout_s)  # type: ignore[arg-type]  # a field of its own for each type
        finally:
            self._busy.release()
        return None if raw is None else _response(raw, field)

    def close(self) -> None:
        """End the stream for good."""
        self._closed.set()
        self._give_up()

    def _exchanged(self, request: bytes, timeout_s: float) -> bytes | None:
        answers = self._answers or self._opened()
        self._deadline = self._clock() + timeout_s
        try:
            self._requests.put(request)
            return next(answers)
        except (grpc.RpcError, StopIteration) as error:
            self._is_refused = isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNIMPLEMENTED  # type: ignore[no-untyped-call]  # grpc is not annotated
            self._rests_until = self._clock() + _REST_S
            self._give_up()
            return None
        except BaseException:
            # A signal's exception: the answer is still to come, and would be taken for that of the next request.
            self._give_up()
            raise
        finally:
            self._deadline = None

    def _opened(self) -> Answers:
        self._requests = queue.SimpleQueue()
        self._answers = self._begin(_until_none(self._requests))
        if self._watch is None:
            self._watch = threading.Thread(target=self._look_after, name="nascore-lane", daemon=True)
            self._watch.start()
        return self._answers

    def _give_up(self) -> None:
        answers, self._answers = self._answers, None
        self._requests.put(None)
        if answers is not None:
            answers.cancel()

    def _look_after(self) -> None:
        """Cancel a stream on which an answer is overdue: reading it has no deadline of its own."""
        while not self._closed.wait(_LOOK_EVERY_S):
            deadline, answers = self._deadline, self._answers
            if deadline is not None and answers is not None and self._clock() > deadline:
                answers.cancel()


def _until_none(requests: queue.SimpleQueue[bytes | None]) -> Iterator[bytes]:
    while (request := requests.get()) is not None:
        yield request


def _response(raw: bytes, field: str) -> Message:
    with suppress(DecodeError):
        response = trial_pb2.WorkResponse.FromString(raw)
        kind = response.WhichOneof("response")
        if kind == "status":
            raise from_status(status_pb2.Status.FromString(response.status))
        if kind == field:
            found: Message = getattr(response, field)
            return found
    raise DataLossError(f"The answer on a worker's stream is no {field} and no status.")
