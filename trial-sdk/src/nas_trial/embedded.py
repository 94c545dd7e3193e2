"""An experiment inside this process: its engine on an event loop in a background thread, and a post at it.

For notebooks; the experiment's folder is that of ``nascore run``, so `nascore show last` finds it. Not here: the search
(``nas_trial.search``), and servers for other processes (``nascore.service``).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from nascore.errors import StateError, UnsupportedError
from nascore.record import (
    Begun,
    Derived,
    ExperimentAction,
    ExperimentSpec,
    Lease,
    LeaseAnswer,
    NextSamples,
    Outcome,
    Registration,
    Renewal,
    SampleExchange,
    TrialRecord,
    TunerLimits,
    Verdict,
)
from nascore.record.exchange import MIXABLE, NOTHING
from nascore.space import SearchSpace
from torch import nn

from nas_trial.attempt import Attempt
from nas_trial.post import WAIT_S, Post
from nas_trial.sharing import SharedWeights

if TYPE_CHECKING:
    from nascore.experiment import Engine, Experiments
    from nascore.experiment.exchange import Seat

AnswerT = TypeVar("AnswerT")

_WORKER = "notebook"


class Embedded:
    """An experiment in this process, from entering the context to leaving it.

    Args:
        spec: What is asked for.
        home: Folder of all experiments.
        tuner_limits: What the tuner may take.

    Attributes:
        folder: The experiment's folder.
        engine: The experiment; its coroutines go through `call`.
    """

    def __init__(self, spec: ExperimentSpec, *, home: Path, tuner_limits: TunerLimits) -> None:
        # Imported here and not above: these import gRPC, which a worker must not before it has forked.
        from nascore.experiment import experiment_folder, new_identifier  # noqa: PLC0415

        self._spec = spec
        self._tuner_limits = tuner_limits
        self._identifier = new_identifier()
        self.folder = experiment_folder(home, self._identifier)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nascore-engine", daemon=True)
        self._experiments: Experiments | None = None
        self.engine: Engine

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, mode=0o700)
        self._thread.start()
        try:
            self.engine = self.call(self._open())
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._experiments is not None:
            self.call(self._experiments.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, AnswerT]) -> AnswerT:
        """Run a coroutine of the engine, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        """End the experiment."""
        self.call(self.engine.update(secrets.token_hex(16), action=ExperimentAction.STOP))

    async def _open(self) -> Engine:
        # Imported here for the same reason.
        from nascore.experiment import DATABASE_NAME, Experiments  # noqa: PLC0415
        from nascore.journal import Holder  # noqa: PLC0415
        from nascore.tuner import HostLimits, connect  # noqa: PLC0415

        limits = HostLimits.allowing(self._tuner_limits)
        holder = Holder(os.getpid(), socket.gethostname(), started_at=time.time())
        self._experiments = await Experiments.open(
            self.folder / DATABASE_NAME,
            holder=holder,
            connect=lambda name, history, on_trouble: connect(
                name, history=history, limits=limits, on_trouble=on_trouble
            ),
        )
        return await self._experiments.create(self._spec, request_id=secrets.token_hex(16), identifier=self._identifier)


class EmbeddedLine:
    """A search's line to an experiment in this process; see `nas_trial.oneshot.line.Line`."""

    def __init__(self, embedded: Embedded, lease: Lease) -> None:
        self._embedded = embedded
        self._lease = lease

    def samples(self) -> SampleExchange:
        """Return the exchange of samples."""
        return EmbeddedExchange(self._embedded, self._lease)

    def shared(self, network: nn.Module, table: str, *, every: int) -> SharedWeights:
        """Raise `UnsupportedError`: this process is the only worker."""
        raise UnsupportedError(
            f"{table}: several workers share no weights in one process.", hint="Search by `nascore run --parallel`."
        )


