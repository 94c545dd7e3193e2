"""A worker's stream of requests: what else would be calls, in lockstep, at a third of their cost.

What cannot go here (the lane is busy, broken, or the server is older) goes as a call; the same request twice gets the
same answer, so nothing is lost or done twice on the way from one to the other. Not here: retries, tokens and errors of
calls (``connection``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import status_pb2

from nascore.client.lockstep import Answers, Lockstep
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


class Lane:
    """One stream, opened when it is first used and again after it broke. Thread-safe: who finds it busy makes a call.

    Args:
        begin: Opens a stream that sends what an iterator yields.
        clock: Monotonic seconds.
    """

    def __init__(self, begin: Callable[[Iterable[bytes]], Answers], *, clock: Callable[[], float]) -> None:
        self._stream = Lockstep(begin, clock=clock)
        self._clock = clock
        self._busy = threading.Lock()
        self._rests_until = float("-inf")
        self._is_refused = False

    def exchange(self, method: str, request: Message, *, timeout_s: float) -> Message | None:
        """Return the response to a request; ``None`` if it must go as a call.

        Raises:
            NascoreError: What the server answered instead.
            DataLossError: What it answered is no response.
        """
        field = _FIELDS.get(method)
        if field is None or self._is_refused or self._clock() < self._rests_until or self._stream.is_closed:
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
        self._stream.close()

    def _exchanged(self, request: bytes, timeout_s: float) -> bytes | None:
        try:
            return self._stream.say(request, timeout_s=timeout_s)
        except (grpc.RpcError, StopIteration) as error:
            self._is_refused = isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNIMPLEMENTED  # type: ignore[no-untyped-call]  # grpc is not annotated
            self._rests_until = self._clock() + _REST_S
            return None


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
