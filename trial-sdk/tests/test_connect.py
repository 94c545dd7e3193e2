import os
import signal
from contextlib import nullcontext

import nas_trial as nas
import pytest
import torch
from nas_trial import session_trial
from nascore.record import FailureKind, OutcomeStatus
from nascore.space import SearchSpace


@pytest.mark.parametrize("how", ["known", "with", "plain"])
def test_a_loop_of_ones_own_gets_every_trial(serve, how):
    served = serve("good", "good", "good")
    served.work(LOOP=how)
    assert sorted(served.experiment.finished) == [0, 1, 2]
    assert {served.outcome(number).status for number in range(3)} == {OutcomeStatus.COMPLETED}
    assert [(trial, step) for trial, step, _ in served.experiment.reports][:3] == [(0, 1), (0, 2), (1, 1)]
    # Drawn from the trial's seed.
    assert len({served.outcome(number).metrics["accuracy"] for number in range(3)}) == 3


@pytest.mark.parametrize("how", ["known", "plain"])
def test_an_experiment_that_ended_before_the_first_trial_is_left_quietly(serve, how):
    served = serve()
    assert served.work(LOOP=how) == ""
    assert served.experiment.space is not None


def test_every_end_of_a_body_is_recorded_and_the_next_trial_comes(serve):
    served = serve("raise", "infeasible", "slow", "slow", "good")
    served.experiment.stopped_reports.add(2)
    served.experiment.lost.add((3, 1))
    served.work(LOOP="with")
    assert served.outcome(0).failure.message.startswith("RuntimeError: my own loop broke (behaviours.py:")
    assert "one_trial" in served.outcome(0).failure.detail
    assert served.outcome(1).status is OutcomeStatus.INFEASIBLE
    assert served.outcome(2).status is OutcomeStatus.PRUNED
    assert served.outcome(2).metrics == {"accuracy": 0.0}
    assert served.outcome(4).status is OutcomeStatus.COMPLETED
    assert 3 not in served.experiment.finished


def test_an_exception_in_a_plain_loop_is_recorded_and_leaves_it(serve):
    served = serve("raise", "good")
    assert "my own loop broke" in served.work(LOOP="plain", code=70)
    assert served.outcome(0).failure.kind is FailureKind.EXCEPTION
    assert set(served.experiment.finished) == {0}


def test_a_trial_without_finish_is_recorded_as_failed(serve):
    served = serve("good", "good")
    served.work(LOOP="forgetful")
    assert "without trial.finish()" in served.outcome(0).failure.message
    assert set(served.experiment.finished) == {0, 1}


def test_sigterm_in_a_loop_returns_the_lease(serve):
    served = serve("slow")
    worker = served.start_worker(LOOP="with", STEPS="2000")
    assert served.experiment.reported.wait(60)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert served.experiment.returned == [0]


def test_without_a_server_there_is_one_trial_of_the_default_architecture(serve):
    output = serve().work(LOOP="with", NASCORE_SERVER="")
    assert output.splitlines()[:2] == ["step 1  accuracy 0", "step 2  accuracy 0.25"]
    assert len(output.splitlines()) == 3


@pytest.mark.parametrize("how", ["known", "plain", ""])
def test_the_space_is_written_and_the_process_ends(serve, tmp_path, how):
    served = serve("good")
    task = {"NASCORE_TASK": "space", "NASCORE_OUTPUT": str(tmp_path / "space.json"), "NASCORE_SERVER": ""}
    served.work(**task, **({"LOOP": how} if how else {}))
    space = SearchSpace.from_json((tmp_path / "space.json").read_text())
    assert space.size().low == 24
    assert served.experiment.space is None


def test_a_loop_knows_whose_the_weights_are_that_it_saves(serve, monkeypatch):
    assert nas.connect().experiment == "default"
    for name, value in serve().environment().items():
        monkeypatch.setenv(name, value)
    assert nas.connect().experiment == "abcdefgh"


def test_a_loop_that_sees_no_folder_reaches_the_weights_at_the_server(serve, monkeypatch):
    served = serve("good")
    for name, value in served.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NASCORE_FOLDER", "")
    opened = []

    def opened_store(folder, *, way):
        opened.append((folder, dict(way)))
        return nullcontext()

    monkeypatch.setattr(session_trial, "opened_store", opened_store)
    space = lambda: nas.LayerChoice({"good": torch.nn.Identity(), "bad": torch.nn.Flatten()}, label="op")  # noqa: E731
    with nas.connect() as session:
        for trial in session:
            trial.build(space)
            trial.finish(accuracy=0.5)
    ((folder, way),) = opened
    assert folder is None
    assert way["NASCORE_SERVER"] == os.environ["NASCORE_SERVER"]
    assert way["NASCORE_EXPERIMENT"] == "abcdefgh"
