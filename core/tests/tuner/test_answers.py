"""Proposals are checked before anybody builds them."""

from __future__ import annotations

import pytest
from nascore.errors import TunerCrashedError
from nascore.record import Budget, Proposal, Task
from nascore.space import Architecture, MixedDecision, Mixture
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner.answers import check_proposal
from nascore.tuner.contract import NoProposal

SPACE = KNOWN_SPACES["flat28"]
FINE = SPACE.default()
MIXTURE = Mixture((MixedDecision("layer00", (0.2,) * 5),))


@pytest.mark.parametrize("space", list(KNOWN_SPACES))
def test_default_architecture_passes(space: str) -> None:
    check_proposal(Proposal(3, KNOWN_SPACES[space].default()), 3, space=KNOWN_SPACES[space], label="good 1.0")


@pytest.mark.parametrize("answer", list(NoProposal))
def test_no_proposal_passes(answer: NoProposal) -> None:
    check_proposal(answer, 0, space=SPACE, label="good 1.0")


def test_mixture_to_train_on_passes() -> None:
    check_proposal(Proposal(0, mixture=MIXTURE, task=Task.TRAIN), 0, space=SPACE, label="good 1.0")


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ("architecture", "it returned str"),
        (Proposal(4, FINE), "it is numbered 4"),
        (Proposal(0), "either an architecture or a mixture"),
        (Proposal(0, FINE, MIXTURE), "either an architecture or a mixture"),
        (Proposal(0, mixture=MIXTURE), "a mixture cannot be evaluated"),
        (Proposal(0, FINE, budget=Budget("epochs", 0)), "its budget is 0 epochs"),
        (Proposal(0, FINE, budget=Budget("epochs", float("nan"))), "its budget is nan epochs"),
        (Proposal(0, FINE, log_prob=0.5), "log_prob 0.5"),
        (Proposal(0, Architecture({**FINE, "layer07": "conv9"})), "layer07"),
        (Proposal(0, Architecture({"layer00": "skip"})), "layer01"),
    ],
    ids=["type", "number", "neither", "both", "mixture", "budget", "nan", "log_prob", "candidate", "missing"],
)
def test_wrong_proposal_is_a_crash_that_says_what(answer: object, what: str) -> None:
    with pytest.raises(TunerCrashedError, match=what) as caught:
        check_proposal(answer, 0, space=SPACE, label="bad 2.0")
    assert "Tuner bad 2.0 broke its contract with proposal 0" in str(caught.value)
