"""Who is given what and when: queued trials to waiting workers, questions to the tuner when the queue is empty.

`Leasing.advance` looks at the state after every change and does what can be done at once: ends the experiment, leases,
starts an ask for all who wait (several workers share one call), answers those whose time to wait is over. Lost leases
are found here too. Not here: the words of workers that hold a trial (``holding``).
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from nascore.errors import NascoreError, SettingsError, TunerCrashedError, UnavailableError, UnsupportedError
from nascore.experiment import stopping
from nascore.experiment.asking import MAX_ASKED, Conversation
from nascore.experiment.clock import Alarm, Clock
from nascore.experiment.events import Ended, Event, Exhausted, Finished, Leased, Lost, Troubled
from nascore.experiment.leases import Deadlines
from nascore.experiment.ledger import Ledger
from nascore.experiment.requests import expected_reply
from nascore.experiment.state import Reply, State
from nascore.experiment.waiting import Waiter, Waiters
from nascore.record import (
    EndReason,
    ExperimentState,
    Failure,
    FailureKind,
    Lease,
    LeaseAnswer,
    LeaseStatus,
    Outcome,
    OutcomeStatus,
    trial_seed,
)
from nascore.tuner.session import AskStatus

MAX_FAILED_ASKS = 5
"""Failed asks in a row that end the experiment."""

_FEWEST_AHEAD = 24
_MOST_AHEAD = 64
_NONE_YET = LeaseAnswer(LeaseStatus.NONE_YET)
_LOG = logging.getLogger(__name__)


class Leasing:
    """Leases the trials of one experiment."""

    def __init__(self, ledger: Ledger, conversation: Conversation, *, clock: Clock) -> None:
        self._ledger = ledger
        self._conversation = conversation
        self._clock = clock
        self._waiters = Waiters(clock)
        self._deadlines = Deadlines()
        self._began: dict[int, float] = {}  # When this process leased a trial, on the monotonic clock.
        self._alarm = Alarm(clock, self._ring)
        self._asking: asyncio.Task[None] | None = None
        self._resting: asyncio.Task[None] | None = None
        self._waits_for_outcome = -1  # Outcomes there were when the tuner said "wait".
        self._failed_asks = 0
        self._is_closed = False

    async def lease(self, worker: str, request_id: str, *, max_wait_s: float) -> LeaseAnswer:
        """Return a trial, or that there is none yet, or why there will be none; see `Engine.lease`."""
        reply = expected_reply(self._ledger.state, request_id, kind=Leased.kind, worker=worker)
        if reply is not None:
            await self._ledger.settled()
            return self._granted(reply)
        if self._is_closed:
            raise _stopping()
        waiter = self._waiters.join(worker, request_id)
        self.advance()
        return await self._waiters.wait(waiter, max_wait_s=max_wait_s, on_timeout=self.advance)

    def restart(self) -> None:
        """Begin with the state as it is: every running trial has a full lease period again."""
        self._deadlines.clear()
        self._waits_for_outcome = -1
        for number in self._ledger.state.running:
            self.renew(number)
        self.advance()

    def renew(self, number: int) -> float:
        """Give a running trial a full lease period; returns its seconds."""
        period = stopping.lease_s(self._ledger.state.known_spec.limits)
        self._deadlines.set(number, self._clock.monotonic() + period)
        return period

    def release(self, number: int) -> None:
        """Forget the lease of a trial that was given back or has ended."""
        self._deadlines.drop(number)
        self._began.pop(number, None)

    def duration_s(self, number: int) -> float:
        """Return how long a trial has run; by the wall clock only if an earlier process leased it."""
        began = self._began.get(number)
        if began is None:
            return max(0.0, self._clock.time() - self._ledger.state.trials[number].started_at)
        return self._clock.monotonic() - began

    def advance(self) -> None:
        """Do all that the state allows now."""
        if self._is_closed or not self._ledger.is_ready:
            return  # A rebuilt state advances again.
        self._end_if_due()
        state = self._ledger.state
        if state.is_ended:
            self._dismiss(LeaseAnswer(LeaseStatus.ENDED, end_reason=state.end_reason))
            self._rest()
        elif state.phase is ExperimentState.RUNNING:
            self._grant(state)
            self._ask_if_needed(state)
        self._dismiss_impatient(state)
        self._set_alarm(state)

    def tuner_works(self) -> None:
        """Take note that the tuner answers: failed asks are counted anew and trouble is over."""
        self._failed_asks = 0
        self.note_trouble("")

    def note_trouble(self, trouble: str) -> None:
        """Show what keeps the experiment from going on, or (empty) that nothing does any more."""
        state = self._ledger.state
        if state.spec is None or state.is_ended or state.trouble == trouble:
            return  # Before its creation is written there is nothing that could have trouble.
        if self._ledger.is_ready and not self._is_closed:
            self._ledger.write(Troubled(trouble))

    def fail(self, trouble: str) -> None:
        """End the experiment; a person may resume it."""
        if self._ledger.is_ready and not self._ledger.state.is_ended:
            self._ledger.write(Ended(EndReason.FAILED, trouble))

    async def close(self) -> bool:
        """Lease no more; returns whether no call to the tuner had to be broken off."""
        self._is_closed = True
        self._alarm.cancel()
        self._waiters.fail(len(self._waiters), _stopping())
        if self._resting is not None:
            await asyncio.gather(self._resting, return_exceptions=True)
        asking = self._asking
        if asking is None:
            return True
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return False

    # --- ending and leasing -------------------------------------------------------------------------------------

    def _end_if_due(self) -> None:
        state = self._ledger.state
        if state.is_ended:
            return
        reason = stopping.end_reason(state, elapsed_s=self._ledger.elapsed_s())
        if reason is not None:
            self._ledger.write(Ended(reason, stopping.trouble(state, reason)))

    def _grant(self, state: State) -> None:
        places = stopping.free_places(state)
        while places and len(self._waiters) and state.queue:
            waiter = self._waiters.take()
            number = state.queue[0][1]
            trial = state.trials[number]
            event = Leased(number, trial.epoch + 1, trial.attempt + 1, waiter.worker, waiter.request_id)
            self._ledger.write(event)
            self.renew(number)
            self._began[number] = self._clock.monotonic()
            reply = Reply(event.kind, (number,), event.epoch, event.attempt, event.worker)
            self._answer(waiter, self._granted(reply))
            places -= 1

    def _granted(self, reply: Reply) -> LeaseAnswer:
        state = self._ledger.state
        number = reply.trials[0]
        lease = Lease(
            trial=number,
            epoch=reply.epoch,
            duration_s=stopping.lease_s(state.known_spec.limits),
            proposal=state.trials[number].proposal,
            seed=trial_seed(state.seed, number),
            attempt=reply.attempt,
        )
        return LeaseAnswer(LeaseStatus.GRANTED, lease)

    def _dismiss(self, answer: LeaseAnswer) -> None:
        while len(self._waiters):
            self._answer(self._waiters.take(), answer)

    def _dismiss_impatient(self, state: State) -> None:
        """Answer those whose time is over, but for those whom a running ask is about to serve."""
        served = 0 if self._asking is None else stopping.free_places(state)
        for waiter in self._waiters.impatient(served):
            self._answer(waiter, _NONE_YET)

    def _answer(self, waiter: Waiter, answer: LeaseAnswer) -> None:
        self._ledger.when_settled(lambda error: self._waiters.give(waiter, answer, error))

    def _rest(self) -> None:
        if self._conversation.is_connected and (self._resting is None or self._resting.done()):
            self._resting = asyncio.create_task(self._conversation.rest())

    # --- asking -------------------------------------------------------------------------------------------------

    def _wanted(self, state: State) -> int:
        """Return how many proposals to ask for: those who wait and may run, and some ahead."""
        if state.phase is not ExperimentState.RUNNING or state.known_spec.space is None:
            return 0
        if state.is_exhausted or len(state.outcomes) == self._waits_for_outcome:
            return 0
        waiting, queued, ahead = min(len(self._waiters), stopping.free_places(state)), len(state.queue), self._ahead()
        if not waiting and queued > ahead // 2:
            return 0
        return max(0, min(waiting + ahead - queued, stopping.trials_left(state) - queued, MAX_ASKED))

    def _ahead(self) -> int:
        """Return how many proposals to keep ready, so that no worker waits for a tuner that learns nothing."""
        working = len(self._waiters) + len(self._ledger.state.running)
        return min(_FEWEST_AHEAD + working, _MOST_AHEAD) if working and self._conversation.may_ask_ahead else 0

    def _ask_if_needed(self, state: State) -> None:
        if self._asking is None and self._wanted(state):
            # A task begins in the next turn of the loop: whoever comes in this one shares the call.
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        wanted = 0
        try:
            wanted = self._wanted(self._ledger.state)
            outcomes = len(self._ledger.state.outcomes)
            status = await self._conversation.ask(wanted) if wanted else None
            if status is not None:
                self._take_status(status, outcomes)
        except (SettingsError, UnsupportedError) as error:
            self.fail(str(error))
        except NascoreError as error:
            self._take_failure(error, wanted)
        except Exception as error:  # A plugin in this process may raise anything; the engine must live on.
            _LOG.exception("The tuner's session raised.")
            self._take_failure(TunerCrashedError(f"The tuner raised {type(error).__name__}: {error}."), wanted)
        finally:
            self._asking = None
        self.advance()

    def _take_status(self, status: AskStatus, outcomes: int) -> None:
        state = self._ledger.state
        if status is AskStatus.WAIT:
            if not state.running and not state.queue and len(state.outcomes) == outcomes:
                raise TunerCrashedError(
                    f"Tuner {state.known_spec.tuner} waits for an outcome, but no trial is left that could give one."
                )
            self._waits_for_outcome = outcomes
        self.tuner_works()
        if status is AskStatus.EXHAUSTED:
            self._ledger.write(Exhausted())

    def _take_failure(self, error: NascoreError, wanted: int) -> None:
        if self._is_closed or not self._ledger.is_ready:
            return
        self._failed_asks += 1
        _LOG.info("Experiment %s: ask %d failed: %s", self._ledger.state.id, self._failed_asks, error)
        is_hopeless = isinstance(error, TunerCrashedError) and not error.is_retryable
        if is_hopeless or self._failed_asks >= MAX_FAILED_ASKS:
            times, self._failed_asks = self._failed_asks, 0
            self._conversation.forget()  # A person who resumes it wants a fresh tuner.
            self.fail(str(error) if is_hopeless else f"The tuner failed {times} times in a row: {error}")
        else:
            self.note_trouble(str(error))
            self._waiters.fail(wanted, error)

    # --- time ---------------------------------------------------------------------------------------------------

    def _ring(self) -> None:
        if not self._is_closed and self._ledger.is_ready:
            if self._slept():
                self.restart()
                return
            for number in self._deadlines.expired(self._clock.monotonic()):
                self._ledger.write(self._loss(number))
            with suppress(UnavailableError):
                self.advance()

    def _slept(self) -> bool:
        """Whether this process stood still so long that renewals may wait in its sockets, unread."""
        due = self._deadlines.next()
        period = stopping.lease_s(self._ledger.state.known_spec.limits)
        return due is not None and self._clock.monotonic() - due > period / 3

    def _loss(self, number: int) -> Event:
        state = self._ledger.state
        trial, limits = state.trials[number], state.known_spec.limits
        if trial.attempt < stopping.max_attempts(limits):
            return Lost(number, trial.epoch)
        message = (
            f"Lost {trial.attempt} times; last by worker {trial.worker!r}, silent for {stopping.lease_s(limits):g} s."
        )
        failure = Failure(FailureKind.LOST, message)
        outcome = Outcome(OutcomeStatus.FAILED, duration_s=self.duration_s(number), failure=failure)
        return Finished(number, trial.epoch, outcome)

    def _set_alarm(self, state: State) -> None:
        if (lease_over := self._deadlines.next()) is not None:
            self._alarm.set(lease_over)
        limit = state.known_spec.limits.max_duration_s
        if limit is not None and state.phase is ExperimentState.RUNNING:
            self._alarm.set(self._clock.monotonic() + max(0.0, limit - self._ledger.elapsed_s()))


def _stopping() -> UnavailableError:
    return UnavailableError("The server is stopping.", hint="Try again when it is back.")
