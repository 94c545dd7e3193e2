"""The exchange of samples over a server: one stream in lockstep, opened by `begin`, never tried again by itself.

Where the server is on this machine, what follows goes beside the stream, as frames. What breaks it (the network, the
server, the tuner) is an `UnavailableError`: only the worker, who has the weights, knows where to go back to. Not here:
what is exchanged (``nascore.record.exchange``).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import grpc
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from nascore.client.connection import Connection
from nascore.client.request import unsigned
from nascore.errors import (
    DataLossError,
    DeadlineError,
    NascoreError,
    StateError,
    UnauthenticatedError,
    UnavailableError,
)
from nascore.eventloop import FrameClient, has_frames
from nascore.record import Begun, Derived, NextSamples, Outcome
from nascore.record.exchange import MIXABLE, NOTHING
from nascore.record.wire import (
    ASK_STATUS,
    costs_to_messages,
    derived_from_message,
    outcome_to_message,
    proposal_from_message,
    schedule_from_message,
    unmixable_to_messages,
)
from nascore.status import from_status
from nascore.v1 import trial_pb2, tuner_pb2

logger = logging.getLogger(__name__)

METHOD = "/nascore.v1.TrialService/ExchangeSamples"
ANSWER_S = 120.0
"""Longest wait for an answer, seconds: a tuner's deadline, and the start of its process where it begins."""

_ENDING_S = 5.0
_AGAIN = "Begin again from what was saved last."
_Request = trial_pb2.ExchangeSamplesRequest
_Response = trial_pb2.ExchangeSamplesResponse


