"""The judge plays the worker as the engine does, refuses what does not fit, and tells who found the answer."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from nascore.errors import ArchitectureError, StateError, TunerCrashedError, UnsupportedError
from nascore.record import Derived, Outcome, Proposal, Task
from nascore.space import Architecture, MixedDecision, Mixture
from nascore.testing.judging import PlantedPath, judge
from nascore.testing.judging.session import outcome_of
from nascore.tuner import Mode, NoProposal, Schedule, Settings, Tuner

TASK = PlantedPath(0, layers=3, maps=3)


class Climber(Tuner[Settings]):
    """Changes one decision at a time, trial by trial."""

    name = "climber"

    def ask(self, number: int, seed: int) -> Proposal:
        best: tuple[float, Architecture] | None = getattr(self, "best", None)
        generator = Random(seed)
        return Proposal(number, self.space.mutate(best[1], generator) if best else self.space.sample(generator))

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        score = self.objectives[0].score(outcome.metrics)
        assert proposal.architecture is not None
        if score > getattr(self, "best", (0.0, None))[0]:
            self.best = score, proposal.architecture


class Descent(Tuner[Settings]):
    """Plain gradient descent on the weights of a mixture, one gradient and one batch at a time."""

    name = "descent"
    modes = frozenset({Mode.ONE_SHOT})
    left = 150

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        if getattr(self, "is_waiting", False):
            return NoProposal.WAIT
        if number >= self.left:
            return NoProposal.EXHAUSTED
        self.is_waiting = True
        return Proposal(number, mixture=self.mixture(), task=Task.GRADIENT)

    def mixture(self) -> Mixture:
        self.rows = getattr(self, "rows", {info.path: np.full(3, 1 / 3) for info in self.space.decisions})
        graded = (0, 1, 2)
        return Mixture(tuple(MixedDecision(path, tuple(row.tolist()), graded) for path, row in self.rows.items()))

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        self.is_waiting = False
        for each in outcome.gradient:
            self.rows[each.path] = self.rows[each.path] - 0.3 * np.array(each.weights)

    def derive(self, count: int) -> tuple[Derived, ...]:
        return (Derived(Architecture({path: f"map{int(np.argmax(row))}" for path, row in self.rows.items()})),)


def test_searches_of_both_kinds_find_the_answer() -> None:
    for tuner_type in (Climber, Descent):
        verdict = judge(tuner_type, TASK)
        assert verdict.is_exact
        assert verdict.architecture == TASK.answer
        assert verdict.metrics["accuracy"] == 1.0
        assert verdict.samples == (TASK.trials if tuner_type is Climber else 150)


def test_same_seed_same_verdict() -> None:
    assert judge(Climber, TASK, seed=3, trials=5) == judge(Climber, TASK, seed=3, trials=5)
    assert judge(Climber, TASK, seed=3, trials=5) != judge(Climber, TASK, seed=4, trials=5)


def test_wrong_answer_is_measured_by_its_distance() -> None:
    verdict = judge(Climber, PlantedPath(0), trials=1)
    assert verdict.distance == 6 - sum(verdict.architecture[path] == key for path, key in PlantedPath(0).answer.items())
    assert not verdict.is_exact


class Ascent(Descent):
    """Has the sign wrong."""

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        self.is_waiting = False
        for each in outcome.gradient:
            self.rows[each.path] = self.rows[each.path] + 0.01 * np.array(each.weights)


def test_tuner_with_the_wrong_sign_is_found_out() -> None:
    assert judge(Ascent, TASK).distance == 3


class Sleeper(Descent):
    """Waits for what will never come."""

    def ask(self, number: int, seed: int) -> NoProposal:
        return NoProposal.WAIT


class Silent(Descent):
    """Derives nothing."""

    def derive(self, count: int) -> tuple[Derived, ...]:
        return ()


@pytest.mark.parametrize(("tuner_type", "error"), [(Sleeper, StateError), (Silent, UnsupportedError)])
def test_tuner_that_is_stuck_or_derives_nothing_is_told_so(
    tuner_type: type[Tuner[Settings]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        judge(tuner_type, TASK, schedule=Schedule(1))


ROW = MixedDecision("layer0", (1.0, 0.0, 0.0))
REST = tuple(MixedDecision(f"layer{layer}", (1.0, 0.0, 0.0)) for layer in (1, 2))
WRONG: dict[str, tuple[Callable[[], Proposal], str]] = {
    "a decision left out": (lambda: Proposal(0, mixture=Mixture(REST), task=Task.TRAIN), "does not decide 'layer0'"),
    "an unknown decision": (
        lambda: Proposal(0, mixture=Mixture((ROW, *REST, MixedDecision("x", (1.0,)))), task=Task.TRAIN),
        "unknown 'x'",
    ),
    "too few weights": (
        lambda: Proposal(0, mixture=Mixture((MixedDecision("layer0", (1.0,)), *REST)), task=Task.TRAIN),
        "1 weights; it has 3",
    ),
    "nothing at all": (lambda: Proposal(0, task=Task.TRAIN), "neither"),
    "a trial": (lambda: Proposal(0, TASK.answer), "evaluate"),
}


@pytest.mark.parametrize("what", sorted(WRONG))
def test_sample_that_does_not_fit_is_refused(what: str) -> None:
    make, words = WRONG[what]
    with pytest.raises((ArchitectureError, UnsupportedError), match=words):
        outcome_of(TASK.worker(0), make(), TASK, seed=0)


def test_mixing_what_cannot_be_mixed_is_refused() -> None:
    task = PlantedPath(0, layers=3, maps=3, unmixable=(0,))
    with pytest.raises(UnsupportedError, match="differ in shape"):
        outcome_of(task.worker(0), Proposal(0, mixture=Mixture((ROW, *REST)), task=Task.TRAIN), task, seed=0)
    fixed = Proposal(0, mixture=Mixture(REST, {"layer0": "map2"}), task=Task.TRAIN)
    assert outcome_of(task.worker(0), fixed, task, seed=0).metrics["loss"] > 0


def test_gradient_holds_what_was_graded_and_nothing_else() -> None:
    graded = MixedDecision("layer0", (1.0, 0.0, 0.0), (1,))
    proposal = Proposal(0, mixture=Mixture((graded, *REST)), task=Task.GRADIENT)
    (found,) = outcome_of(TASK.worker(0), proposal, TASK, seed=0).gradient
    assert found.path == "layer0"
    assert (found.weights[0], found.weights[2]) == (0.0, 0.0)
    assert found.weights[1] != 0.0


def test_broken_proposal_names_the_tuner() -> None:
    class Misnumbered(Climber):
        def ask(self, number: int, seed: int) -> Proposal:
            return Proposal(number + 1, self.space.sample(Random(seed)))

    with pytest.raises(TunerCrashedError, match="climber"):
        judge(Misnumbered, TASK)
