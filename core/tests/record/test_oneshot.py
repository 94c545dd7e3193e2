"""One-shot words, to protobuf and JSON and back, and the numbers that are refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nascore.errors import InvalidInputError, SettingsError
from nascore.record import (
    Derived,
    ExperimentSpec,
    Mode,
    OneShot,
    Outcome,
    OutcomeStatus,
    Proposal,
    Schedule,
    Scored,
    Task,
    Trust,
    Unrolled,
)
from nascore.record.jsonform import (
    outcome_from_json,
    outcome_to_json,
    proposal_from_json,
    proposal_to_json,
    spec_from_json,
    spec_to_json,
)
from nascore.record.wire import (
    one_shot_from_message,
    outcome_from_message,
    outcome_to_message,
    proposal_from_message,
    proposal_to_message,
    spec_from_message,
    spec_to_message,
)
from nascore.space import Architecture, MixedDecision, Mixture
from nascore.v1 import experiment_pb2, tuner_pb2

_COUNTS = st.integers(1, 64)
ONE_SHOTS = st.builds(
    OneShot,
    schedule=st.builds(Schedule, st.integers(1, 1000), warmup_epochs=st.integers(0, 1000)),
    derive=_COUNTS,
    retrain_epochs=st.none() | st.floats(0, 1e6),
    supernets=_COUNTS,
    workers=_COUNTS,
    sync_every=st.integers(1, 1_000_000),
    trust=st.none() | st.builds(Trust, max_random=st.integers(0, 1000), sampled=st.integers(0, 1000)),
)
ARCHITECTURE = Architecture({"op": "conv", "width": 7})
WEIGHTS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5).map(tuple)
MIXTURES = st.builds(
    lambda weights, value: Mixture(
        (MixedDecision("op", weights, tuple(range(len(weights)))),), {"width": value, "edges": ("a", "b"), "x": 0.5}
    ),
    WEIGHTS,
    st.integers(-(2**53), 2**53),
)


@given(ONE_SHOTS, st.sampled_from([None, Mode.ONE_SHOT]))
def test_one_shot_search_comes_back_from_protobuf_and_json(one_shot: OneShot, mode: Mode | None) -> None:
    spec = ExperimentSpec("darts", mode=mode, one_shot=one_shot)
    raw = spec_to_message(spec).SerializeToString()
    assert spec_from_message(experiment_pb2.ExperimentSpec.FromString(raw)) == spec
    assert spec_from_json(json.loads(json.dumps(spec_to_json(spec)))) == spec


def test_older_specifications_have_no_mode() -> None:
    data = spec_to_json(ExperimentSpec("random"))
    assert "mode" not in data
    assert spec_from_json(data).mode is None
    assert spec_from_message(spec_to_message(ExperimentSpec("random"))).one_shot is None


def test_empty_message_is_all_defaults() -> None:
    assert one_shot_from_message(experiment_pb2.OneShot()) == OneShot()


@given(MIXTURES, st.sampled_from([Task.TRAIN, Task.SCORE, Task.GRADIENT]), st.integers(1, 8), st.booleans())
def test_sample_comes_back_from_protobuf_and_json(mixture: Mixture, task: Task, parts: int, is_unrolled: bool) -> None:
    unrolled = Unrolled(0.02) if is_unrolled else None
    sample = Proposal(3, mixture=mixture, task=task, unrolled=unrolled, partial_channels=parts)
    raw = proposal_to_message(sample).SerializeToString()
    assert proposal_from_message(tuner_pb2.Proposal.FromString(raw)) == sample
    assert proposal_from_json(json.loads(json.dumps(proposal_to_json(sample)))) == sample


@given(WEIGHTS, st.none() | st.floats(-10, 10))
def test_outcome_of_a_search_comes_back_from_protobuf_and_json(weights: tuple[float, ...], score: float | None) -> None:
    outcome = Outcome(
        OutcomeStatus.COMPLETED,
        {"loss": 0.5},
        gradient=(MixedDecision("op", weights),),
        derived=(Derived(ARCHITECTURE, score), Derived(Architecture({}))),
        scored=(Scored(ARCHITECTURE, {"accuracy": 0.5, "loss": 1.0}),),
        costs={("op", "conv", "macs"): 12.0, ("op", "conv", "parameters"): 3.0},
    )
    raw = outcome_to_message(outcome).SerializeToString()
    assert outcome_from_message(tuner_pb2.Outcome.FromString(raw)) == outcome
    assert outcome_from_json(json.loads(json.dumps(outcome_to_json(outcome)))) == outcome


@pytest.mark.parametrize(
    ("field", "value"),
    [("derive", 0), ("derive", 65), ("supernets", 0), ("workers", 257), ("sync_every", 0), ("retrain_epochs", -0.5),
     ("retrain_epochs", float("inf")), ("retrain_epochs", float("nan")), ("trust", Trust(max_random=-1)),
     ("trust", Trust(sampled=1001))],
)  # fmt: skip
def test_numbers_out_of_bounds_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(SettingsError, match=field):
        OneShot(**{field: value})  # type: ignore[arg-type]


def test_schedule_needs_an_epoch() -> None:
    with pytest.raises(SettingsError, match="0 epochs"):
        Schedule(0)
    with pytest.raises(SettingsError, match="at least 1"):
        one_shot_from_message(experiment_pb2.OneShot(schedule=tuner_pb2.Schedule(warmup_epochs=2)))


def test_multi_trial_search_with_a_one_shot_description_contradicts_itself() -> None:
    with pytest.raises(SettingsError, match="multi-trial, and yet"):
        ExperimentSpec("random", mode=Mode.MULTI_TRIAL, one_shot=OneShot())


def test_cost_that_is_no_number_is_refused() -> None:
    message = outcome_to_message(Outcome(OutcomeStatus.COMPLETED))
    message.costs.add(path="op", candidate="conv", measure="macs", value=float("nan"))
    with pytest.raises(InvalidInputError, match="macs of 'conv' at 'op' is nan"):
        outcome_from_message(message)
