"""The conductor calls once, in order, and lets no wrong answer past."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import ClassVar

import pytest
from nascore.errors import (
    ExhaustedResourceError,
    InvalidInputError,
    SettingsError,
    StateError,
    TunerCrashedError,
    UnsupportedError,
)
from nascore.record import (
    Asked,
    Objective,
    Outcome,
    OutcomeStatus,
    Proposal,
    Report,
    Told,
    Verdict,
    proposal_seed,
)
from nascore.space import Architecture
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner.conductor import Conductor
from nascore.tuner.contract import Derived, Determinism, NoProposal, Settings, Setup, Tuner
from nascore.tuner.session import AskStatus

SETUP = Setup(KNOWN_SPACES["nested"], (Objective("accuracy"),), 7)


class Chosen(Settings):
    limit: int = 1000


class Stepping(Tuner[Chosen]):
    """Proposals depend on every ask and every tell before them."""

    name = "stepping"
    settings_type = Chosen
    determinism = Determinism.REPLAY

    def __init__(self, setup: Setup, settings: Chosen) -> None:
        super().__init__(setup, settings)
        self.steps = 0
        self.told: list[int] = []

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        if number >= self.settings.limit:
            return NoProposal.EXHAUSTED
        self.steps += 1
        return Proposal(number, self.space.sample(Random(seed + self.steps)), notes={"steps": self.steps})

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        self.steps += 100
        self.told.append(proposal.number)


class Pure(Stepping):
    """Proposals depend on what was told, and on the seed."""

    name = "pure"
    determinism = Determinism.HISTORY
    asks: ClassVar[int] = 0

    def ask(self, number: int, seed: int) -> Proposal:
        type(self).asks += 1
        return Proposal(number, self.space.sample(Random(seed + len(self.told))))


class Absorbing(Stepping):
    """Never repeats itself."""

    name = "absorbing"
    determinism = Determinism.NONE
    absorbed: list[int]

    def ask(self, number: int, seed: int) -> Proposal:
        return Proposal(number, self.space.sample(Random()))

    def absorb(self, proposal: Proposal, seed: int) -> None:
        self.absorbed = [*getattr(self, "absorbed", []), proposal.number]


def conductor(tuner: type[Tuner[Chosen]] = Stepping, **settings: int) -> Conductor:
    return Conductor(tuner, SETUP, settings=dict(settings), version="1.0")


def told(seq: int, proposal: Proposal, status: OutcomeStatus = OutcomeStatus.COMPLETED) -> Told:
    metrics = {"accuracy": 0.5} if status is OutcomeStatus.COMPLETED else {}
    return Told(seq, proposal, Outcome(status, metrics))


def seeds(first: int, count: int) -> list[int]:
    return [proposal_seed(7, number) for number in range(first, first + count)]


def test_asking_again_gives_the_same_and_leaves_no_trace() -> None:
    once, twice = conductor(), conductor()
    first = once.ask(0, seeds(0, 3))
    assert twice.ask(0, seeds(0, 3)) == twice.ask(0, seeds(0, 3)) == first
    assert once.ask(3, seeds(3, 1)) == twice.ask(3, seeds(3, 1))


def test_outcome_told_twice_counts_once() -> None:
    session = conductor()
    proposal = session.ask(0, seeds(0, 1)).proposals[0]
    session.tell([told(5, proposal)], after_seq=0)
    session.tell([told(5, proposal)], after_seq=0)
    session.tell([told(5, proposal), told(9, proposal)], after_seq=0)
    assert session.told_through == 9
    assert session._tuner.told == [0, 0]  # type: ignore[attr-defined]  # the tuner of this test


def test_gap_in_the_outcomes_is_refused() -> None:
    session = conductor()
    proposal = session.ask(0, seeds(0, 1)).proposals[0]
    with pytest.raises(StateError, match="after seq 0 are missing: the call continues at 4"):
        session.tell([told(5, proposal)], after_seq=4)
    with pytest.raises(StateError, match="after seq 0 are missing"):
        session.ask(1, seeds(1, 1), told_through=4)
    assert session.told_through == 0


def test_old_question_is_not_answered_with_new_knowledge() -> None:
    session = conductor(Pure)
    proposal = session.ask(0, seeds(0, 1)).proposals[0]
    session.tell([told(5, proposal)], after_seq=0)
    assert session.ask(0, seeds(0, 1), told_through=0).proposals == (proposal,)
    with pytest.raises(StateError, match="as of outcome 0, but 5 is told"):
        session.ask(1, seeds(1, 1), told_through=0)


@pytest.mark.parametrize("status", list(OutcomeStatus))
def test_every_outcome_is_told(status: OutcomeStatus) -> None:
    session = conductor()
    proposal = session.ask(0, seeds(0, 1)).proposals[0]
    session.tell([told(1, proposal, status)], after_seq=0)
    assert session._tuner.told == [0]  # type: ignore[attr-defined]  # the tuner of this test


def run_log(tuner: type[Tuner[Chosen]], count: int = 12) -> list[Asked | Told]:
    """A run with outcomes that come late and out of order."""
    session, events, seq = conductor(tuner), list[Asked | Told](), 0
    for number in range(count):
        proposal = session.ask(number, seeds(number, 1), told_through=seq).proposals[0]
        events.append(Asked(proposal, proposal_seed(7, number)))
        if number % 3 == 2:
            asked = [event.proposal for event in events if isinstance(event, Asked)]
            for late in (asked[-1], asked[-3]):
                outcome = told(seq + 4, late)
                session.tell([outcome], after_seq=seq)
                events.append(outcome)
                seq += 4
    return events


@pytest.mark.parametrize("tuner", [Stepping, Pure])
def test_replayed_tuner_continues_as_if_nothing_had_happened(tuner: type[Tuner[Chosen]]) -> None:
    events = run_log(tuner)
    whole = conductor(tuner)
    assert whole.replay(events) == ()
    for cut in range(len(events)):
        resumed = conductor(tuner)
        assert resumed.replay(events[:cut]) == ()
        # Overlapping batches: what was taken already is passed over.
        assert resumed.replay(events) == ()
        assert resumed.told_through == whole.told_through
        assert resumed.ask(12, seeds(12, 2), told_through=whole.told_through) == whole.ask(
            12, seeds(12, 2), told_through=whole.told_through
        )


@pytest.mark.parametrize("tuner", [Stepping, Pure])
def test_divergence_from_the_log_is_named(tuner: type[Tuner[Chosen]]) -> None:
    events = run_log(tuner)
    place = next(index for index, event in enumerate(events) if isinstance(event, Asked) and event.proposal.number == 5)
    events[place] = Asked(Proposal(5, SETUP.space.default(), notes={"steps": -1}), proposal_seed(7, 5))
    assert conductor(tuner).replay(events) == (5,)


def test_tuner_without_determinism_absorbs_the_log() -> None:
    events = run_log(Absorbing)
    session = conductor(Absorbing)
    assert session.replay(events) == ()
    assert session._tuner.absorbed == list(range(12))  # type: ignore[attr-defined]  # the tuner of this test


def test_long_log_of_a_pure_tuner_is_replayed_by_sample() -> None:
    proposal = SETUP.space.default()
    events = [Asked(Proposal(number, proposal), 1) for number in range(4096)]
    Pure.asks = 0
    conductor(Pure).replay(events)
    assert Pure.asks == 1024 + (4096 - 1024) // 16


def test_exhausted_tuner_gives_what_it_has() -> None:
    answer = conductor(limit=2).ask(0, seeds(0, 5))
    assert [proposal.number for proposal in answer.proposals] == [0, 1]
    assert answer.status is AskStatus.EXHAUSTED


def test_waiting_ends_with_the_next_outcome() -> None:
    class Waiting(Pure):
        def ask(self, number: int, seed: int) -> Proposal:
            return super().ask(number, seed) if len(self.told) >= number else NoProposal.WAIT  # type: ignore[return-value]

    session = conductor(Waiting)
    proposal = session.ask(0, seeds(0, 1)).proposals[0]
    waiting = session.ask(1, seeds(1, 1))
    assert (waiting.proposals, waiting.status) == ((), AskStatus.WAIT)
    session.tell([told(1, proposal)], after_seq=0)
    assert session.ask(1, seeds(1, 1), told_through=1).status is AskStatus.OK


@pytest.mark.parametrize("count", [0, 257])
def test_number_of_seeds_is_limited(count: int) -> None:
    with pytest.raises(InvalidInputError, match=f"need 1 to 256, got {count}"):
        conductor().ask(0, [1] * count)


def proposing(answer: object) -> type[Stepping]:
    class Proposing(Stepping):
        name = "proposing"

        def ask(self, number: int, seed: int) -> Proposal:
            return answer  # type: ignore[return-value]  # wrong on purpose

    return Proposing


def test_tuner_that_raised_is_not_called_again() -> None:
    class Raising(Stepping):
        name = "raising"

        def tell(self, proposal: Proposal, outcome: Outcome) -> None:
            raise KeyError("accuracy")

    session = conductor(Raising)
    proposal = session.ask(0, seeds(0, 1)).proposals[0]
    with pytest.raises(TunerCrashedError, match=r"Tuner raising 1\.0 raised KeyError in tell of trial 0") as caught:
        session.tell([told(1, proposal)], after_seq=0)
    assert "test_conductor.py" in caught.value.hint
    with pytest.raises(StateError, match="raised before"):
        session.ask(1, seeds(1, 1))


def test_foreign_architecture_is_a_crash_that_names_the_path() -> None:
    session = conductor(proposing(Proposal(0, Architecture({"head": "linear", "block/op": "conv9"}))))
    with pytest.raises(TunerCrashedError, match=r"proposing 1\.0 broke its contract with proposal 0") as caught:
        session.ask(0, seeds(0, 1))
    assert "block/op" in str(caught.value)


def test_refusals_come_before_the_session() -> None:
    with pytest.raises(SettingsError, match="Did you mean 'limit'"):
        conductor(limits=3)

    class Choosy(Stepping):
        @classmethod
        def cannot_tune(cls, setup: Setup, settings: Chosen) -> str:
            return f"It wants a limit below 10, not {settings.limit}."

    with pytest.raises(UnsupportedError, match="below 10, not 1000"):
        conductor(Choosy)

    class Failing(Stepping):
        def __init__(self, setup: Setup, settings: Chosen) -> None:
            raise OSError("no such file")

    with pytest.raises(TunerCrashedError, match="raised OSError in opening: no such file"):
        conductor(Failing)


def test_optional_calls_default_to_nothing() -> None:
    session = conductor()
    assert session.review([Report(0, 1, {"accuracy": 0.1})]) == (Verdict.CONTINUE,)
    assert session.snapshot() is None
    with pytest.raises(UnsupportedError, match="derives no architectures"):
        session.derive(3)
    # An unsupported call is no crash.
    assert session.ask(0, seeds(0, 1)).proposals


def test_state_continues_a_session() -> None:
    class Saving(Stepping):
        determinism = Determinism.SNAPSHOT

        def snapshot(self) -> bytes:
            return str(self.steps).encode()

        def restore(self, state: bytes) -> None:
            self.steps = int(state)

        def derive(self, count: int) -> tuple[Derived, ...]:
            return (Derived(self.space.default(), 1.0),) * (count + 1)

    first = conductor(Saving)
    proposal = first.ask(0, seeds(0, 1)).proposals[0]
    first.tell([told(3, proposal)], after_seq=0)
    kept = first.snapshot()
    assert kept == (b"101", 3)
    second = Conductor(Saving, SETUP, settings={}, state=kept[0], state_seq=kept[1])
    assert second.told_through == 3
    assert second.ask(1, seeds(1, 1), told_through=3) == first.ask(1, seeds(1, 1), told_through=3)
    assert len(second.derive(2)) == 2


def test_oversized_state_is_refused_and_harms_nothing() -> None:
    class Bloated(Stepping):
        def snapshot(self) -> bytes:
            return bytes(4 * 1024 * 1024)

    session = conductor(Bloated)
    with pytest.raises(ExhaustedResourceError, match="4194304 bytes; at most 3145728 are allowed"):
        session.snapshot()
    assert session.ask(0, seeds(0, 1)).proposals


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: None, "returned NoneType"),
    (lambda: Proposal(1, SETUP.space.default()), "is numbered 1"),
    (lambda: Proposal(0), "either an architecture or a mixture"),
]


@pytest.mark.parametrize(("answer", "what"), WRONG)
def test_what_is_no_proposal_is_a_crash(answer: Callable[[], object], what: str) -> None:
    with pytest.raises(TunerCrashedError, match=what):
        conductor(proposing(answer())).ask(0, seeds(0, 1))
