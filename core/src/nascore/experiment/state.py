"""The state of one experiment, rebuilt from its log: everything that is decided by, and nothing that is waited for.

Changed only by `nascore.experiment.transitions.apply`, so that a replay of the log gives exactly the same state. Not
here: leases' deadlines, waiting workers and the tuner's process, which a restart begins anew.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from nascore.errors import NotFoundError
from nascore.experiment.pareto import Ranking
from nascore.record import (
    Asked,
    EndReason,
    ExperimentRecord,
    ExperimentSpec,
    ExperimentState,
    Report,
    Told,
    TrialRecord,
    TrialState,
    Verdict,
)

REPORTS_KEPT = 1_000
"""Intermediate reports kept of a trial; older ones stay in the log."""
REPLIES_KEPT = 16_384
"""Requests whose replies are remembered; outcomes and creations are remembered for good."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request was answered: its kind, the trials it was about, and what was said.

    Attributes:
        kind: Kind of the event that the request caused.
        trials: Numbers of trials.
        epoch: Epoch of the lease.
        attempt: Attempt of the lease.
        worker: Who asked.
        verdict: For a report.
    """

    kind: str
    trials: tuple[int, ...] = ()
    epoch: int = 0
    attempt: int = 0
    worker: str = ""
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class AskedPlace:
    """One of the tuner's own proposals: its number, its seed, and the seq of the last outcome it knew."""

    number: int
    seed: int
    told_through: int


@dataclass(slots=True)
class State:
    """One experiment.

    Attributes:
        id: Its id.
        spec: What was asked for, with space and limits as they are now; ``None`` before the first event.
        seq: Seq of the last event.
        phase: Where it stands.
        trials: All trials by number; without their reports, which are in ``reports``.
        changed: For each trial, the seq of its last change.
        queue: A heap of (rank, number): what is leased next.
        running: Numbers of the leased trials.
        asked: The tuner's own proposals, in its order.
        outcomes: (seq, number) of each final outcome, in the order of the log.
        replies: What was answered to which request, oldest first.
    """

    id: str
    spec: ExperimentSpec | None = None
    seq: int = 0
    phase: ExperimentState = ExperimentState.RUNNING
    end_reason: EndReason | None = None
    trouble: str = ""
    created_at: float = 0.0
    elapsed_s: float = 0.0
    create_request: str = ""
    create_digest: str = ""
    batches_per_epoch: int = 0
    trials: list[TrialRecord] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    reports: dict[int, deque[Report]] = field(default_factory=dict)
    queue: list[tuple[int, int]] = field(default_factory=list)
    running: set[int] = field(default_factory=set)
    counts: dict[TrialState, int] = field(default_factory=lambda: dict.fromkeys(TrialState, 0))
    asked: list[AskedPlace] = field(default_factory=list)
    outcomes: list[tuple[int, int]] = field(default_factory=list)
    requests_of_outcomes: dict[int, str] = field(default_factory=dict)
    replies: OrderedDict[str, Reply] = field(default_factory=OrderedDict)
    ranking: Ranking = field(default_factory=Ranking)
    is_exhausted: bool = False
    failures_in_a_row: int = 0

    @property
    def known_spec(self) -> ExperimentSpec:
        """What was asked for; every experiment but an unborn one has it."""
        assert self.spec is not None
        return self.spec

    @property
    def seed(self) -> int:
        """Seed of the experiment, drawn at creation if none was given."""
        return self.known_spec.seed or 0

    @property
    def is_ended(self) -> bool:
        """Whether no more trials are leased."""
        return self.phase in (ExperimentState.STOPPED, ExperimentState.FINISHED)

    @property
    def final_count(self) -> int:
        """How many trials have ended."""
        return len(self.outcomes)

    def trial(self, number: int) -> TrialRecord:
        """Return a trial with its reports.

        Raises:
            NotFoundError: There is no such trial.
        """
        self.stored(number)
        return self._with_reports(number)

    def stored(self, number: int) -> TrialRecord:
        """Return a trial without its reports.

        Raises:
            NotFoundError: There is no such trial.
        """
        if not 0 <= number < len(self.trials):
            known = f"0 to {len(self.trials) - 1}" if self.trials else "none yet"
            raise NotFoundError(f"Experiment {self.id} has no trial {number}; its trials: {known}.")
        return self.trials[number]

    def _with_reports(self, number: int) -> TrialRecord:
        reports = self.reports.get(number)
        trial = self.trials[number]
        return replace(trial, reports=tuple(reports)) if reports else trial

    def select(
        self, *, states: tuple[TrialState, ...] = (), after: int = -1, count: int | None = None
    ) -> tuple[TrialRecord, ...]:
        """Return up to ``count`` trials by number, those after ``after`` in one of ``states`` (all if empty)."""
        chosen: list[TrialRecord] = []
        for number in range(max(0, after + 1), len(self.trials)):
            if count is not None and len(chosen) >= count:
                break
            if not states or self.trials[number].state in states:
                chosen.append(self._with_reports(number))
        return tuple(chosen)

    def best(self, count: int = 1) -> tuple[TrialRecord, ...]:
        """Return the best trials: the first ``count`` with one objective, the whole Pareto front with several."""
        limit = count if len(self.known_spec.objectives) == 1 else None
        return tuple(self._with_reports(number) for number in self.ranking.best(limit))

    def told(self, number: int, seq: int) -> Told:
        """Return a trial's outcome as the tuner is told it."""
        trial = self.trials[number]
        assert trial.outcome is not None
        return Told(seq, trial.proposal, trial.outcome)

    def record(self, *, elapsed_s: float | None = None) -> ExperimentRecord:
        """Return the experiment and its numbers."""
        return ExperimentRecord(
            id=self.id,
            spec=self.known_spec,
            state=self.phase,
            end_reason=self.end_reason,
            trouble=self.trouble,
            created_at=self.created_at,
            elapsed_s=self.elapsed_s if elapsed_s is None else elapsed_s,
            counts=dict(self.counts),
            seq=self.seq,
        )


def history(state: State, *, told_through: int, after_asked: int = 0, after_seq: int = 0) -> Iterator[Asked | Told]:
    """Return what the tuner has taken, in the order in which it took it.

    Args:
        state: The experiment; what is added to it after this call is not returned.
        told_through: Seq of the last outcome it was told.
        after_asked: Leave out so many of its first proposals, for a snapshot contains them.
        after_seq: Leave out outcomes up to this seq, likewise.
    """
    return _history(state, told_through, after_asked, after_seq, len(state.asked))


def _history(state: State, told_through: int, after_asked: int, after_seq: int, asked: int) -> Iterator[Asked | Told]:
    position = 0
    outcomes = state.outcomes
    for place in state.asked[after_asked:asked]:
        while position < len(outcomes) and outcomes[position][0] <= place.told_through:
            if outcomes[position][0] > after_seq:
                yield state.told(outcomes[position][1], outcomes[position][0])
            position += 1
        yield Asked(state.trials[place.number].proposal, place.seed)
    while position < len(outcomes) and outcomes[position][0] <= told_through:
        if outcomes[position][0] > after_seq:
            yield state.told(outcomes[position][1], outcomes[position][0])
        position += 1
