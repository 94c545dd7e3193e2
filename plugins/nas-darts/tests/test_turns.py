"""Samples come in turns, epochs end when they should, and what fails or comes from others does no harm."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from nas_darts import Darts, DirectGrad, DrNas, Gdas, PcDarts, Proxyless, Snas
from nas_darts.mixture_tuner import MixtureTuner
from nascore.errors import InvalidInputError
from nascore.record import JsonValue, Objective, Outcome, OutcomeStatus, Proposal, Task, Unrolled, proposal_seed
from nascore.space import Architecture, MixedDecision, SearchSpace
from nascore.testing.spaces import KNOWN_SPACES, choice
from nascore.tuner import Mode, NoProposal, Schedule, Settings, Setup, Tuner, validate
from nascore.tuner.suitability import why_unsuitable

TUNERS: tuple[type[MixtureTuner], ...] = (Darts, DirectGrad, DrNas, Gdas, PcDarts, Proxyless, Snas)
SPACE = SearchSpace((choice("a", "x", "y"), choice("b", "x", "y", "z")))


def opened(
    tuner_type: type[MixtureTuner] = Darts,
    space: SearchSpace = SPACE,
    *,
    schedule: Schedule | None = None,
    workers: int = 1,
    unmixable: tuple[str, ...] = (),
    batches: int = 3,
    costs: dict[tuple[str, str, str], float] | None = None,
    **settings: JsonValue,
) -> MixtureTuner:
    setup = Setup(
        space,
        (Objective("accuracy"),),
        7,
        costs=costs or {},
        batches_per_epoch=batches,
        mode=Mode.ONE_SHOT,
        schedule=schedule or Schedule(2),
        workers=workers,
        unmixable=dict.fromkeys(unmixable, "Their shapes differ."),
    )
    chosen = validate(tuner_type.settings_type, settings)
    assert why_unsuitable(tuner_type, setup, chosen) == ""
    return tuner_type(setup, chosen)


def answered(proposal: Proposal, *, loss: float = 1.0, slope: float = 1.0) -> Outcome:
    assert proposal.mixture is not None
    gradient = tuple(
        MixedDecision(each.path, tuple(slope * (place + 1) for place in range(len(each.weights))), each.graded)
        for each in proposal.mixture.decisions
        if each.graded
    )
    return Outcome(OutcomeStatus.COMPLETED, {"loss": loss}, gradient)


def run(made: MixtureTuner) -> Iterator[Proposal]:
    number = 0
    waiting: list[Proposal] = []
    while True:
        proposal = made.ask(number, proposal_seed(7, number))
        if isinstance(proposal, Proposal):
            number += 1
            waiting.append(proposal)
            yield proposal
        elif proposal is NoProposal.EXHAUSTED:
            return
        else:
            for each in waiting:
                made.tell(each, answered(each))
            waiting = []


def is_graded(proposal: Proposal) -> bool:
    assert proposal.mixture is not None
    return any(each.graded for each in proposal.mixture.decisions)


@pytest.mark.parametrize("tuner_type", TUNERS, ids=lambda each: each.name)
@pytest.mark.parametrize("workers", [1, 4])
def test_schedule_is_kept_to_the_batch(tuner_type: type[MixtureTuner], workers: int) -> None:
    found = list(run(opened(tuner_type, schedule=Schedule(5, warmup_epochs=2), workers=workers)))
    trains = [proposal for proposal in found if proposal.task is Task.TRAIN]
    assert len(trains) == (5 + 2) * 3
    assert not any(map(is_graded, trains[: 2 * 3]))
    assert any(map(is_graded, found))
    assert [proposal.number for proposal in found] == list(range(len(found)))


def test_gradient_stands_before_the_weights_it_belongs_to() -> None:
    made = opened()
    found = list(run(made))
    assert [each.task for each in found] == [Task.GRADIENT, Task.TRAIN] * 6
    for gradient, train in zip(found[::2], found[1::2], strict=True):
        weights = [tuple((each.path, each.weights) for each in one.mixture.decisions) for one in (gradient, train)]
        assert weights[0] == weights[1]
        assert not is_graded(train)
    assert found[0].mixture != found[2].mixture


def test_every_worker_gets_a_gradient_and_the_step_is_their_average() -> None:
    alone, crowd = opened(), opened(workers=3)
    pair = [alone.ask(number, number) for number in range(2)]
    assert isinstance(pair[0], Proposal)
    alone.tell(pair[0], answered(pair[0], slope=2.0))
    many = [crowd.ask(number, number) for number in range(6)]
    assert [each.task for each in many if isinstance(each, Proposal)] == [Task.GRADIENT] * 3 + [Task.TRAIN] * 3
    for proposal, slope in zip(many[:3], (1.0, 2.0, 3.0), strict=True):
        assert crowd.ask(6, 6) is NoProposal.WAIT
        assert isinstance(proposal, Proposal)
        crowd.tell(proposal, answered(proposal, slope=slope))
    after = [made.ask(number, 9) for made, number in ((alone, 2), (crowd, 6))]
    for one, other in zip(*(proposal.mixture.decisions for proposal in after), strict=True):
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-12)


def test_single_level_methods_learn_from_the_training_batch() -> None:
    for made in (opened(Snas), opened(DirectGrad)):
        assert {each.task for each in run(made)} == {Task.TRAIN}
    assert {each.task for each in run(opened(DirectGrad, is_bilevel=True))} == {Task.TRAIN, Task.GRADIENT}


def test_second_order_asks_for_unrolled_gradients() -> None:
    found = list(run(opened(order=2, radius=0.02)))
    assert {each.unrolled for each in found if each.task is Task.GRADIENT} == {Unrolled(0.02)}
    assert {each.unrolled for each in found if each.task is Task.TRAIN} == {None}


def test_second_order_is_rehearsed_before_the_warm_up_and_teaches_nothing() -> None:
    found = list(run(opened(order=2, schedule=Schedule(2, warmup_epochs=1))))
    assert [each.task for each in found[:5]] == [Task.GRADIENT, *[Task.TRAIN] * 3, Task.GRADIENT]
    assert found[0].unrolled is not None
    weights = [[each.weights for each in found[place].mixture.decisions] for place in (0, 4)]
    assert weights[0] == weights[1]
    assert [each.task for each in list(run(opened(schedule=Schedule(2, warmup_epochs=1))))[:3]] == [Task.TRAIN] * 3


def test_parameters_rest_as_long_as_published() -> None:
    found = list(run(opened(PcDarts, schedule=Schedule(10))))
    assert [each.task for each in found[:9]] == [Task.TRAIN] * 9
    assert found[9].task is Task.GRADIENT
    assert {each.partial_channels for each in found} == {4}
    found = list(run(opened(Proxyless, schedule=Schedule(8), gradient_every=2)))
    assert [each.task for each in found[:6]] == [Task.TRAIN] * 6
    assert [each.task for each in found[6:9]] == [Task.GRADIENT, Task.TRAIN, Task.TRAIN]
    warmed = list(run(opened(Proxyless, schedule=Schedule(8, warmup_epochs=1), gradient_every=1)))
    assert warmed[3].task is Task.GRADIENT


def test_failed_gradient_makes_no_step_and_stops_nothing() -> None:
    made = opened()
    first = made.ask(0, 0)
    assert isinstance(first, Proposal)
    train = made.ask(1, 1)
    assert made.ask(2, 2) is NoProposal.WAIT
    made.tell(first, Outcome(OutcomeStatus.NON_FINITE))
    second = made.ask(2, 2)
    assert isinstance(second, Proposal)
    assert second.mixture == first.mixture
    assert isinstance(train, Proposal)
    made.tell(train, Outcome(OutcomeStatus.FAILED))


def test_words_about_samples_of_others_are_ignored() -> None:
    made = opened()
    before = made.snapshot()
    made.tell(Proposal(99, Architecture({"a": "x", "b": "y"})), Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5}))
    assert made.snapshot() == before


def test_waiting_and_ending_leave_no_trace() -> None:
    made = opened(schedule=Schedule(1), batches=1)
    proposals = [made.ask(number, number) for number in range(2)]
    before = made.snapshot()
    assert made.ask(2, 2) is NoProposal.WAIT
    assert made.snapshot() == before
    assert isinstance(proposals[0], Proposal)
    made.tell(proposals[0], answered(proposals[0]))
    before = made.snapshot()
    assert made.ask(2, 2) is NoProposal.EXHAUSTED
    assert made.snapshot() == before


def test_notes_of_each_epoch_tell_entropy_and_skips() -> None:
    space = SearchSpace((choice("a", "skip", "conv"), choice("b", "conv", "skip")))
    made = opened(space=space, schedule=Schedule(3), learning_rate=3e-4)
    notes = [proposal.notes for proposal in run(made) if proposal.notes]
    assert [each["epoch"] for each in notes] == [0, 1, 2]
    assert all(each["choices"] == 2 and 0.9 < each["entropy"] <= 1.0 for each in notes)
    assert all(0 <= each["skips"] <= 2 for each in notes)


def test_auxiliary_skip_fades_until_nothing_but_darts_is_left() -> None:
    space = SearchSpace((choice("a", "skip", "conv"),))
    plain, helped = (
        [proposal.mixture.decisions[0].weights for proposal in run(opened(space=space, schedule=Schedule(3), **each))]
        for each in ({}, {"auxiliary_skip": 1.0})
    )
    surplus = [helped[place][0] - plain[place][0] for place in (0, 6, 12)]
    np.testing.assert_allclose(surplus, [1.0, 0.5, 0.0], atol=1e-12)
    # Bit for bit, in the last epoch and always in the other candidate.
    assert helped[12:] == plain[12:]
    assert [each[1] for each in helped] == [each[1] for each in plain]


def test_second_stage_of_drnas_prunes_to_exactly_nothing_and_takes_more_channels() -> None:
    settings: dict[str, JsonValue] = {"is_progressive": True, "second_stage_candidates": 2, "partial_channels": 6}
    found = list(run(opened(DrNas, schedule=Schedule(4), second_stage_partial_channels=4, **settings)))
    first, second = found[: len(found) // 2], found[len(found) // 2 :]
    assert {each.partial_channels for each in first} == {6}
    assert {each.partial_channels for each in second} == {4}
    weights = np.array([each.mixture.decisions[1].weights for each in second])
    assert np.all((weights == 0.0).sum(axis=1) == 1)
    assert len({tuple(row) for row in (weights == 0.0).tolist()}) == 1
    graded = {each.mixture.decisions[1].graded for each in second if is_graded(each)}
    assert len(graded) == 1
    assert len(graded.pop()) == 2


def test_perturbation_keeps_what_is_missed_most() -> None:
    made = opened(selection="perturbation", perturbation_tuning_epochs=1, schedule=Schedule(1))
    number, scored, trained = 0, 0, 0
    missed = {"a": 1, "b": 2}
    waiting: list[Proposal] = []
    while (proposal := made.ask(number, number)) is not NoProposal.EXHAUSTED:
        if isinstance(proposal, Proposal):
            number += 1
            waiting.append(proposal)
            trained += proposal.task is Task.TRAIN
            continue
        for each in waiting:
            assert each.mixture is not None
            gone = [each.mixture.decisions[place].weights[missed[path]] == 0 for place, path in enumerate("ab")]
            scored += each.task is Task.SCORE
            # A decision that is settled has zeros of its own, and what stays of it is what was missed.
            made.tell(each, answered(each, loss=5.0 if any(gone) else 1.0))
        waiting = []
    assert scored == 2 + 3
    assert trained == 3 + 2 * 3
    assert dict(made.derive(1)[0].architecture) == {"a": "y", "b": "z"}


@pytest.mark.parametrize("tuner_type", TUNERS, ids=lambda each: each.name)
def test_same_seed_same_run(tuner_type: type[MixtureTuner]) -> None:
    first, second = (opened(tuner_type, KNOWN_SPACES["nested"], schedule=Schedule(4)) for _ in range(2))
    assert list(run(first)) == list(run(second))
    assert first.derive(2) == second.derive(2)


def test_bytes_that_are_no_state_are_refused() -> None:
    made = opened()
    for state in (b"", b"{}", b"[1]", b"\xff", made.snapshot().replace(b'"turn":0', b'"turn":"x"')):
        with pytest.raises(InvalidInputError, match="no state"):
            made.restore(state)
    with pytest.raises(InvalidInputError, match="mixed"):
        opened(space=KNOWN_SPACES["nested"]).restore(made.snapshot())


def refusal(tuner_type: type[Tuner[Settings]], setup: Setup, **settings: JsonValue) -> str:
    return why_unsuitable(tuner_type, setup, validate(tuner_type.settings_type, settings))


def test_refusals_name_the_reason() -> None:
    objectives = (Objective("accuracy"),)
    schedule = {"mode": Mode.ONE_SHOT, "schedule": Schedule(1), "batches_per_epoch": 1}
    assert "one-shot" in refusal(Darts, Setup(SPACE, objectives, 1))
    assert "holds 1 architecture" in refusal(Darts, Setup(SearchSpace((choice("a", "x"),)), objectives, 1, **schedule))
    costs = {("a", "x", "macs"): 1.0}
    priced = Setup(SPACE, objectives, 1, costs=costs, **schedule)
    assert "macs" in refusal(Proxyless, priced, penalty_measure="latency_ms")
    assert refusal(Proxyless, priced, penalty_measure="macs") == ""
    assert "at most 1 objective" in refusal(Darts, Setup(SPACE, (*objectives, Objective("latency")), 1, **schedule))
