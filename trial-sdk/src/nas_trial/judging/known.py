"""``KnownTrial``: a trial of which the best network is known; and ``judge_trial``, which lets a tuner search it.

The search is the worker's own (``nas_trial.oneshot``) with the tuner in the same process. Not here: the trials.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NoReturn

from nascore.errors import StateError, UnsupportedError
from nascore.record import (
    JsonValue,
    Lease,
    NextSamples,
    Objective,
    Outcome,
    OutcomeStatus,
    Proposal,
    SampleExchange,
    Task,
    proposal_seed,
)
from nascore.space import Architecture
from nascore.testing.judging import Verdict
from nascore.tuner import Schedule, Settings, Setup, Tuner
from nascore.tuner.samples import LocalExchange
from torch import nn

from nas_trial.briefing import Briefing
from nas_trial.extract import extract
from nas_trial.oneshot.carrying import SearchTrial, carry_out_search
from nas_trial.oneshot.overseer import Wish
from nas_trial.trial import Trial

_SCHEDULE = Schedule(20)


class KnownTrial(Trial):
    """A trial with a known answer; it runs on the CPU.

    Attributes:
        name: What it is called in tables.
        objective: What is optimised.
        answer: The best architecture, the only one that counts as exact.
    """

    device = "cpu"
    name: ClassVar[str]
    objective: ClassVar[Objective] = Objective("accuracy")
    answer: Architecture


def judge_trial(
    tuner_type: type[Tuner[Settings]],
    trial: KnownTrial,
    *,
    seed: int = 1,
    settings: Mapping[str, JsonValue] | None = None,
    schedule: Schedule = _SCHEDULE,
) -> Verdict:
    """Let a tuner search a trial one-shot in this process, and compare what it derives with the answer.

    It seeds the process's random generators, and prints what a worker prints.

    Args:
        tuner_type: The tuner; one-shot must be among its modes.
        trial: The trial.
        seed: Seed of the session and of the supernet; on one thread the same seed gives the same verdict.
        settings: Settings of the tuner.
        schedule: How long the search lasts.

    Raises:
        StateError: The search failed; its reason is told.
    """
    setup = Setup(extract(trial.build), (trial.objective,), seed, schedule=schedule)
    line = _Line(tuner_type, setup, settings or {})
    lease = Lease(0, 1, float("inf"), Proposal(0, task=Task.SEARCH), seed=proposal_seed(seed, 0), attempt=1)
    search = SearchTrial(trial, lease, line, _Alone(), None, Briefing((trial.objective.metric,)))
    outcome = carry_out_search(search).outcome
    if outcome.status is not OutcomeStatus.COMPLETED or not outcome.derived:
        reason = "it derived nothing" if outcome.failure is None else outcome.failure.message
        raise StateError(f"The search of {trial.name!r} by {tuner_type.name} failed: {reason}")
    found = outcome.derived[0].architecture
    distance = sum(found.get(path) != value for path, value in trial.answer.items())
    return Verdict(tuner_type.name, trial.name, seed, found, distance, outcome.metrics, line.exchange.count)


class _Counted(LocalExchange):
    """Counts the samples that it gives out."""

    count = 0

    def exchange(self, outcomes: Sequence[tuple[int, Outcome]], want: int) -> NextSamples:
        answer = super().exchange(outcomes, want)
        self.count += len(answer.samples)
        return answer


class _Line:
    """The line to a tuner in this process."""

    def __init__(self, tuner_type: type[Tuner[Settings]], setup: Setup, settings: Mapping[str, JsonValue]) -> None:
        self.exchange = _Counted(tuner_type, setup, settings, proposal_seed(setup.seed, 1))

    def samples(self) -> SampleExchange:
        return self.exchange

    def shared(self, network: nn.Module, table: str, *, every: int) -> NoReturn:
        raise UnsupportedError(f"Weights are not shared as {table!r}: a judged search has one worker.")


class _Alone:
    """Nobody watches, and nothing is wished for."""

    def report(self, step: int, metrics: Mapping[str, float], /) -> None:
        """Metrics of an epoch are of no use here."""

    def wish(self) -> Wish:
        return Wish.NOTHING

    def saved(self) -> None:
        """Nobody waits for it."""
