"""A caller that keeps trials but no log gets the proposals that it would have got from a tuner that never died."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from random import Random

import pytest
from nascore.errors import DataLossError, StateError, TunerCrashedError, UnavailableError, UnsupportedError
from nascore.record import AskStatus, Failure, FailureKind, Objective, Outcome, OutcomeStatus, Proposal, Told
from nascore.space import Architecture
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import Determinism, LocalSession, NoProposal, Setup, Tuner, load_tuner
from nascore.tuner.retelling import Retelling

SETUP = Setup(KNOWN_SPACES["flat28"], (Objective("accuracy"),), 7)
SETTINGS = {"random": {}, "regularized-evolution": {"population_size": 4, "sample_size": 2}, "enas": {}}


class Chained(Tuner):
    """Every proposal depends on all questions and outcomes before it, and carries a note."""

    name = "chained"
    steps = ()

    def ask(self, number, seed):
        self.steps = (*self.steps, f"asked {number}")
        return Proposal(number, self.space.sample(Random(f"{seed}{self.steps}")), notes={"steps": len(self.steps)})

    def tell(self, proposal, outcome):
        self.steps = (*self.steps, f"told {proposal.number} {proposal.notes} {outcome.metrics} {outcome.status}")


class Restless(Chained):
    name = "restless"
    determinism = Determinism.NONE
    absorbed = ()

    def ask(self, number, seed):
        return Proposal(number, self.space.sample(Random()))

    def absorb(self, proposal, seed):
        Restless.absorbed = (*Restless.absorbed, proposal.number)


class Hesitant(Chained):
    """Waits while anything that it proposed is open, and ends after five."""

    name = "hesitant"
    open = 0

    def ask(self, number, seed):
        if self.open == 2:
            return NoProposal.WAIT
        if number >= 5:
            return NoProposal.EXHAUSTED
        self.open += 1
        return super().ask(number, seed)

    def tell(self, proposal, outcome):
        self.open -= 1
        super().tell(proposal, outcome)


@dataclass(frozen=True)
class Trial:
    key: str
    number: int | None
    architecture: Architecture | None
    outcome: Outcome | None = None
    ended_at: float = 0.0


class Keeper:
    """A caller: keeps trials and the chronicle, and can lose an answer, or meet a service that was started anew."""

    def __init__(self, tuner_type=Chained, setup=SETUP, settings=None):
        self.tuner_type, self.setup, self.settings = tuner_type, setup, settings or {}
        self.trials: list[Trial] = []
        self.chronicle = ""
        self.clock = 0.0
        self.service: Retelling | None = None
        self.opened = 0

    async def ask(self, count, *, given_out=0):
        if self.service is None:
            self.opened += 1
            self.service = Retelling(self.setup, self.settings)
            await self.service.open(LocalSession(self.tuner_type))
        trials = Random(len(self.trials)).sample(self.trials, len(self.trials))  # in no order
        return await self.service.propose(count, trials=trials, chronicle=self.chronicle, given_out=given_out)

    async def go_on(self, count):
        self.keep(answer := await self.ask(count))
        return answer

    def keep(self, answer):
        self.chronicle = answer.chronicle
        self.trials += [Trial(f"t{made.number}", made.number, made.architecture) for made in answer.proposals]

    def end(self, number, value=None):
        value = (number * 37 % 11) / 11 if value is None else value
        self._end(number, Outcome(OutcomeStatus.COMPLETED, {"accuracy": value}))

    def fail(self, number):
        self._end(number, Outcome(OutcomeStatus.FAILED, failure=Failure(FailureKind.EXCEPTION, "It fell over.")))

    def _end(self, number, outcome):
        self.clock += 1
        place = next(place for place, trial in enumerate(self.trials) if trial.number == number)
        self.trials[place] = replace(self.trials[place], outcome=outcome, ended_at=self.clock)

    @property
    def found(self):
        return [(trial.number, trial.architecture) for trial in self.trials]


async def search(keeper, *, restart=lambda step: False, lose=lambda step: False):
    """Ten visits with three trials at work; returns everything that was proposed."""
    await keeper.go_on(3)
    for step in range(10):
        running = [trial.number for trial in keeper.trials if trial.outcome is None]
        keeper.end(running[1])
        keeper.fail(running[0]) if step == 4 else keeper.end(running[0])
        if restart(step):
            keeper.service = None
        if lose(step):
            await keeper.ask(2)
        await keeper.go_on(2)
    return keeper.found


def of(name):
    return Keeper(load_tuner(name)[0], settings=SETTINGS[name])


async def test_a_chronicle_that_was_changed_is_refused_and_the_right_one_goes_on():
    keeper = Keeper()
    await keeper.go_on(2)
    kept, keeper.chronicle = keeper.chronicle, "1 >2 7>1"
    with pytest.raises(DataLossError, match="trial 7 is told of before it is proposed"):
        await keeper.ask(1)
    keeper.chronicle = kept
    assert (await keeper.ask(1)).proposals[0].number == 2


async def test_a_tuner_that_needs_its_saved_state_is_refused():
    class Forgetful(Chained):
        name = "forgetful"
        determinism = Determinism.SNAPSHOT

    with pytest.raises(UnsupportedError, match="could not go on after a restart"):
        await Keeper(Forgetful).ask(1)


@pytest.mark.parametrize("name", SETTINGS)
async def test_a_service_started_anew_each_time_proposes_what_one_that_lives_does(name):
    expected = await search(of(name))
    assert len({architecture for _, architecture in expected}) > 15
    assert await search(of(name), restart=lambda step: True) == expected


async def test_the_order_of_questions_and_outcomes_is_kept_to_the_letter():
    expected = await search(Keeper())
    assert [number for number, _ in expected] == list(range(23))
    assert await search(Keeper(), restart=lambda step: step % 3 == 1) == expected


async def test_an_answer_that_was_lost_is_given_again():
    expected = await search(Keeper())
    assert await search(Keeper(), lose=lambda step: True) == expected
    assert await search(Keeper(), lose=lambda step: step % 2 == 0, restart=lambda step: step % 3 == 0) == expected


async def test_an_answer_that_was_lost_counts_for_nothing_when_more_has_ended_meanwhile():
    keeper, other = Keeper(), Keeper()
    for each in (keeper, other):
        await each.go_on(3)
        each.end(0)
    await keeper.ask(1)
    for each in (keeper, other):
        each.end(1)
    assert await keeper.ask(1) == await other.ask(1)


async def test_a_service_that_lives_replays_nothing():
    opened = []

    class Counted(Chained):
        name = "counted"

        def __init__(self, setup, settings):
            super().__init__(setup, settings)
            opened.append(self)

    await search(Keeper(Counted))
    assert len(opened) == 1
    assert len(opened[0].steps) == 3 + 10 * 4


async def test_two_trials_of_one_proposal_are_told_once():
    keeper = Keeper()
    await keeper.go_on(1)
    keeper.end(0, 0.5)
    stranger = Trial("twice", None, SETUP.space.default(), Outcome(OutcomeStatus.COMPLETED, {"accuracy": 1.0}))
    keeper.trials += [replace(keeper.trials[0], key="copy"), stranger, stranger]
    assert (await keeper.go_on(1)).chronicle == "1 >1 1=twice,0>1"


async def test_of_a_trial_that_was_told_nothing_is_read_again():
    keeper = Keeper()
    await keeper.go_on(1)
    keeper.end(0)
    await keeper.go_on(1)

    class Known:
        key, number = "t0", 0

    keeper.trials[0] = Known()
    assert (await keeper.go_on(1)).chronicle == "1 >1 0>1 >1"


async def test_trials_at_work_are_proposed_once():
    keeper = Keeper()
    await keeper.go_on(2)
    keeper.service = None
    assert [made.number for made in (await keeper.go_on(2)).proposals] == [2, 3]


async def test_a_thousand_are_asked_for_at_once_and_repeated():
    keeper = of("random")
    first = await keeper.ask(1000)
    assert [made.number for made in first.proposals] == list(range(1000))
    keeper.service = None
    assert await keeper.ask(1000) == first


async def test_an_outcome_is_told_with_the_first_of_many_questions_and_not_again():
    keeper = of("random")
    await keeper.go_on(1)
    keeper.end(0)
    await keeper.go_on(600)
    assert [event.proposal.number for event in keeper.service.history() if isinstance(event, Told)] == [0]


async def test_a_tuner_that_waits_gives_fewer_and_goes_on_when_something_ended():
    keeper = Keeper(Hesitant)
    answer = await keeper.go_on(3)
    assert (len(answer.proposals), answer.status) == (2, AskStatus.WAIT)
    answer.require(2)
    with pytest.raises(UnavailableError, match="waits for trials to end: of 3 proposals that are wanted it has 2"):
        answer.require(3)
    assert (await keeper.go_on(3)).proposals == ()
    assert keeper.chronicle == "1 >2"
    keeper.end(1)
    keeper.service = None
    assert (await keeper.go_on(3)).status is AskStatus.WAIT
    keeper.end(0)
    keeper.end(2)
    assert (await keeper.go_on(3)).status is AskStatus.WAIT
    keeper.end(3)
    keeper.end(4)
    with pytest.raises(StateError, match="nothing more to propose: of 3 proposals that are wanted it has 0"):
        (await keeper.go_on(3)).require(3)


async def test_what_the_tuner_did_not_propose_is_told_under_a_number_of_its_own():
    keeper = Keeper()
    await keeper.go_on(2)
    stranger = Trial("by hand/1", None, SETUP.space.default(), Outcome(OutcomeStatus.COMPLETED, {"accuracy": 1.0}))
    keeper.trials.append(stranger)
    answer = await keeper.go_on(1)
    assert answer.chronicle == "1 >2 2=by%20hand%2F1>1"
    assert answer.proposals[0].number == 3
    keeper.end(0)
    expected = await keeper.ask(2)
    keeper.service = None
    assert await keeper.ask(2) == expected
    assert expected.chronicle.count("by%20hand") == 1


async def test_what_does_not_fit_the_space_is_not_told():
    keeper = Keeper()
    keeper.trials.append(Trial("odd", None, None, Outcome(OutcomeStatus.COMPLETED, {"accuracy": 1.0})))
    assert (await keeper.go_on(1)).chronicle == "1 >1"


async def test_without_a_chronicle_everything_that_ended_is_told_and_no_number_is_given_twice():
    keeper = of("regularized-evolution")
    await search(keeper)
    keeper.service, keeper.chronicle = None, ""
    answer = await keeper.go_on(2)
    assert [made.number for made in answer.proposals] == [23, 24]
    ended = sum(trial.outcome is not None for trial in keeper.trials)
    word = answer.chronicle.split(" ")
    assert word[:2] == ["1", "@23"]
    assert word[2].count(",") + 1 == ended
    keeper.service = None
    assert (await keeper.go_on(1)).proposals[0].number == 25


async def test_a_caller_that_names_no_numbers_says_how_many_it_had():
    keeper = Keeper()
    answer = await keeper.ask(2, given_out=5)
    assert [made.number for made in answer.proposals] == [5, 6]
    assert answer.chronicle == "1 @5 >2"


async def test_trials_that_were_kept_without_their_chronicle_are_passed_over():
    keeper = Keeper()
    await keeper.go_on(2)
    chronicle = keeper.chronicle
    await keeper.go_on(2)
    keeper.chronicle, keeper.service = chronicle, None
    keeper.end(3)
    answer = await keeper.go_on(1)
    assert (answer.proposals[0].number, answer.chronicle) == (4, "1 >2 @4 3>1")
    expected = await keeper.ask(1)
    keeper.service = None
    assert await keeper.ask(1) == expected


async def test_a_trial_that_is_gone_is_missed_and_named(caplog):
    keeper = Keeper()
    await keeper.go_on(3)
    keeper.end(0)
    keeper.end(1)
    await keeper.go_on(1)
    keeper.trials = [trial for trial in keeper.trials if trial.number != 0]
    keeper.service = None
    keeper.end(3)
    with caplog.at_level(logging.WARNING):
        answer = await keeper.go_on(1)
    assert (answer.proposals[0].number, answer.chronicle) == (4, "1 >3 0,1>1 3>1")
    assert "Trial 0 was told to the tuner, and is gone now" in caplog.text


async def test_a_trial_without_an_architecture_is_proposed_again_when_rebuilt():
    keeper, whole = Keeper(), Keeper()
    for each in (keeper, whole):
        await each.go_on(3)
        each.end(1)
    keeper.trials[2] = replace(keeper.trials[2], architecture=None)
    keeper.service = None
    assert await keeper.ask(2) == await whole.ask(2)


async def test_a_tuner_that_was_changed_meanwhile_is_found_out():
    keeper = Keeper()
    await keeper.go_on(2)
    keeper.service, keeper.setup = None, replace(SETUP, seed=8)
    with pytest.raises(StateError, match=r"otherwise than before .* trial t0"):
        await keeper.ask(1)


async def test_a_tuner_that_never_repeats_itself_is_given_what_it_proposed():
    keeper = Keeper(Restless)
    await keeper.go_on(3)
    keeper.end(0)
    keeper.trials[1] = replace(keeper.trials[1], architecture=None)
    keeper.service, Restless.absorbed = None, ()
    assert [made.number for made in (await keeper.go_on(1)).proposals] == [3]
    assert Restless.absorbed == (0, 2)


async def test_a_crash_fails_one_question_and_the_next_begins_from_the_chronicle():
    falls = []

    class Falling(Chained):
        name = "falling"

        def tell(self, proposal, outcome):
            super().tell(proposal, outcome)
            if proposal.number == 1 and not falls:
                falls.append(1)
                raise RuntimeError("It slipped.")

    keeper, other = Keeper(Falling), Keeper()
    for each in (keeper, other):
        await each.go_on(3)
        each.end(0)
        each.end(1)
    with pytest.raises(TunerCrashedError, match="slipped"):
        await keeper.ask(1)
    assert await keeper.ask(2) == await other.ask(2)
