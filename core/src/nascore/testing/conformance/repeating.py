"""Checks that the same gives the same: seeds, questions, outcomes delivered twice, and what comes at the wrong time."""

from __future__ import annotations

import contextlib

from nascore.errors import StateError
from nascore.record import Outcome, OutcomeStatus, Proposal, Told
from nascore.testing.conformance.bench import Bench
from nascore.testing.conformance.breach import NeedlessError, assert_same
from nascore.testing.conformance.search import Search, assert_repeats
from nascore.testing.conformance.stage import METRIC
from nascore.tuner.contract import Determinism

_TURNS = 8
_BATCH = 6
_GAP, _GAP_FROM_END = 4, 6


def check_determinism(bench: Bench) -> None:
    """A second session with the same seeds and outcomes proposes the same."""
    _need_repeats(bench)
    for stage in bench.stages:
        turns = bench.searched_far(stage, _TURNS)
        assert_repeats(bench.open(stage), turns, when="in a second session with the same seeds and outcomes")


def check_same_question(bench: Bench) -> None:
    """The same question again gives the same answer, and changes nothing that comes later."""
    _need_repeats(bench)
    for stage in bench.stages:
        turns = bench.searched_far(stage, _TURNS)
        twice = [turn for turn in turns for _ in range(2)]
        assert_repeats(bench.open(stage), twice, when="where every question was put twice")


def check_repeated_tells(bench: Bench) -> None:
    """An outcome that is delivered twice counts once."""
    _need_repeats(bench)
    for stage in bench.stages:
        turns = bench.searched_far(stage, _TURNS)
        talk = bench.open(stage)
        for turn in turns:
            for _ in range(2):
                if turn.outcomes:
                    talk.tell(turn.outcomes, after_seq=turn.after_seq)
            assert_repeats(talk, (turn,), when="where every outcome was delivered three times")


def check_late_tells(bench: Bench) -> None:
    """An old outcome that comes again much later is passed over."""
    _need_repeats(bench)
    stage = bench.trial_stage
    turns = bench.searched_far(stage, _TURNS)
    talk = bench.open(stage)
    told: list[Told] = []
    for turn in turns:
        told.extend(turn.outcomes)
        if told and turn is not turns[-1]:
            assert_repeats(talk, (turn,), when="before old outcomes came again")
            talk.tell(told[:3], after_seq=0)
        else:
            assert_repeats(talk, (turn,), when="where old outcomes came again")


def check_gaps(bench: Bench) -> None:
    """Outcomes that are missing in between are asked for, or at least not lost."""
    _need_repeats(bench)
    stage = bench.trial_stage
    begun = bench.begun(stage).turns[0]
    told = [_told(place, proposal) for place, proposal in enumerate(begun.answer.proposals)]
    if len(told) <= _GAP_FROM_END:
        raise NeedlessError(f"It proposes {len(told)} at a time: too few for a gap among their outcomes.")
    gap = slice(len(told) - _GAP_FROM_END, len(told) - _GAP_FROM_END + _GAP)
    before, missing, after = told[: gap.start], told[gap], told[gap.stop :]
    orderly, gappy = bench.open(stage), bench.open(stage)
    for talk in (orderly, gappy):
        talk.ask(0, begun.seeds)
        talk.tell(before, after_seq=0)
    orderly.tell((*missing, *after), after_seq=before[-1].seq)
    seeds = [stage.seed_of(len(told) + place) for place in range(8)]
    expected = orderly.ask(len(told), seeds, told_through=told[-1].seq)
    with contextlib.suppress(StateError):
        gappy.tell(after, after_seq=missing[-1].seq)
    with contextlib.suppress(StateError):
        early = gappy.ask(len(told), seeds, told_through=told[-1].seq)
        assert_same(expected.proposals, early.proposals, when="although outcomes were missing")
    gappy.tell(missing, after_seq=before[-1].seq)
    gappy.tell(after, after_seq=missing[-1].seq)
    found = gappy.ask(len(told), seeds, told_through=told[-1].seq)
    assert_same(expected.proposals, found.proposals, when="after a gap in the outcomes that was filled later")


def _told(place: int, proposal: Proposal) -> Told:
    """The later the better, so that whoever loses a late one goes elsewhere."""
    return Told(
        3 * place + 3, proposal, Outcome(OutcomeStatus.COMPLETED, {METRIC: float(place), "loss": -float(place)})
    )


def check_batches(bench: Bench) -> None:
    """Several proposals in one question are those of as many questions."""
    _need_repeats(bench)
    stage = bench.trial_stage
    search = bench.begun(stage)
    together = search.turn(want=_BATCH)
    apart = bench.open(stage)
    assert_repeats(apart, search.turns[:1], when="in a second session with the same seeds and outcomes")
    if together.outcomes:
        apart.tell(together.outcomes, after_seq=together.after_seq)
    single: list[Proposal] = []
    for number, seed in enumerate(together.seeds, together.first_number):
        single.extend(apart.ask(number, (seed,), told_through=together.told_through).proposals)
    assert_same(together.answer.proposals, single, when="when asked for one by one")


def check_two_sessions(bench: Bench) -> None:
    """Two sessions at a time know nothing of each other."""
    _need_repeats(bench)
    for stage in bench.stages:
        turns = bench.searched_far(stage, _TURNS)
        other = stage.with_seed(stage.setup.seed + 1)
        neighbour = bench.begun(other)
        talk = bench.open(stage)
        for turn in turns:
            neighbour.run(1)
            assert_repeats(talk, (turn,), when="beside a second session")


def check_reopening(bench: Bench) -> None:
    """Opening an open session again starts it afresh."""
    _need_repeats(bench)
    for stage in bench.stages:
        turns = bench.searched_far(stage, _TURNS)
        other = stage.with_seed(stage.setup.seed + 1)
        talk = bench.open(other)
        Search(talk, other).run(_TURNS)
        talk.open(stage.setup, bench.settings)
        assert_repeats(talk, turns, when="where the session had held another search before")


def _need_repeats(bench: Bench) -> None:
    if not bench.repeats:
        raise NeedlessError(f"It declares level {Determinism.NONE.value}: it never promised to propose the same again.")
