"""One experiment at work: it asks the tuner, leases trials to workers, takes outcomes, and ends by its limits.

Everything runs on one event loop. A decision is made on the state without waiting in between, written to the log, and
answered once the log has it; so an acknowledged word survives any crash. The tuner works in a task of its own and is
never waited for by a worker that finishes.

Not here: what events do (``transitions``), when it ends (``stopping``), who is given what (``leasing``), the words of a
worker that holds a trial (``holding``), whose space it is (``registering``), the talk with the tuner (``asking``),
samples (``exchange``), several experiments (``experiments``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from nascore.errors import NascoreError, UnavailableError
from nascore.experiment.asking import Conversation
from nascore.experiment.clock import Clock
from nascore.experiment.counterpart import Connect
from nascore.experiment.events import Created
from nascore.experiment.exchange import Rooms, Seat
from nascore.experiment.holding import Holding
from nascore.experiment.leasing import Leasing
from nascore.experiment.ledger import Ledger
from nascore.experiment.registering import Registering
from nascore.experiment.requests import check_name
from nascore.experiment.state import State
from nascore.experiment.steering import Steering
from nascore.experiment.summary import Summary, summary_of
from nascore.experiment.watching import Change
from nascore.journal.contract import Journal
from nascore.record import (
    EndReason,
    ExperimentAction,
    ExperimentRecord,
    ExperimentSpec,
    LeaseAnswer,
    LeaseStatus,
    Limits,
    Outcome,
    Registration,
    Renewal,
    Task,
    TrialRecord,
    TrialState,
    Verdict,
)
from nascore.space import Architecture, SearchSpace


class Engine:
    """One experiment. All methods belong to the event loop that it was made on.

    Every changing method first waits while the log is read again after a failed write, and returns only when what it
    did and what it saw is stored. They raise ``ExhaustedResourceError`` if that fails; nothing was acknowledged then.
    Reading methods return at once what is decided, which may be stored a moment later; see `settled`.
    """

    def __init__(self, state: State, journal: Journal, *, connect: Connect, clock: Clock) -> None:
        self.id = state.id
        self._ledger = Ledger(journal, state, clock=clock)
        self._conversation = Conversation(self._ledger, journal, connect=connect)
        self._leasing = Leasing(self._ledger, self._conversation, clock=clock)
        self._holding = Holding(self._ledger, self._leasing, self._conversation, clock=clock)
        self._registering = Registering(self._ledger, self._leasing, self._conversation)
        self._steering = Steering(self._ledger, self._leasing, self._conversation)
        self._rooms = Rooms(self._ledger, connect, renew=self._leasing.renew, on_trouble=self._leasing.note_trouble)
        self._conversation.on_trouble = self._leasing.note_trouble
        self._ledger.on_rebuilt = self._leasing.restart
        self._is_closed = False

    # --- beginning and end of service ---------------------------------------------------------------------------

    async def create(self, spec: ExperimentSpec, *, digest: str, request_id: str) -> None:
        """Begin a new experiment: find its tuner, open it if the space is known, and write the first event.

        Raises:
            NotFoundError: There is no such tuner.
            SettingsError: Its settings are wrong.
            UnsupportedError: It cannot tune this space; nothing was created.
        """
        chosen = await self._conversation.prepare(spec)
        self._ledger.write(Created(chosen, digest, request_id))
        await self._ledger.settled()
        self._leasing.restart()

    def start(self) -> None:
        """Serve an experiment that the log holds: running trials have a full lease period again."""
        self._leasing.restart()

    async def close(self) -> None:
        """Lease no more, finish what is being written, save the tuner's state, and let go of the tuner."""
        if not self._is_closed:
            self._is_closed = True
            is_quiet = await self._leasing.close()
            is_quiet = await self._registering.close() and is_quiet
            await self._rooms.close()
            await self._conversation.close(is_quiet=is_quiet)
            await self._ledger.close()

    # --- workers ------------------------------------------------------------------------------------------------

    async def register_space(
        self, worker: str, space: SearchSpace, *, tasks: Sequence[Task] = (), batches_per_epoch: int = 0,
        devices: Sequence[str] = (),
    ) -> Registration:  # fmt: skip
        """Take the space that a worker's code defines; the first one is the experiment's.

        Raises:
            SpaceError: It differs from the experiment's; ``violations`` lists how.
            UnsupportedError, SettingsError: The tuner cannot tune it; the experiment has ended then.
            TunerCrashedError: The tuner crashed; trying again helps.
        """
        await self._ready()
        return await self._registering.register(
            worker, space, tasks=tasks, batches_per_epoch=batches_per_epoch, devices=devices
        )

    async def lease(self, worker: str, request_id: str, *, max_wait_s: float = 0.0) -> LeaseAnswer:
        """Return a trial, or that there is none yet, or why there will be none.

        Args:
            worker: Name of the worker.
            request_id: The same id again gets the same answer.
            max_wait_s: Longest wait for other trials, the space or the end of a pause; the tuner is waited for anyway.

        Raises:
            TunerCrashedError: The tuner failed this time; trying again helps.
        """
        await self._ready()
        check_name("worker", worker)
        return await self._leasing.lease(worker, request_id, max_wait_s=max_wait_s)

    async def renew(self, worker: str, trial: int, epoch: int) -> Renewal:
        """Keep a lease, and return what the trial shall do.

        Raises:
            LeaseSupersededError: The worker does not hold it any more.
        """
        await self._ready()
        return await self._holding.renew(worker, trial, epoch=epoch)

    async def report(
        self, worker: str, trial: int, epoch: int, request_id: str, *, step: int, metrics: Mapping[str, float]
    ) -> Verdict:
        """Store intermediate values of a running trial, and return whether it shall go on.

        Raises:
            MetricError: A value is not finite.
            InvalidInputError: The step does not rise.
            LeaseSupersededError: The worker does not hold the trial any more.
        """
        await self._ready()
        return await self._holding.report(worker, trial, epoch=epoch, request_id=request_id, step=step, metrics=metrics)

    async def finish(
        self, worker: str, trial: int, epoch: int, request_id: str, *, outcome: Outcome, is_retryable: bool = False,
        checkpoint: str = "", wants_next: bool = False, next_wait_s: float = 0.0,
    ) -> LeaseAnswer | None:  # fmt: skip
        """Store the end of a trial; if wanted, answer with the next lease.

        Args:
            worker: Who holds the trial.
            trial: Its number.
            epoch: Epoch of the lease.
            request_id: The same id again gets the same answer.
            outcome: How it ended; its duration is set here.
            is_retryable: Whether a failure may pass: the trial is then queued again, up to ``max_attempts``.
            checkpoint: Id of the checkpoint with the trained weights.
            wants_next: Whether to lease the next trial with the same call.
            next_wait_s: Longest wait for it.

        Raises:
            MetricError: An objective is missing; nothing was stored.
            LeaseSupersededError: The worker does not hold the trial any more.
            ConflictError: The trial has ended with another outcome, which is named.
        """
        await self._ready()
        self._holding.finish(
            worker, trial, epoch=epoch, request_id=request_id, outcome=outcome, is_retryable=is_retryable,
            checkpoint=checkpoint,
        )  # fmt: skip
        if not wants_next:
            await self._ledger.settled()
            return None
        return await self._next(worker, f"{request_id}/next", max_wait_s=next_wait_s)

    @asynccontextmanager
    async def samples(self, worker: str, trial: int, epoch: int) -> AsyncIterator[Seat]:
        """Give the worker that holds a SEARCH trial its seat in the exchange of samples, until the block ends.

        Raises:
            LeaseSupersededError: The worker does not hold the trial.
            StateError: The trial does not search.
        """
        await self._ready()
        async with self._rooms.seat(worker, trial, epoch=epoch) as seat:
            yield seat

    async def return_lease(self, worker: str, trial: int, epoch: int, request_id: str) -> None:
        """Take a trial back undone; it is queued again and the attempt is not counted.

        Raises:
            LeaseSupersededError: The worker does not hold the trial any more.
        """
        await self._ready()
        await self._holding.return_lease(worker, trial, epoch=epoch, request_id=request_id)

    # --- people -------------------------------------------------------------------------------------------------

    async def enqueue(self, request_id: str, architectures: Sequence[Architecture]) -> tuple[int, ...]:
        """Put architectures in before the tuner's own; returns the numbers of their trials.

        Raises:
            StateError: The space is not known yet.
            ArchitectureError: One does not fit the space; none was put in.
        """
        await self._ready()
        return await self._steering.enqueue(request_id, architectures)

    async def update(
        self, request_id: str, *, action: ExperimentAction | None = None, limits: Limits | None = None
    ) -> ExperimentRecord:
        """Pause, resume or stop it, or change its limits; what is so already is left so.

        Raises:
            StateError: It has ended and cannot be paused, or a resumed one would end at once; what to change is named.
        """
        await self._ready()
        await self._steering.update(request_id, action=action, limits=limits)
        return self.record()

    # --- reading ------------------------------------------------------------------------------------------------

    async def settled(self) -> None:
        """Wait until all that the reading methods return now is stored.

        Raises:
            UnavailableError: It was thrown away after a failed write; read again.
            NascoreError: It could not be stored.
        """
        if not self._ledger.is_ready:
            await self._ledger.ready()
            raise UnavailableError(f"Experiment {self.id} was just read again from its log.", hint="Try again.")
        await self._ledger.settled()

    def record(self) -> ExperimentRecord:
        """Return the experiment and its numbers."""
        return self._state.record(elapsed_s=self._ledger.elapsed_s())

    def summary(self) -> Summary:
        """Return what a list of experiments shows of it, as of the last event."""
        return summary_of(self._state)

    def trial(self, number: int) -> TrialRecord:
        """Return a trial.

        Raises:
            NotFoundError: There is no such trial.
        """
        return self._state.trial(number)

    def trials(
        self, *, states: Sequence[TrialState] = (), after: int = -1, count: int | None = None
    ) -> tuple[TrialRecord, ...]:
        """Return up to ``count`` trials by number, those after ``after`` in one of ``states`` (all if empty)."""
        return self._state.select(states=tuple(states), after=after, count=count)

    def best(self, count: int = 1) -> tuple[TrialRecord, ...]:
        """Return the best trials, best first: ``count`` with one objective, the whole Pareto front with several."""
        return self._state.best(count)

    def watch(self, after_seq: int = 0) -> AsyncGenerator[Change, None]:
        """Yield committed changes after a position; one who falls behind gets the newest state of what changed."""
        return self._ledger.feed.watch(lambda: self._state, after_seq=after_seq)

    async def wait_ended(self) -> EndReason:
        """Wait until the experiment has ended; returns why.

        Raises:
            UnavailableError: The server stops before that.
        """
        while True:
            state = self._state
            if state.is_ended and state.end_reason is not None and self._ledger.feed.committed_seq >= state.seq:
                return state.end_reason
            if self._is_closed:
                raise UnavailableError(f"The server stops before experiment {self.id} has ended.")
            await self._ledger.feed.changed()

    @property
    def _state(self) -> State:
        return self._ledger.state

    async def _ready(self) -> None:
        if self._is_closed:
            raise UnavailableError("The server is stopping.", hint="Try again when it is back.")
        if not self._ledger.is_ready:
            await self._ledger.ready()

    async def _next(self, worker: str, request_id: str, *, max_wait_s: float) -> LeaseAnswer:
        stored = self._ledger.last_write
        try:
            answer = await self._leasing.lease(worker, request_id, max_wait_s=max_wait_s)
        except NascoreError:  # The end of the trial is acknowledged all the same; the worker asks again.
            answer = LeaseAnswer(LeaseStatus.NONE_YET)
        if stored is not None:
            await asyncio.shield(stored)
        return answer
