"""Finished trials are told as what they tried and what came of it."""

from __future__ import annotations

import pytest
from nas_optuna.history import outcome_of, tried
from nas_optuna.translation import Translator
from nascore.record import OutcomeStatus, Proposal
from nascore.space import Candidate, OneOf, SearchSpace
from nascore.testing.spaces import KNOWN_SPACES, choice
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

SPACE = SearchSpace((OneOf("kernel", (Candidate("k3", 3), Candidate("k5", 5))), choice("act", "relu", "gelu")))
KERNEL, ACT = CategoricalDistribution([5, 3]), CategoricalDistribution(["relu", "gelu"])


def trial(params: dict[str, object], **distributions: BaseDistribution) -> FrozenTrial:
    return create_trial(params=params, distributions=distributions, value=1.0)


def read(found: FrozenTrial, proposal: Proposal | None = None, space: SearchSpace = SPACE) -> dict[str, object] | None:
    told = tried(found, Translator(space), space, proposal)
    return None if told is None else dict(told.architecture or {})


def test_trial_that_says_nothing_of_the_space_is_left_out() -> None:
    assert read(trial({})) is None
    assert read(trial({"kernal": 3}, kernal=KERNEL)) is None
    assert read(trial({"kernel": 7}, kernel=CategoricalDistribution([3, 5, 7]))) is None


def test_architecture_that_a_constraint_forbids_is_left_out() -> None:
    space = KNOWN_SPACES["constrained"]
    widths = {f"width{index}": "32" for index in range(3)}
    each = CategoricalDistribution(("8", "16", "32"))
    assert read(trial({**widths}, **dict.fromkeys(widths, each)), None, space) is None


def test_what_was_not_suggested_is_as_it_was_proposed_or_the_first() -> None:
    found = trial({"kernel": 5}, kernel=KERNEL)
    proposal = Proposal(0, SPACE.architecture({"kernel": "k3", "act": "gelu"}))
    assert read(found) == {"kernel": "k5", "act": "relu"}
    assert read(found, proposal) == {"kernel": "k5", "act": "gelu"}


def test_proposal_that_was_tried_is_told_as_it_was_made() -> None:
    proposal = Proposal(0, SPACE.architecture({"kernel": "k5", "act": "gelu"}), log_prob=-1.0)
    same = trial({"kernel": 5, "act": "gelu"}, kernel=KERNEL, act=ACT)
    assert tried(same, Translator(SPACE), SPACE, proposal) is proposal


@pytest.mark.parametrize(
    ("state", "values", "constraint", "status"),
    [
        (TrialState.COMPLETE, [1.0, 2.0], None, OutcomeStatus.COMPLETED),
        (TrialState.COMPLETE, [1.0, float("inf")], None, OutcomeStatus.NON_FINITE),
        (TrialState.COMPLETE, [1.0, 2.0], 0.5, OutcomeStatus.INFEASIBLE),
        (TrialState.COMPLETE, [1.0, 2.0], 0.0, OutcomeStatus.COMPLETED),
        (TrialState.PRUNED, None, None, OutcomeStatus.PRUNED),
        (TrialState.FAIL, None, None, OutcomeStatus.FAILED),
    ],
)
def test_states_become_outcomes(
    state: TrialState, values: list[float] | None, constraint: float | None, status: OutcomeStatus
) -> None:
    limits = None if constraint is None else {"memory": constraint}
    outcome = outcome_of(create_trial(state=state, values=values, constraints=limits), ("a", "b"))
    assert outcome.status is status
    assert outcome.metrics == ({"a": 1.0, "b": 2.0} if status is OutcomeStatus.COMPLETED else {})
    assert (outcome.failure is not None) == (status is OutcomeStatus.FAILED)
