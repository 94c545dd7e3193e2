"""The kit passes what keeps the contract, catches what does not, and says so."""

import json
import os
from random import Random

import pytest
from nascore.errors import InvalidInputError
from nascore.record import Proposal
from nascore.testing import tuner_conformance
from nascore.testing.conformance import CHECKS, Examination, Verdict, Way, examine, markdown_table, text_of
from nascore.tuner import Determinism, Mode, Plugins, Tuner, load_tuner


class Honest(Tuner):
    name = "honest"
    determinism = Determinism.HISTORY

    def ask(self, number, seed):
        return Proposal(number, self.space.sample(Random(seed)))

    def tell(self, proposal, outcome):
        pass


class Dicey(Honest):
    def ask(self, number, seed):
        return Proposal(number, self.space.sample(Random()))


class Forgetful(Honest):
    determinism = Determinism.REPLAY
    count = 0

    def ask(self, number, seed):
        self.count += 1
        return Proposal(number, self.space.sample(Random(seed + self.count)))

    def snapshot(self):
        return b"nothing of use"

    def restore(self, state):
        if state != b"nothing of use":
            raise ValueError(state)


class Constant(Honest):
    def ask(self, number, seed):
        return Proposal(number, self.space.default())


class Choking(Honest):
    def tell(self, proposal, outcome):
        outcome.metrics["accuracy"]


class Liar(Honest):
    determinism = Determinism.HISTORY
    count = 0

    def ask(self, number, seed):
        self.count += 1
        return Proposal(number, self.space.sample(Random(seed + self.count)))


POPULATIONS = {name: {"population_size": 20, "sample_size": 5} for name in ("evolution", "regularized-evolution")}
CONTROLLER = {"samples": 4, "learning_rate": 0.05, "hidden": 4}
SLOW = {  # Each proposal takes these milliseconds, and there are thousands: fewer seeds, and quick settings.
    "cmaes": ({"popsize": 4}, 5),
    "enas": (CONTROLLER, 3),
    "nsgaii": ({"population_size": 5}, 5),
    "ppo": ({**CONTROLLER, "passes": 2}, 3),
    "reinforce": ({"samples": 4, "learning_rate": 0.05}, 5),
    "tpe": ({"n_startup_trials": 5}, 3),
}
SEEDS = int(os.environ.get("NASCORE_KIT_SEEDS", "20"))
"""Of the quick ones; `make torture` tries a hundred."""
FITTED = {"gp"}
"""Fitted anew for each proposal, which takes seconds; nas-optuna's own tests hold it against the kit."""


def installed():
    """One name of each installed tuner."""
    return sorted({load_tuner(name)[0]: name for name in Plugins("nascore.tuners").names()}.values())


def broken(tuner, *only):
    return {finding.check.name for finding in examine(tuner, Examination(is_quick=True, only=only)).broken}


test_an_honest_tuner_keeps_the_contract = tuner_conformance(Honest)


@pytest.mark.parametrize(
    ("tuner", "check"),
    [
        (Dicey, "determinism"),
        (Forgetful, "snapshots"),
        (Constant, "seeds"),
        (Choking, "failures"),
        (Liar, "crash-equivalence"),
    ],
)
def test_a_broken_tuner_is_caught_by_name(tuner, check):
    assert check in broken(tuner, check)


def test_another_seed_asks_other_questions_and_still_passes():
    for seed in range(10):
        report = examine(Honest, Examination(is_quick=True, seed=seed, skipped={"generated-spaces": "seen elsewhere"}))
        assert report.conforms, report.broken


def test_a_check_is_left_out_only_with_a_reason():
    with pytest.raises(InvalidInputError, match="without a reason"):
        Examination(skipped={"seeds": " "})
    report = examine(Constant, Examination(is_quick=True, only=("seeds",), skipped={"seeds": "It is a grid."}))
    assert report.conforms
    assert ("seeds", Verdict.SKIPPED, "It is a grid.") in [
        (finding.check.name, finding.verdict, finding.sentence) for finding in report.findings
    ]


def test_an_unknown_check_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInputError, match="There is no check 'nonsense'") as caught:
        Examination(only=("nonsense",))
    assert "same-question" in caught.value.hint


def test_a_report_says_what_why_and_how():
    report = examine(Constant, Examination(is_quick=True, only=("seeds",)))
    text = text_of(report.broken[0])
    assert "proposals are the same" in text
    assert "Why it matters" in text
    assert "How to mend it" in text
    assert "`seeds`" in markdown_table([report])
    document = json.loads(json.dumps(report.to_json()))
    assert document["conforms"] is False
    assert {finding["way"] for finding in document["findings"]} == {Way.PROCESS.value}


def test_every_check_says_what_why_and_how():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert all(check.what and check.why and check.mend for check in CHECKS)


def test_a_tuner_that_refuses_everything_claims_its_mode_in_vain():
    class Refusing(Honest):
        @classmethod
        def cannot_tune(cls, setup, settings):
            return "Not today."

    assert "known-spaces" in broken(Refusing, "known-spaces")


def test_a_one_shot_tuner_without_derive_is_found():
    class Underived(Honest):
        modes = frozenset({Mode.ONE_SHOT})

    assert "description" in broken(Underived, "description")


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", sorted(set(installed()) - FITTED))
def test_a_correct_tuner_passes_with_every_seed(name):
    settings, seeds = SLOW.get(name, (POPULATIONS.get(name, {}), SEEDS))
    # With the seed that is given by default the slow ones are examined by their own packages, and not in short.
    for seed in set(range(seeds)) - ({Examination().seed} if name in SLOW else set()):
        report = examine(name, Examination(is_quick=True, seed=seed, ways=(Way.PROCESS,), settings=settings))
        assert report.conforms, report.broken
