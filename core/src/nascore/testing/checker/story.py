"""What the log itself tells of each trial: a small state machine, and what it remembers for comparisons.

A trial is queued, leased with the next epoch, and then returned, lost or retried, which queues it again, or finished,
which ends it for good. Every word about it carries the epoch of the lease that stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from nascore.experiment import events
from nascore.record import ExperimentSpec, Proposal, proposal_seed
from nascore.testing.checker.logbook import Logged
from nascore.testing.checker.violation import Rule, Violation


@dataclass(slots=True)
class LeaseStory:
    """One lease: who had which trial with which epoch, and what ended it."""

    worker: str
    request_id: str
    attempt: int
    begun: Logged
    ended: Logged | None = None


@dataclass(slots=True)
class TrialStory:
    """One trial: what was proposed, where it stands, and its leases by epoch."""

    proposal: Proposal
    state: str = "queued"
    epoch: int = 0
    step: int = -1
    leases: dict[int, LeaseStory] = field(default_factory=dict)
    finished: Logged | None = None

    @property
    def outcome(self) -> events.Finished | None:
        """How it ended; ``None`` if it has not."""
        if self.finished is None or not isinstance(self.finished.event, events.Finished):
            return None
        return self.finished.event


class Story:
    """The whole log, told once.

    Attributes:
        spec: What was asked for; ``None`` for an empty log.
        trials: Their stories by number.
        requests: The events that each request caused, by its id.
        violations: What cannot be in any log.
    """

    def __init__(self, log: Iterable[Logged]) -> None:
        self.spec: ExperimentSpec | None = None
        self.trials: dict[int, TrialStory] = {}
        self.requests: dict[str, list[Logged]] = {}
        self.violations: list[Violation] = []
        self._outcomes: set[int] = {0}
        self._told_through = 0
        for place, logged in enumerate(log, 1):
            if logged.seq != place:
                self._broken(Rule.LOST, f"Entry {place} of the log is missing; entry {logged.seq} comes next.")
            self._take(logged)

    def _take(self, logged: Logged) -> None:
        event = logged.event
        request_id = getattr(event, "request_id", "")
        if request_id:
            self.requests.setdefault(request_id, []).append(logged)
            if len(self.requests[request_id]) > 1 and not isinstance(event, events.Enqueued):
                first = self.requests[request_id][0]
                self._broken(
                    Rule.TWICE,
                    f"Request {request_id} had two effects: {_named(first)} and {_named(logged)}.",
                )
        handler = self._HANDLERS.get(type(event))
        if handler is not None:
            handler(self, logged, event)

    def _created(self, logged: Logged, event: events.Created) -> None:
        self.spec = event.spec

    def _asked(self, logged: Logged, event: events.Asked) -> None:
        self._added(logged, event.proposal)
        number = event.proposal.number
        if self.spec is not None and event.seed != proposal_seed(self.spec.seed or 0, number):
            self._broken(Rule.STORY, f"Proposal {number} (entry {logged.seq}) was asked for with another seed.")
        if event.told_through not in self._outcomes:
            self._broken(
                Rule.TOLD,
                f"Proposal {number} (entry {logged.seq}) was made as of entry {event.told_through}, which is no outcome"
                " before it.",
            )
        if event.told_through < self._told_through:
            self._broken(
                Rule.TOLD,
                f"Proposal {number} (entry {logged.seq}) was made as of entry {event.told_through}, but an earlier one"
                f" as of entry {self._told_through}: outcomes were taken back or told again.",
            )
        self._told_through = max(self._told_through, event.told_through)

    def _enqueued(self, logged: Logged, event: events.Enqueued) -> None:
        self._added(logged, event.proposal)

    def _added(self, logged: Logged, proposal: Proposal) -> None:
        if proposal.number != len(self.trials):
            self._broken(
                Rule.STORY, f"Entry {logged.seq} makes trial {proposal.number}, but {len(self.trials)} is the next one."
            )
        self.trials[proposal.number] = TrialStory(proposal)

    def _leased(self, logged: Logged, event: events.Leased) -> None:
        trial = self._known(logged, event.trial)
        if trial is None:
            return
        if trial.state != "queued":
            self._broken(
                Rule.HOLDER, f"Trial {event.trial} was leased (entry {logged.seq}) while it was {trial.state}."
            )
        if event.epoch != trial.epoch + 1:
            self._broken(
                Rule.HOLDER,
                f"Trial {event.trial} was leased with epoch {event.epoch} after {trial.epoch} (entry {logged.seq}).",
            )
        trial.state, trial.epoch, trial.step = "running", event.epoch, -1
        trial.leases[event.epoch] = LeaseStory(event.worker, event.request_id, event.attempt, logged)

    def _reported(self, logged: Logged, event: events.Reported) -> None:
        trial = self._held(logged, event.report.number, epoch=event.epoch)
        if trial is None:
            return
        if event.report.step <= trial.step:
            self._broken(
                Rule.TWICE,
                f"Trial {event.report.number}: step {event.report.step} was reported after step {trial.step}"
                f" (entry {logged.seq}).",
            )
        trial.step = event.report.step

    def _ended_lease(
        self, logged: Logged, event: events.Returned | events.Lost | events.Retried | events.Finished
    ) -> None:
        trial = self._held(logged, event.trial, epoch=event.epoch)
        if trial is None:
            return
        if event.epoch in trial.leases:
            trial.leases[event.epoch].ended = logged
        trial.state = "queued"
        if isinstance(event, events.Finished):
            trial.state = "ended"
            trial.finished = trial.finished or logged
            self._outcomes.add(logged.seq)

    def _held(self, logged: Logged, number: int, *, epoch: int) -> TrialStory | None:
        """Return the trial that a word is about, having made sure that the word is of its holder."""
        trial = self._known(logged, number)
        if trial is None:
            return None
        if trial.state == "ended" and isinstance(logged.event, events.Finished):
            self._broken(Rule.TWICE, f"Trial {number} ended twice: {_named(trial.finished)} and {_named(logged)}.")
        elif trial.state != "running":
            self._broken(Rule.ZOMBIE, f"Trial {number} was {trial.state} when the log took {_named(logged)} of it.")
        elif epoch != trial.epoch:
            holder = trial.leases[trial.epoch].worker if trial.epoch in trial.leases else "nobody"
            self._broken(
                Rule.ZOMBIE,
                f"Trial {number}: {_named(logged)} came with epoch {epoch}, while {holder} held it with {trial.epoch}.",
            )
        return trial

    def _known(self, logged: Logged, number: int) -> TrialStory | None:
        trial = self.trials.get(number)
        if trial is None:
            self._broken(Rule.STORY, f"{_named(logged)} is about trial {number}, which was never made.")
        return trial

    def _broken(self, rule: Rule, sentence: str) -> None:
        self.violations.append(Violation(rule, sentence))

    # Each function takes its own type of event, which a mapping's type cannot say.
    _HANDLERS: ClassVar[Mapping[type[events.Event], Callable[[Story, Logged, Any], None]]] = {
        events.Created: _created,
        events.Asked: _asked,
        events.Enqueued: _enqueued,
        events.Leased: _leased,
        events.Reported: _reported,
        events.Returned: _ended_lease,
        events.Lost: _ended_lease,
        events.Retried: _ended_lease,
        events.Finished: _ended_lease,
    }


def _named(logged: Logged | None) -> str:
    return "nothing" if logged is None else f"'{logged.event.kind}' (entry {logged.seq})"
