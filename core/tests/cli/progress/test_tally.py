import pytest
from nascore.cli.progress import Tally
from nascore.record import (
    Direction,
    ExperimentRecord,
    ExperimentSpec,
    Limits,
    Objective,
    Outcome,
    OutcomeStatus,
    Proposal,
    TrialRecord,
    TrialState,
)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def record(*, objective=None, elapsed_s=0.0, **limits):
    spec = ExperimentSpec("toy", objectives=(objective or Objective("accuracy"),), limits=Limits(**limits))
    return ExperimentRecord("abc", spec, elapsed_s=elapsed_s)


def trial(number, state=TrialState.SUCCEEDED, *, finished_at=0.0, **metrics):
    outcome = Outcome(OutcomeStatus.COMPLETED, metrics=metrics) if state.is_final else None
    return TrialRecord(number, state, Proposal(number), outcome=outcome, finished_at=finished_at)


def test_the_best_follows_the_direction_of_the_first_objective(clock):
    tally = Tally(clock)
    tally.take_record(record(objective=Objective("loss", Direction.MINIMIZE)))
    assert [tally.take_trial(trial(n, loss=loss)) for n, loss in enumerate([3.0, 2.0, 2.0, 5.0])] == [
        True,
        True,
        False,
        False,
    ]
    assert tally.best is not None
    assert tally.best.number == 1


def test_a_failed_trial_is_never_the_best(clock):
    tally = Tally(clock)
    tally.take_record(record())
    assert not tally.take_trial(trial(0, TrialState.FAILED))
    assert tally.best is None


def test_a_trial_told_twice_counts_once(clock):
    tally = Tally(clock)
    tally.take_record(record(max_trials=10))
    for _ in range(3):
        tally.take_trial(trial(0, accuracy=1.0))
    assert tally.done() == 1
    assert tally.rate_per_s() is None


def test_the_rate_and_what_is_left_are_of_this_sitting(clock):
    tally = Tally(clock)
    tally.take_record(record(max_trials=20))
    tally.take_past(tuple(trial(number, accuracy=0.0) for number in range(10)))
    for number in range(10, 15):
        clock.now += 2
        tally.take_trial(trial(number, accuracy=0.0))
    assert tally.rate_per_s() == pytest.approx(0.5)
    assert tally.left_s() == pytest.approx(10.0)
    assert tally.share() == pytest.approx(0.75)


def test_the_nearest_limit_decides_what_is_left(clock):
    tally = Tally(clock)
    tally.take_record(record(max_duration_s=60, elapsed_s=20))
    clock.now += 10
    assert tally.elapsed_s() == 30
    assert tally.left_s() == 30
    assert tally.share() == 0.5


def test_without_limits_nothing_is_promised(clock):
    tally = Tally(clock)
    tally.take_record(record())
    assert (tally.left_s(), tally.share()) == (None, None)


def test_running_trials_come_first_then_those_that_ended_last(clock):
    tally = Tally(clock)
    tally.take_record(record())
    tally.take_trial(trial(0, finished_at=5.0, accuracy=0.0))
    tally.take_trial(trial(1, finished_at=9.0, accuracy=0.0))
    tally.take_trial(trial(2, TrialState.RUNNING))
    tally.take_trial(trial(3, TrialState.QUEUED))
    assert [shown.number for shown in tally.latest(9)] == [2, 1, 0]
