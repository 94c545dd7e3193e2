"""Sealed samples: what is refused in the open is refused here, also where a form is known; the rest is unchanged."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as some
from nascore.errors import InvalidInputError, MetricError, NascoreError, TunerCrashedError
from nascore.record import Budget, Failure, FailureKind, Outcome, OutcomeStatus, Proposal, Task
from nascore.record.wire import outcome_from_message, outcome_to_message, proposal_from_message, proposal_to_message
from nascore.space import Candidate, Integer, MixedDecision, Mixture, MixtureRules, OneOf, SearchSpace
from nascore.tuner.sealed import SampleGate, lost_outcome, opened_sample, sealed_outcome
from nascore.v1 import tuner_pb2

KEYS = tuple(Candidate(key) for key in ("skip", "small", "large"))
SPACE = SearchSpace((OneOf("a", KEYS), OneOf("b", KEYS), OneOf("c", KEYS)))
NESTED = SearchSpace((OneOf("a", (Candidate("off"), Candidate("on", children=(OneOf("b", KEYS), OneOf("c", KEYS))))),))
finite = some.floats(min_value=-1e30, max_value=1e30)


def mixture(weight: float = 0.5, *paths: str, graded: tuple[int, ...] = (0, 1, 2)) -> Mixture:
    return Mixture(tuple(MixedDecision(path, (weight, 0.25, 0.25), graded) for path in paths or ("a", "b", "c")))


def sample(number: int = 0, weight: float = 0.5) -> Proposal:
    return Proposal(number, mixture=mixture(weight), task=Task.GRADIENT)


def gate(space: SearchSpace = SPACE, unmixable: dict[str, str] | None = None) -> SampleGate:
    """Return a gate that has seen such samples often enough to know their form."""
    made = SampleGate(space, MixtureRules(space, unmixable or {}))
    if space is SPACE and not unmixable:
        for number in range(4):
            made.sealed(proposal_to_message(sample(number)), number, label="t")
        assert made._passed
    return made


def completed(value: float = 1.0, weight: float = 0.5) -> Outcome:
    gradient = mixture(weight).decisions
    return Outcome(OutcomeStatus.COMPLETED, {"loss": value}, gradient=gradient, batches=1, duration_s=0.5)


def set_nan(message: tuner_pb2.Proposal) -> None:
    message.mixture.decisions[1].weights[2] = math.nan


def drop_weight(message: tuner_pb2.Proposal) -> None:
    del message.mixture.decisions[1].weights[2]


def swap_path(message: tuner_pb2.Proposal) -> None:
    message.mixture.decisions[1].path = "x"


def drop_decision(message: tuner_pb2.Proposal) -> None:
    del message.mixture.decisions[1]


def set_graded(message: tuner_pb2.Proposal) -> None:
    message.mixture.decisions[1].graded[2] = 3


def set_task(message: tuner_pb2.Proposal) -> None:
    message.task = tuner_pb2.TASK_EVALUATE


def set_fixed(message: tuner_pb2.Proposal) -> None:
    message.mixture.fixed.add(path="z", candidate="skip")


def set_budget(message: tuner_pb2.Proposal) -> None:
    message.budget.amount = -1.0


def set_log_prob(message: tuner_pb2.Proposal) -> None:
    message.log_prob = 1.0


def set_notes(message: tuner_pb2.Proposal) -> None:
    message.notes_json = "[1]"


def set_radius(message: tuner_pb2.Proposal) -> None:
    message.unrolled.radius = -1.0


def set_source(message: tuner_pb2.Proposal) -> None:
    message.warm_start.SetInParent()


FAULTS = [
    set_nan, drop_weight, swap_path, drop_decision, set_graded, set_task, set_fixed, set_budget, set_log_prob,
    set_notes, set_radius, set_source,
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_sample_with_a_fault_is_refused_though_its_form_is_known(fault: Callable[[tuner_pb2.Proposal], None]) -> None:
    known, message = gate(), proposal_to_message(sample(4))
    fault(message)
    with pytest.raises(NascoreError):
        known.sealed(message, 4, label="t")
    assert known.sealed(proposal_to_message(sample(4)), 4, label="t").number == 4


def test_sample_of_another_number_is_refused_by_the_tuners_name() -> None:
    with pytest.raises(TunerCrashedError, match="Tuner t 1 broke its contract with proposal 5: it is numbered 4"):
        gate().sealed(proposal_to_message(sample(4)), 5, label="t 1")


def test_sample_that_is_too_large_is_refused() -> None:
    message = proposal_to_message(sample())
    message.notes_json = '"' + "x" * (1 << 20) + '"'
    with pytest.raises(InvalidInputError, match="at most 1,048,576 are taken"):
        gate().sealed(message, 0, label="t")


def test_form_of_one_session_is_not_that_of_another() -> None:
    gate()
    other = gate(unmixable={"b": "The outputs have different shapes."})
    for number in range(3):
        with pytest.raises(TunerCrashedError, match="different shapes"):
            other.sealed(proposal_to_message(sample(number)), number, label="t")


def test_decision_may_be_left_out_only_while_nothing_above_it_is_computed() -> None:
    nested = gate(NESTED)

    def proposed(number: int, on: float) -> tuner_pb2.Proposal:
        above = MixedDecision("a", (1.0, on))
        below = MixedDecision("a/on/b", (0.5, 0.25, 0.25))
        return proposal_to_message(Proposal(number, mixture=Mixture((above, below)), task=Task.TRAIN))

    for number in range(4):
        assert nested.sealed(proposed(number, 0.0), number, label="t").number == number
    with pytest.raises(TunerCrashedError, match="neither mixed nor fixed"):
        nested.sealed(proposed(4, 0.5), 4, label="t")


@given(some.lists(finite, min_size=3, max_size=3), some.booleans())
def test_sealed_sample_opens_as_what_was_proposed(weights: list[float], is_long: bool) -> None:
    known = gate()
    decisions = tuple(MixedDecision(path, tuple(weights), (0, 1, 2)) for path in ("a", "b", "c"))
    budget = Budget("epochs", 2.0) if is_long else None
    proposal = Proposal(4, mixture=Mixture(decisions), task=Task.GRADIENT, budget=budget, partial_channels=4)
    assert opened_sample(known.sealed(proposal_to_message(proposal), 4, label="t")) == proposal


def test_sample_with_fixed_decisions_passes() -> None:
    space = SearchSpace((OneOf("a", KEYS), Integer("n", 1, 9)))
    proposal = Proposal(0, mixture=Mixture(mixture(0.5, "a").decisions, {"n": 3}), task=Task.TRAIN)
    for _ in range(3):
        assert opened_sample(gate(space).sealed(proposal_to_message(proposal), 0, label="t")) == proposal


def unknown_status(message: tuner_pb2.Outcome) -> None:
    message.status = 77  # type: ignore[assignment]


def unset_status(message: tuner_pb2.Outcome) -> None:
    message.status = tuner_pb2.OUTCOME_STATUS_UNSPECIFIED


def late(message: tuner_pb2.Outcome) -> None:
    message.duration_s = math.inf


def early(message: tuner_pb2.Outcome) -> None:
    message.duration_s = -1.0


def twice(message: tuner_pb2.Outcome) -> None:
    message.metrics.add(name="loss", value=2.0)


def nameless(message: tuner_pb2.Outcome) -> None:
    message.metrics.add(value=2.0)


def crowded(message: tuner_pb2.Outcome) -> None:
    for place in range(1001):
        message.metrics.add(name=f"m{place}", value=1.0)


def steep(message: tuner_pb2.Outcome) -> None:
    message.gradient[2].weights[0] = math.inf


def ungraded(message: tuner_pb2.Outcome) -> None:
    message.gradient[2].graded.append(0)


def weightless(message: tuner_pb2.Outcome) -> None:
    del message.gradient[1].weights[:]


def unexplained(message: tuner_pb2.Outcome) -> None:
    message.failure.kind = "bad luck"


WRONG = [
    unknown_status, unset_status, late, early, twice, nameless, crowded, steep, ungraded, weightless, unexplained,
]  # fmt: skip


@pytest.mark.parametrize("fault", WRONG, ids=lambda fault: fault.__name__)
def test_outcome_with_a_fault_is_refused_though_its_form_is_known(fault: Callable[[tuner_pb2.Outcome], None]) -> None:
    for _ in range(3):
        sealed_outcome(outcome_to_message(completed()))
    message = outcome_to_message(completed())
    fault(message)
    with pytest.raises((InvalidInputError, MetricError, NascoreError)):
        sealed_outcome(message)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_metric_that_is_no_number_becomes_non_finite(value: float) -> None:
    message = outcome_to_message(completed())
    message.metrics[0].value = value
    outcome = outcome_from_message(tuner_pb2.Outcome.FromString(sealed_outcome(message)))
    assert outcome.status is OutcomeStatus.NON_FINITE
    assert (dict(outcome.metrics), outcome.gradient) == ({}, ())
    assert outcome.failure is not None
    assert outcome.failure.message == f"The metric loss is {value}."


@given(finite, finite, some.sampled_from(["loss", "l" * 200]))
def test_sealed_outcome_opens_as_what_was_told(value: float, weight: float, name: str) -> None:
    gradient = mixture(weight).decisions
    outcome = Outcome(OutcomeStatus.COMPLETED, {name: value}, gradient=gradient, batches=1, duration_s=0.5)
    for _ in range(2):
        message = tuner_pb2.Outcome.FromString(sealed_outcome(outcome_to_message(outcome)))
        assert outcome_from_message(message) == outcome


def test_failed_and_lost_outcomes_open_with_their_reason() -> None:
    failed = Outcome(OutcomeStatus.FAILED, failure=Failure(FailureKind.EXCEPTION, "ValueError: no"))
    assert outcome_from_message(tuner_pb2.Outcome.FromString(sealed_outcome(outcome_to_message(failed)))) == failed
    lost = outcome_from_message(tuner_pb2.Outcome.FromString(lost_outcome("3/1")))
    assert lost.failure == Failure(FailureKind.LOST, "Worker '3/1' was lost.")


def test_field_of_a_newer_tuner_is_handed_on() -> None:
    message = proposal_to_message(sample())
    message.MergeFromString(b"\xf8\x3e\x07")  # Field 1007, a number.
    data = gate().sealed(message, 0, label="t").data
    assert data.endswith(b"\xf8\x3e\x07")
    assert proposal_from_message(tuner_pb2.Proposal.FromString(data)) == sample()
