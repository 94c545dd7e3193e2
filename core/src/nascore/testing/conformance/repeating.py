"""Checks that the same gives the same: seeds, questions, outcomes delivered twice, and what comes at the wrong time."""

from __future__ import annotations

import contextlib

from nascore.errors import StateError
from nascore.record import Outcome, OutcomeStatus, Told
from nascore.testing.conformance.bench import Bench
from nascore.testing.conformance.breach import NeedlessError, assert_same
from nascore.testing.conformance.search import Search, assert_repeats
from nascore.testing.conformance.stage import METRIC
from nascore.tuner.contract import Determinism

_TURNS = 8


def check_determinism(bench: Bench) -> None:
    """A second session with the same seeds and outcomes proposes the same."""
    _need_repeats(bench)
    for stage in bench.stages:
        turns = bench.searched(stage, _TURNS)
        assert_repeats(bench.open(stage), turns, when="in a second session with the same seeds and outcomes")


def check_same_question(bench: Bench) -> None:
    """The same question again gives the same answer, and changes nothing that comes later."""
    _need_repeats(bench)
    for stage in bench.stages:
        turns = bench.searched(stage, _TURNS)
        twice = [turn for turn in turns for _ in range(2)]
        assert_repeats(bench.open(stage), twice, when="where every question was put twice")


def check_repeated_tells(bench: Bench) -> None:
    """An outcome that is delivered twice counts once."""
    _need_repeats(bench)
    for stage in bench.stages:
        turns = bench.searched(stage, _TURNS)
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
    turns = bench.searched(stage, _TURNS)
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
    search = Search(bench.open(stage), stage)
    first = search.turn(want=6).answer.proposals
    told = [
        Told(3 * place + 3, proposal, Outcome(OutcomeStatus.COMPLETED, {METRIC: float(-place), "loss": float(place)}))
        for place, proposal in enumerate(first)
    ]
    # The best comes first, so that a tuner that has lost it goes elsewhere.
    orderly, gappy = bench.open(stage), bench.open(stage)
    for talk in (orderly, gappy):
        talk.ask(0, search.turns[0].seeds)
    orderly.tell(told, after_seq=0)
    with contextlib.suppress(StateError):
        gappy.tell(told[4:], after_seq=told[3].seq)
    gappy.tell(told[:4], after_seq=0)
    gappy.tell(told[4:], after_seq=told[3].seq)
    seeds = [stage.seed_of(len(first) + place) for place in range(8)]
    answers = [talk.ask(len(first), seeds, told_through=told[-1].seq).proposals for talk in (orderly, gappy)]
    assert_same(answers[0], answers[1], when="after a gap in the outcomes that was filled later")


def check_batches(bench: Bench) -> None:
    """Several proposals in one question are those of as many questions."""
    _need_repeats(bench)
    stage = bench.trial_stage
    together = Search(bench.open(stage), stage).turn(want=6)
    apart = bench.open(stage)
    single = [proposal for place, seed in enumerate(together.seeds) for proposal in apart.ask(place, (seed,)).proposals]
    assert_same(together.answer.proposals, single, when="when asked for one by one")


def check_two_sessions(bench: Bench) -> None:
    """Two sessions at a time know nothing of each other."""
    _need_repeats(bench)
    for stage in bench.stages:
        turns = bench.searched(stage, _TURNS)
        other = stage.with_seed(stage.setup.seed + 1)
        neighbour = Search(bench.open(other), other)
        talk = bench.open(stage)
        for turn in turns:
            neighbour.run(1)
            assert_repeats(talk, (turn,), when="beside a second session")


def check_reopening(bench: Bench) -> None:
    """Opening an open session again starts it afresh."""
    _need_repeats(bench)
    for stage in bench.stages:
        turns = bench.searched(stage, _TURNS)
        other = stage.with_seed(stage.setup.seed + 1)
        talk = bench.open(other)
        Search(talk, other).run(_TURNS)
        talk.open(stage.setup, bench.settings)
        assert_repeats(talk, turns, when="where the session had held another search before")


def _need_repeats(bench: Bench) -> None:
    if not bench.repeats:
        raise NeedlessError(f"It declares level {Determinism.NONE.value}: it never promised to propose the same again.")