class EmbeddedExchange:
    """The exchange of samples with an engine in this process; keeps the promises of `SampleExchange`."""

    def __init__(self, embedded: Embedded, lease: Lease) -> None:
        self._embedded = embedded
        self._lease = lease
        self._stack = AsyncExitStack()
        self._seat: Seat | None = None

    def begin(
        self,
        *,
        batches_per_epoch: int,
        costs: Mapping[tuple[str, str, str], float] = NOTHING,
        unmixable: Mapping[str, str] = MIXABLE,
        snapshot: tuple[bytes, int] | None = None,
        next_sample: int = 0,
    ) -> Begun:
        """Begin, or begin again; see `SampleExchange.begin`."""
        # Imported here and not above: it imports gRPC, which a worker must not before it has forked.
        from nascore.experiment.exchange import Opening  # noqa: PLC0415

        self.close()
        state, told = snapshot or (None, 0)
        lease = self._lease
        entered = self._stack.enter_async_context(self._embedded.engine.samples(_WORKER, lease.trial, lease.epoch))
        self._seat = self._embedded.call(entered)
        opening = Opening(batches_per_epoch, costs, unmixable, state=state, told=told, next_sample=next_sample)
        return self._embedded.call(self._seat.begin(opening))

    def exchange(self, outcomes: Sequence[tuple[int, Outcome]], want: int) -> NextSamples:
        """Tell outcomes, then ask for samples."""
        return self._embedded.call(self._taken.exchange(outcomes, want))

    def snapshot(self) -> tuple[bytes, int]:
        """Return the tuner's state, and how many outcomes it contains."""
        saved = self._embedded.call(self._taken.save())
        return saved.state, saved.told

    def derive(self, count: int) -> tuple[Derived, ...]:
        """Return up to ``count`` final architectures, best first."""
        return self._embedded.call(self._taken.derive(count))

    def close(self) -> None:
        """End it; twice is harmless."""
        self._seat = None
        self._embedded.call(self._stack.aclose())

    @property
    def _taken(self) -> Seat:
        if self._seat is None:
            raise StateError("The exchange has not begun.", hint="Call begin first.")
        return self._seat


class EmbeddedPost(Post):
    """A post at an experiment in this process."""

    def __init__(self, embedded: Embedded) -> None:
        super().__init__(embedded.engine.id)
        self._embedded = embedded
        self._engine = embedded.engine

    def close(self) -> None:
        """End all calls; they are those of this process, and end with `Embedded`."""

    def line(self, lease: Lease) -> EmbeddedLine:
        """Return what a SEARCH trial needs beside its lease."""
        return EmbeddedLine(self._embedded, lease)

    def _register(self, space: SearchSpace, *, devices: tuple[str, ...]) -> Registration:
        return self._embedded.call(self._engine.register_space(_WORKER, space, devices=devices))

    def renew(self, lease: Lease) -> Renewal:
        """Keep a lease."""
        return self._embedded.call(self._engine.renew(_WORKER, lease.trial, lease.epoch))

    def report(self, lease: Lease, step: int, metrics: Mapping[str, float]) -> Verdict:
        """Send intermediate metrics."""
        identifier = secrets.token_hex(16)
        report = self._engine.report(_WORKER, lease.trial, lease.epoch, identifier, step=step, metrics=metrics)
        return self._embedded.call(report)

    def trial(self, number: int) -> TrialRecord:
        """Return an earlier trial."""
        return self._engine.trial(number)

    def _lease(self) -> LeaseAnswer:
        return self._embedded.call(self._engine.lease(_WORKER, secrets.token_hex(16), max_wait_s=WAIT_S))

    def _finish(self, lease: Lease, attempt: Attempt, *, wants_next: bool) -> LeaseAnswer | None:
        finish = self._engine.finish(
            _WORKER,
            lease.trial,
            lease.epoch,
            secrets.token_hex(16),
            outcome=attempt.outcome,
            is_retryable=attempt.is_retryable,
            checkpoint=attempt.checkpoint,
            wants_next=wants_next,
            next_wait_s=WAIT_S if wants_next else 0.0,
        )
        return self._embedded.call(finish)

    def _give_back(self, lease: Lease) -> None:
        self._embedded.call(self._engine.return_lease(_WORKER, lease.trial, lease.epoch, secrets.token_hex(16)))
