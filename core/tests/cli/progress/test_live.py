"""What a person sees on a terminal, drawn at several sizes."""

import io
from dataclasses import replace

import pytest
from nascore.cli.progress import LineReporter, LiveReporter, Tally
from nascore.record import (
    ExperimentRecord,
    ExperimentSpec,
    Failure,
    FailureKind,
    Limits,
    Outcome,
    OutcomeStatus,
    Proposal,
    TrialRecord,
    TrialState,
)
from nascore.space import Architecture, SearchSpace
from rich.console import Console

ARCHITECTURE = Architecture({"conv/op": "conv3", "width": 32, "stage[0]/act": "relu"})
RECORD = ExperimentRecord("k3j2h1aa", ExperimentSpec("evolution", limits=Limits(max_trials=30), name="digits"))


def running(number):
    return TrialRecord(
        number, TrialState.RUNNING, Proposal(number, ARCHITECTURE), attempt=1, epoch=number + 1, worker="worker-0"
    )


def succeeded(number, accuracy):
    outcome = Outcome(OutcomeStatus.COMPLETED, metrics={"accuracy": accuracy}, duration_s=1.5)
    return replace(running(number), state=TrialState.SUCCEEDED, outcome=outcome, finished_at=float(number))


def failed(number, message):
    outcome = Outcome(OutcomeStatus.FAILED, failure=Failure(FailureKind.EXCEPTION, message))
    return replace(running(number), state=TrialState.FAILED, outcome=outcome, finished_at=float(number))


@pytest.fixture
def live():
    reporter = LiveReporter(Tally(lambda: 0.0), workers=2)
    reporter._tally.take_record(RECORD)
    return reporter


def drawn(reporter, width, render=None):
    console = Console(file=io.StringIO(), width=width, height=30, color_system=None)
    with console.capture() as capture:
        console.print((render or reporter.render)())
    return capture.get()


@pytest.mark.parametrize("width", [40, 80, 160])
def test_no_line_is_wider_than_the_terminal(live, width):
    for number in range(12):
        live.take(None, succeeded(number, number / 100))
    live.take(None, failed(12, "ValueError: " + "x" * 300))
    live.take(None, running(13))
    text = drawn(live, width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert len(text.splitlines()) <= 16


def test_the_table_says_best_done_and_latest(live):
    live.take(None, succeeded(0, 0.5))
    live.take(None, succeeded(1, 0.75))
    live.take(None, failed(2, "ValueError: too wide"))
    live.take(None, running(3))
    text = drawn(live, 120)
    for part in ("digits", "evolution", "k3j2h1aa", "2 workers", "3/30", "accuracy 0.75  trial 1", "too wide"):
        assert part in text
    assert "1 running  2 succeeded  1 failed" in text


def test_before_the_first_trial_it_says_what_it_waits_for(live):
    assert "Waiting for the first trial" in drawn(live, 80)


def test_trouble_is_shown(live):
    live.take(replace(RECORD, trouble="The tuner crashed."), None)
    assert "The tuner crashed." in drawn(live, 80)


def test_what_stays_at_the_end_is_short(live):
    live.take(None, succeeded(0, 0.5))
    assert len(drawn(live, 80, live.render_end).splitlines()) == 3


def test_escape_sequences_of_a_trial_are_not_drawn(live):
    live.take(None, failed(0, "\x1b]0;owned\x07"))
    assert "]0;owned" in drawn(live, 120)
    assert "\x1b]" not in drawn(live, 120)


@pytest.fixture
def lines(capsys, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    reporter = LineReporter(Tally(lambda: 0.0))
    reporter.begin(RECORD, ())

    def take(*changes):
        capsys.readouterr()
        for change in changes:
            reporter.take(*((change, None) if isinstance(change, ExperimentRecord) else (None, change)))
        return capsys.readouterr().err.splitlines()

    return take


def test_each_event_is_one_line(lines):
    assert lines(running(0), running(0), succeeded(0, 0.5), succeeded(0, 0.5), failed(1, "ValueError: too wide")) == [
        "trial 0 begins on worker-0: width=32 conv/op=conv3 stage[0]/act=relu",
        "trial 0 succeeded in 1.5 s: accuracy 0.5  (best so far)  [1/30]",
        "trial 1 failed in 0.0 s: ValueError: too wide  [2/30]",
    ]


def test_a_lost_trial_and_its_second_attempt_are_told(lines):
    again = replace(running(0), epoch=9, attempt=2, worker="worker-1")
    assert lines(running(0), replace(running(0), state=TrialState.QUEUED), again)[1:] == [
        "trial 0 was handed back or lost; it will be begun again",
        "trial 0 begins on worker-1 (attempt 2): width=32 conv/op=conv3 stage[0]/act=relu",
    ]


def test_trouble_comes_and_goes(lines):
    troubled = replace(RECORD, trouble="The tuner crashed.")
    assert lines(troubled, troubled, RECORD) == ["trouble: The tuner crashed.", "the trouble is over"]


def test_an_architecture_of_many_decisions_keeps_its_line_short(lines):
    decisions = {f"stage[{place}]/op": "convolution" for place in range(40)} | {"depth": 40}
    many = replace(running(0), proposal=Proposal(0, Architecture(decisions)))
    (line,) = lines(many)
    assert len(line) <= 120
    assert "depth=40 " in line
    assert line.endswith(" more")


def test_what_stays_at_the_end_guesses_nothing(live):
    live.take(None, succeeded(0, 0.5))
    live.take(None, succeeded(1, 0.5))
    assert "left" not in drawn(live, 80, live.render_end)


def test_a_model_without_choices_is_pointed_out(live, lines):
    empty = replace(RECORD, spec=replace(RECORD.spec, space=SearchSpace(())))
    assert ["The model has no choices" in line for line in lines(empty, empty)] == [True]
    live.take(empty, None)
    assert "The model has no choices" in drawn(live, 160)
