"""Checks of the samples of a one-shot search: the schedule ends, losses do not stop it, and it derives."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial

from nascore.record import Outcome, OutcomeStatus, Proposal, Task
from nascore.testing.conformance.bench import Bench
from nascore.testing.conformance.breach import BreachError
from nascore.testing.conformance.search import Search
from nascore.testing.conformance.stage import BATCHES_PER_EPOCH, EPOCHS, WARMUP_EPOCHS, Stage, completed, ended

_WANTED = 4
_MOST_SAMPLES = 20_000
_DERIVED = 3


def check_schedule(bench: Bench) -> None:
    """It trains for as many batches as the schedule says, and is then exhausted for good."""
    for workers in (1,) if bench.is_quick else (1, 2):
        stage = bench.sample_stage
        stage = replace(stage, setup=replace(stage.setup, workers=workers))
        search = _to_the_end(bench, stage)
        trained = Counter(proposal.task for proposal in search.proposals)[Task.TRAIN]
        batches = (WARMUP_EPOCHS + EPOCHS) * BATCHES_PER_EPOCH
        if trained < batches:
            raise BreachError(f"It was exhausted after {trained} training batches of {batches} ({workers} workers).")
        for _ in range(2):
            if search.turn().answer.proposals:
                raise BreachError("It was exhausted, and went on.")


def check_derived(bench: Bench) -> None:
    """At the end it derives architectures that fit the space, best first, no more than were wanted."""
    stage = bench.sample_stage
    talk = bench.open(stage)
    search = Search(talk, stage)
    _run_out(search)
    found = talk.derive(_DERIVED)
    if not found:
        raise BreachError("It derived no architecture.")
    if len(found) > _DERIVED:
        raise BreachError(f"It derived {len(found)} architectures where {_DERIVED} were wanted.")
    scores = [each.score for each in found if each.score is not None]
    if scores != sorted(scores, reverse=True):
        raise BreachError(f"What it derived is not best first: {scores}.")
    if bench.repeats and talk.derive(_DERIVED) != found:
        raise BreachError("Asked a second time, it derived something else.")


def check_lost_samples(bench: Bench) -> None:
    """Samples that fail or come out without finite numbers do not stop it."""
    for status in (OutcomeStatus.FAILED, OutcomeStatus.NON_FINITE):
        _to_the_end(bench, replace(bench.sample_stage, outcome_of=partial(_often, status)))


def _often(status: OutcomeStatus, sample: Proposal) -> Outcome:
    return ended(status) if sample.number % 3 == 1 else completed(sample)


def _to_the_end(bench: Bench, stage: Stage) -> Search:
    search = Search(bench.open(stage), stage)
    _run_out(search)
    if not search.is_over:
        raise BreachError(f"Its schedule is over, and it still proposes after {len(search.proposals)} samples.")
    return search


def _run_out(search: Search) -> None:
    while not search.is_over and search.next_number < _MOST_SAMPLES:
        search.turn(want=_WANTED)
    if search.is_over:
        search.turn()  # The last outcomes come with a question that nothing is left to answer.