class RemoteExchange:
    """The exchange of the worker that holds a SEARCH trial; keeps the promises of `SampleExchange`.

    One thread at a time.

    Args:
        connection: To the server.
        experiment: Full id of the experiment.
        worker: Name of the worker.
        trial: Number of the trial.
        epoch: Epoch of its lease.
        answer_s: Longest wait for an answer, seconds.
    """

    def __init__(
        self,
        connection: Connection,
        experiment: str,
        *,
        worker: str,
        trial: int,
        epoch: int,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._connection = connection
        self._place = (experiment, worker, unsigned(trial, "trial"), unsigned(epoch, "epoch"))
        self._answer_s = answer_s
        self._stream = connection.lockstep(METHOD)
        self._frames: FrameClient | None = None
        self._has_begun = False

    def begin(
        self,
        *,
        batches_per_epoch: int,
        costs: Mapping[tuple[str, str, str], float] = NOTHING,
        unmixable: Mapping[str, str] = MIXABLE,
        snapshot: tuple[bytes, int] | None = None,
        next_sample: int = 0,
    ) -> Begun:
        """Begin, or begin again, on a new stream; see `SampleExchange.begin`."""
        experiment, worker, trial, epoch = self._place
        request = trial_pb2.BeginExchange(
            experiment=experiment,
            worker=worker,
            trial=trial,
            epoch=epoch,
            batches_per_epoch=unsigned(batches_per_epoch, "batches_per_epoch"),
            costs=costs_to_messages(costs),
            unmixable=unmixable_to_messages(unmixable),
            snapshot=None if snapshot is None else tuner_pb2.Snapshot(state=snapshot[0], seq=snapshot[1]),
            next_sample=unsigned(next_sample, "next_sample"),
        )
        begun = self._begun(_Request(begin=request))
        self._frames = self._frames_of(begun)
        return Begun(schedule_from_message(begun.schedule), begun.seed)

    def exchange(self, outcomes: Sequence[tuple[int, Outcome]], want: int) -> NextSamples:
        """Tell outcomes, then ask for samples; see `SampleExchange.exchange`."""
        request = trial_pb2.Samples(want=unsigned(want, "want"))
        for number, outcome in outcomes:
            request.outcomes.add(number=number, outcome=outcome_to_message(outcome))
        following = self._asked(_Request(exchange=request), "next").next
        samples = tuple(map(proposal_from_message, following.samples))
        return NextSamples(samples, ASK_STATUS.from_number(following.status, "next.status"))

    def snapshot(self) -> tuple[bytes, int]:
        """Return the tuner's state and how many outcomes it contains; see `SampleExchange.snapshot`."""
        saved = self._asked(_Request(take_snapshot=trial_pb2.TakeSnapshot()), "snapshot").snapshot
        return saved.state, saved.seq

    def derive(self, count: int) -> tuple[Derived, ...]:
        """Return up to ``count`` final architectures, best first."""
        request = _Request(derive=trial_pb2.DeriveSamples(count=unsigned(count, "count")))
        return tuple(map(derived_from_message, self._asked(request, "derived").derived.architectures))

    def close(self) -> None:
        """End the stream; twice is harmless."""
        self._has_begun = False
        if self._frames is not None:
            self._frames.close()
            self._frames = None
        self._stream.close()

    def _frames_of(self, begun: trial_pb2.ExchangeBegun) -> FrameClient | None:
        """Return the way beside the stream, where there is one: the server may be elsewhere, or another user's."""
        if not begun.frames_path or not has_frames() or not self._connection.address.is_loopback():
            return None
        try:
            return FrameClient(begun.frames_path, begun.frames_key, timeout_s=self._answer_s)
        except OSError as error:
            logger.debug("Samples are exchanged on the stream: %s: %s", begun.frames_path, error)
            return None

    def _begun(self, request: _Request) -> trial_pb2.ExchangeBegun:
        self.close()
        for is_last in (False, True):
            self._stream, sent = self._connection.lockstep(METHOD), self._connection.headers
            try:
                begun = self._said(request, "begun").begun
            except UnauthenticatedError:  # A server that was started again has another token.
                if is_last or not self._connection.has_other_token(sent):
                    raise
            else:
                break
        self._has_begun = True
        return begun

    def _asked(self, request: _Request, field: str) -> _Response:
        if not self._has_begun:
            raise StateError("The exchange has not begun, or broke off.", hint="Call begin.")
        return self._said(request, field)

    def _said(self, request: _Request, field: str) -> _Response:
        raw = self._exchanged(request.SerializeToString())
        try:
            response = _Response.FromString(raw)
            if response.WhichOneof("response") == "status":
                raise from_status(status_pb2.Status.FromString(response.status))
        except DecodeError as error:
            raise DataLossError(f"The answer of {self._connection.address} is no answer ({error}).") from None
        if response.WhichOneof("response") != field:
            raise DataLossError(f"{self._connection.address} answered with {response.WhichOneof('response')}.")
        return response

    def _exchanged(self, request: bytes) -> bytes:
        try:
            if self._frames is not None:
                return self._frames.say(request)
            return self._stream.say(request, timeout_s=self._answer_s)
        except NascoreError:  # It is too large, and was not sent.
            raise
        except TimeoutError:
            self.close()
            raise self._unanswered() from None
        except OSError:  # The stream knows why.
            error = self._stream.ending(timeout_s=_ENDING_S)
            self.close()
            raise self._broken(error) from None
        except (grpc.RpcError, StopIteration) as error:
            self.close()
            raise self._broken(error) from None
        except BaseException:  # A signal's: the answer still comes, and would be taken for that of the next request.
            self.close()
            raise

    def _broken(self, error: grpc.RpcError | StopIteration) -> NascoreError:
        if isinstance(error, StopIteration):
            return UnavailableError("The server ended the exchange.", hint=_AGAIN)
        if isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.CANCELLED:  # type: ignore[no-untyped-call]  # grpc is not annotated
            return self._unanswered()
        return self._connection.explain(error, METHOD, self._answer_s)

    def _unanswered(self) -> DeadlineError:
        address = self._connection.address
        return DeadlineError(f"ExchangeSamples: no answer from {address} within {self._answer_s:g} s.", hint=_AGAIN)
