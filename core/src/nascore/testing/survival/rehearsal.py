"""Acting out a script with a tuner in this process, with its accidents and without: the proposals must be the same.

The promises, by levels: L0 and L1 are brought back by a replay of the log, or by a saved state and what came after it;
L2 by a saved state only; of LX it is asked that it takes the log in, not that it proposes the same. At every step of a
script two more copies are made, by full replay and by saved state, and asked the next question: both must answer alike.

Not here: real processes (``kills``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from nascore.record import Asked, JsonValue, Outcome, Proposal, Told, proposal_seed
from nascore.testing.survival.script import ACCIDENTS, Act, Step, outcome_of, scripts
from nascore.tuner import AskStatus, Determinism, Setup, Tuner
from nascore.tuner.conductor import Conductor

_PROBED = 3
_FINALE = (Step(Act.KILL), Step(Act.FINISH), Step(Act.FINISH), Step(Act.FINISH), Step(Act.ASK, 1))
"""What every script ends with: whatever the accident spoilt shows in what comes after it."""


def check_survival(
    tuner_type: type[Tuner[Any]],
    setup: Setup,
    *,
    settings: Mapping[str, JsonValue] | None = None,
    examples: int = 60,
) -> None:
    """Make sure that a tuner goes on after any kill as if nothing had happened.

    Args:
        tuner_type: The tuner.
        setup: What it is opened with.
        settings: Its settings.
        examples: How many scripts to try; the same ones each time.

    Raises:
        AssertionError: With the shortest script that was found, and what came out otherwise.
    """
    # hypothesis comes with the extra "testing", and only those who test need it.
    import hypothesis  # noqa: PLC0415  # heavy and optional, see above

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
    )
    @hypothesis.given(scripts())
    def rehearse(script: tuple[Step, ...]) -> None:
        check_script(tuner_type, setup, settings=settings or {}, script=(*script, *_FINALE))

    rehearse()


def check_script(
    tuner_type: type[Tuner[Any]], setup: Setup, *, settings: Mapping[str, JsonValue], script: Sequence[Step]
) -> None:
    """Act out one script with its accidents and without them; raises as `check_survival`."""
    calm = Rehearsal(tuner_type, setup, settings=settings)
    rough = Rehearsal(tuner_type, setup, settings=settings)
    for place, step in enumerate(script):
        if step.act not in ACCIDENTS:
            calm.act(step)
        rough.act(step)
        rough.check_copies(f"after step {place} ({step.act}) of {_text(script)}")
    if tuner_type.determinism is not Determinism.NONE:
        assert_same(calm.proposals, rough.proposals, when=_text(script))


@dataclass(frozen=True, slots=True)
class _Saved:
    """A saved state, the outcome through which it was told, and how much of the log it contains."""

    state: bytes
    seq: int
    events: int


class Rehearsal:
    """One search: a tuner, the log of what it met, and workers that hold trials."""

    def __init__(self, tuner_type: type[Tuner[Any]], setup: Setup, *, settings: Mapping[str, JsonValue]) -> None:
        self._type = tuner_type
        self._setup = setup
        self._settings = settings
        self._log: list[Asked | Told] = []
        self._running: list[Proposal] = []
        self._waiting: list[Told] = []
        self._seq = 0
        self._numbers = 0
        self._saved: _Saved | None = None
        self._was_asked = False  # Since it was brought back last.
        self._conductor = self._opened(None)
        if tuner_type.determinism is Determinism.SNAPSHOT:
            self._save()  # It cannot be brought back without; the engine does the same.

    @property
    def proposals(self) -> list[Proposal]:
        """What the tuner proposed, in order."""
        return [event.proposal for event in self._log if isinstance(event, Asked)]

    def act(self, step: Step) -> None:
        """Do what a step says."""
        match step.act:
            case Act.ASK:
                self._ask(1 + step.amount % 4)
            case Act.FINISH if self._running:
                self._finish(self._running.pop(step.amount % len(self._running)), step.amount)
            case Act.FOREIGN:
                self._numbers += 1
                self._finish(Proposal(self._numbers - 1, self._setup.space.default()), step.amount)
            case Act.SAVE:
                self._save()
            case Act.REPEAT:
                self._repeat()
            case Act.KILL:
                self._conductor = self._brought_back(self._saved if step.amount % 2 else self._needed)
                self._was_asked = False

    def check_copies(self, when: str) -> None:
        """Make sure that a copy by full replay and one by saved state answer the next question alike."""
        if self._saved is None or self._type.determinism in (Determinism.NONE, Determinism.SNAPSHOT):
            return
        by_replay, by_state = (self._probed(self._brought_back(saved)) for saved in (None, self._saved))
        assert_same(by_replay, by_state, when=f"{when}, by replay and by saved state")

    @property
    def _needed(self) -> _Saved | None:
        return self._saved if self._type.determinism is Determinism.SNAPSHOT else None

    @property
    def _told_through(self) -> int:
        return next((event.seq for event in reversed(self._log) if isinstance(event, Told)), 0)

    def _ask(self, count: int) -> None:
        outcomes = self._waiting
        through = outcomes[-1].seq if outcomes else self._told_through
        seeds = [proposal_seed(self._setup.seed, self._numbers + place) for place in range(count)]
        answer = self._conductor.ask(self._numbers, seeds, outcomes=outcomes, told_through=through)
        if answer.status is AskStatus.OK:
            assert len(answer.proposals) == count
        self._log += outcomes
        self._log += [Asked(proposal, seed) for proposal, seed in zip(answer.proposals, seeds, strict=False)]
        self._running += answer.proposals
        self._numbers += len(answer.proposals)
        self._waiting = []
        self._was_asked = True

    def _finish(self, proposal: Proposal, amount: int) -> None:
        outcome: Outcome = outcome_of(amount, metrics=[objective.metric for objective in self._setup.objectives])
        self._seq += 1 + amount % 3
        self._waiting.append(Told(self._seq, proposal, outcome))

    def _save(self) -> None:
        kept = self._conductor.snapshot()
        if kept is not None:
            assert kept[1] == self._told_through
            self._saved = _Saved(*kept, len(self._log))

    def _repeat(self) -> None:
        """Tell all again, and ask the last question again: nothing may change."""
        told = [event for event in self._log if isinstance(event, Told)]
        self._conductor.tell(told[-_PROBED:], after_seq=0)
        last = self._log[-1] if self._log else None
        if isinstance(last, Asked) and self._was_asked:
            answer = self._conductor.ask(last.proposal.number, [last.seed], told_through=self._told_through)
            assert_same([last.proposal], answer.proposals, when="asked again")

    def _brought_back(self, saved: _Saved | None) -> Conductor:
        tail = self._log[saved.events :] if saved is not None else self._log
        if self._type.determinism is Determinism.HISTORY:
            told = [event for event in tail if isinstance(event, Told)]
            without_asks, whole = self._probed(self._replayed(saved, told)), self._probed(self._replayed(saved, tail))
            assert without_asks == whole, "its asks leave a trace, which level L0 rules out"
        return self._replayed(saved, tail)

    def _replayed(self, saved: _Saved | None, events: Sequence[Asked | Told]) -> Conductor:
        conductor = self._opened(saved)
        diverged = conductor.replay(events)
        assert not diverged, f"proposals {diverged} came out otherwise than logged"
        assert conductor.told_through == self._told_through
        return conductor

    def _opened(self, saved: _Saved | None) -> Conductor:
        state, seq = (None, 0) if saved is None else (saved.state, saved.seq)
        return Conductor(self._type, self._setup, settings=self._settings, state=state, state_seq=seq)

    def _probed(self, conductor: Conductor) -> tuple[Proposal, ...]:
        seeds = [proposal_seed(self._setup.seed, self._numbers + place) for place in range(_PROBED)]
        return conductor.ask(self._numbers, seeds, told_through=self._told_through).proposals


def assert_same(expected: Sequence[Proposal], found: Sequence[Proposal], *, when: str) -> None:
    """Raise an `AssertionError` that names the first proposal that came out otherwise."""
    if list(expected) == list(found):
        return
    pairs = list(zip_longest(expected, found))
    place = next(place for place, (one, other) in enumerate(pairs) if one != other)
    one, other = pairs[place]
    raise AssertionError(f"{when}: proposal {place} of {len(expected)} is {other} instead of {one}.")


def _text(script: Sequence[Step]) -> str:
    return " ".join(f"{step.act}{step.amount}" for step in script)
