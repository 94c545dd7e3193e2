"""A whole server without a socket: bytes in, status out, with real servicers, engine and database behind it.

Requests go through the same handlers that gRPC calls, one at a time. Every so often the experiment they speak of is put
back to work, and the log is read again: it must lead to the state that is in memory. Not here: the transport, which the
tests of the service try with fewer inputs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from pydantic import ConfigDict

from nascore.errors import InternalError, NascoreError, NotFoundError, PluginError
from nascore.experiment import Experiments
from nascore.experiment.transitions import rebuilt
from nascore.journal import Holder
from nascore.record import Asked, ExperimentAction, ExperimentSpec, Outcome, Proposal, Told
from nascore.service.dispatch import service_handler
from nascore.service.drain import Drain
from nascore.service.experiments import ExperimentServicer
from nascore.service.trials import TrialServicer
from nascore.status import from_status
from nascore.testing.fuzz.folders import work_folder
from nascore.testing.fuzz.requests import EXPERIMENT, SERVICES, SPACE
from nascore.tuner.contract import NoProposal, Settings, Tuner
from nascore.tuner.local import LocalSession
from nascore.tuner.session import TunerSession
from nascore.v1 import trial_pb2

_EVERY = 500
_MOST_EXPERIMENTS = 50
_MOST_SENT = 3
_STEP_S = 0.001


_Behaviour = Callable[[object, object], Awaitable[object]]
_NO_REQUESTS = object()  # A handler of a stream reads from its context.


class AnySettings(Settings):
    """Whatever a stranger writes, so that it comes as far as the log."""

    model_config = ConfigDict(extra="allow")


class Sampler(Tuner[AnySettings]):
    """Draws at random, whatever its settings say."""

    name = "sampler"
    settings_type = AnySettings
    max_objectives = 0

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        """Return a random architecture."""
        return Proposal(number, self.space.sample(random.Random(seed)))

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        """Learn nothing."""


async def connect_sampler(
    name: str, history: Callable[[], Iterable[Asked | Told]], on_trouble: Callable[[str], None]
) -> TunerSession:
    """Return a session with the sampler; there is no other tuner here.

    Raises:
        NotFoundError: Another one is asked for.
    """
    if name != Sampler.name:
        raise NotFoundError(f"There is no tuner {name:.80}.", hint="The only one here is sampler.")
    return LocalSession(cast(type[Tuner[Settings]], Sampler))


class Service:
    """Servicers on experiments in a folder of its own; call it with a request, and `close` it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()  # uvloop opens sockets for each call from outside
        self._experiments = self._loop.run_until_complete(self._open())
        self._handlers = self._served()
        self._calls = 0
        self._errors = _Errors()
        logging.getLogger("nascore.service.dispatch").addHandler(self._errors)
        self._loop.run_until_complete(self._revive())

    def __call__(self, text: bytes) -> None:
        """Send one request: the path of an rpc, a line's end, and the bytes.

        Raises:
            NascoreError: It was refused, as its status says.
            AssertionError: It made the server fail, or what the log says is not what memory says.
        """
        path, _, raw = text.partition(b"\n")
        self._calls += 1
        self._errors.last = None
        try:
            self._loop.run_until_complete(self._answered(path.decode("ascii", "replace"), raw))
        finally:
            if self._calls % _EVERY == 0:
                self._loop.run_until_complete(self._revive())

    def check(self) -> None:
        """Make sure that the log leads to the state in memory, and that the engine still works.

        Raises:
            AssertionError: It does not.
        """
        self._loop.run_until_complete(self._check())

    def close(self) -> None:
        """Check once more, and let everything go."""
        try:
            self.check()
        finally:
            logging.getLogger("nascore.service.dispatch").removeHandler(self._errors)
            self._loop.run_until_complete(self._experiments.close())
            self._loop.close()

    async def _open(self) -> Experiments:
        holder = Holder(os.getpid(), socket.gethostname())
        return await Experiments.open(self._folder / "fuzz.db", holder=holder, connect=connect_sampler)

    def _served(self) -> tuple[grpc.GenericRpcHandler, ...]:
        calls, watches = Drain(), Drain()
        calls.begin()  # So that no worker waits for work; watches end when the caller leaves.
        servicers = (TrialServicer(self._experiments, calls), ExperimentServicer(self._experiments))
        pairs = zip(SERVICES, servicers, strict=True)
        return tuple(service_handler(service, servicer, drain=watches) for service, servicer in pairs)

    async def _answered(self, path: str, raw: bytes) -> None:
        details = _Details(path)
        found = [each for handler in self._handlers if (each := _service(handler, details)) is not None]
        if not found:
            raise NotFoundError(f"There is no rpc {path:.80}.")
        handler: Any = found[0]  # grpc names none of what a handler has.
        context = _Context(raw)
        given = _NO_REQUESTS if handler.stream_stream else raw
        behaviour = cast(_Behaviour, handler.unary_unary or handler.unary_stream or handler.stream_stream)
        try:
            await self._within_limits(behaviour(given, context), is_stream=bool(handler.unary_stream))
            context.raise_refusal()
            if handler.stream_stream:
                _raise_status(context.written)
        except _RefusedError as refused:
            self._judge(refused.error)
        finally:
            context.end()

    async def _within_limits(self, answer: Awaitable[object], *, is_stream: bool) -> None:
        if not is_stream:
            await answer
            return
        task = asyncio.ensure_future(answer)
        done, _ = await asyncio.wait((task,), timeout=_STEP_S)
        if not done:  # It waits for changes, as it should.
            task.cancel()
        with suppress(asyncio.CancelledError):  # Also where the caller left.
            await task

    def _judge(self, error: NascoreError) -> Never:
        if isinstance(error, InternalError) or type(error) is PluginError:
            raise AssertionError(f"the server failed: {error}") from self._errors.last
        raise error

    async def _revive(self) -> None:
        """Put the experiment of the requests back to work, and drop those that requests created."""
        for record in self._experiments.list()[_MOST_EXPERIMENTS:]:
            engine = self._experiments.get(record.id)
            with suppress(NascoreError):
                await engine.update(f"stop-{self._calls}", action=ExperimentAction.STOP)
                await self._experiments.delete(record.id, request_id=f"drop-{record.id}")
        known = {record.id: record for record in self._experiments.list()}
        if EXPERIMENT in known and known[EXPERIMENT].end_reason is None and known[EXPERIMENT].state == "running":
            return
        if EXPERIMENT in known:
            await self._experiments.get(EXPERIMENT).update(f"end-{self._calls}", action=ExperimentAction.STOP)
            await self._experiments.delete(EXPERIMENT, request_id=f"end-{self._calls}")
        spec = ExperimentSpec("sampler", seed=7, space=SPACE)
        engine = await self._experiments.create(spec, request_id=f"begin-{self._calls}", identifier=EXPERIMENT)
        for number in range(3):
            await engine.lease("w", f"first-{self._calls}-{number}")

    async def _check(self) -> None:
        await self._revive()
        engine = self._experiments.get(EXPERIMENT)
        await engine.lease("w", f"check-{self._calls}")
        for record in self._experiments.list():
            live = self._experiments.get(record.id)
            await live.settled()
            entries = await self._experiments._journal.read(record.id)
            again = rebuilt(record.id, entries)
            assert again.select() == live.trials(), f"the log of {record.id} leads to other trials"
            assert again.record(elapsed_s=0.0) == live._state.record(elapsed_s=0.0), f"{record.id} differs from its log"


@contextmanager
def open_service() -> Iterator[Service]:
    """Yield a service on a database of its own; the checks at its end raise AssertionError."""
    with work_folder() as folder:
        service = Service(Path(folder))
        try:
            yield service
        finally:
            service.close()


class _RefusedError(Exception):
    def __init__(self, error: NascoreError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class _Details:
    method: str
    invocation_metadata: tuple[tuple[str, str], ...] = ()


class _LeftError(asyncio.CancelledError):
    """The caller of a stream has seen enough and leaves."""


class _Context:
    """All that the handlers ask of a call."""

    def __init__(self, raw: bytes) -> None:
        self._requests = [raw]
        self._at_end: list[Callable[[object], None]] = []
        self.written: list[bytes] = []
        self.code = grpc.StatusCode.OK
        self.trailing: tuple[tuple[str, bytes], ...] = ()

    def add_done_callback(self, callback: Callable[[object], None]) -> None:
        """Remember what is to be called once the caller has taken the answer."""
        self._at_end.append(callback)

    def end(self) -> None:
        """Let the caller have taken the answer."""
        for callback in self._at_end:
            callback(self)

    async def read(self) -> bytes | object:
        """Return the request of a stream in both directions, and then its end."""
        return self._requests.pop() if self._requests else grpc.aio.EOF

    async def write(self, message: bytes) -> None:
        """Take a message of a stream; a few are enough."""
        self.written.append(message)
        if len(self.written) >= _MOST_SENT:
            raise _LeftError

    def set_code(self, code: grpc.StatusCode) -> None:
        """Take the code, which the trailers say as well."""
        self.code = code

    def set_details(self, details: str) -> None:
        """Take the message, which the trailers say as well."""

    def set_trailing_metadata(self, trailing: Iterable[tuple[str, bytes]]) -> None:
        """Take the trailers."""
        self.trailing = tuple(trailing)

    def raise_refusal(self) -> None:
        """Raise the error that the trailers hold, if the call has failed."""
        if self.code is grpc.StatusCode.OK:
            return
        assert self.trailing, f"a status without details: {self.code}"
        try:
            refusal = from_status(status_pb2.Status.FromString(self.trailing[0][1]))
        except DecodeError as error:
            raise AssertionError(f"a status that nobody can read: {self.trailing!r}") from error
        raise _RefusedError(refusal)


def _service(handler: grpc.GenericRpcHandler, details: _Details) -> grpc.RpcMethodHandler | None:
    # grpc is not annotated; of the details it asks for the method only.
    found: grpc.RpcMethodHandler | None = handler.service(details)  # type: ignore[no-untyped-call]
    return found


def _raise_status(written: list[bytes]) -> None:
    """Raise what the answer on a stream says in the place of a response."""
    assert len(written) == 1, f"one request had {len(written)} answers"
    answer = trial_pb2.WorkResponse.FromString(written[0])
    if answer.WhichOneof("response") == "status":
        raise _RefusedError(from_status(status_pb2.Status.FromString(answer.status)))


class _Errors(logging.Handler):
    """Keeps the last exception that dispatch logged as a defect."""

    last: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take it."""
        self.last = record.exc_info[1] if record.exc_info else None
