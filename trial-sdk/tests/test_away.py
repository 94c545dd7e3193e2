"""Workers whose server goes away: killed, cut off, or silent."""

import signal
import time

import pytest
from nascore.launch.spool.lines import read_lines
from nascore.record import FailureKind, OutcomeStatus
from nascore.testing.proxy import ProxyThread

pytestmark = pytest.mark.timeout(180)
WAYS = {
    "fork": {"NASCORE_ISOLATION": "fork", "EPOCHS": "8"},
    "none": {"NASCORE_ISOLATION": "none", "EPOCHS": "8"},
    "connect": {"LOOP": "with", "STEPS": "8"},
}


@pytest.fixture(params=WAYS.values(), ids=WAYS.keys())
def way(request):
    return request.param


def until(holds, seconds=60.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def kept_parcels(served):
    """What the workers' files keep for the server."""
    return [each for file in served.folder.glob("spool/**/parcels") for each in read_lines(file.read_bytes()).pending]


def finish_alone(served, **way):
    """Lets a worker finish trial 0 without its server; returns the worker, which waits for it."""
    with served.holding() as held:
        worker = served.start_worker(**way, **held)
        assert served.experiment.reported.wait(60)
        served.stop()
    until(lambda: "its result is kept in" in worker.output())
    return worker


def test_a_trial_trains_on_without_its_server_and_all_is_told_in_order(serve, way):
    served = serve("slow", "good")
    worker = finish_alone(served, **way)
    before = len(served.experiment.reports)
    assert before < 8
    served.start()
    assert worker.wait() == 0, worker.output()
    assert [step for trial, step, _ in served.experiment.reports if trial == 0] == list(range(1, 9))
    assert {served.outcome(number).status for number in (0, 1)} == {OutcomeStatus.COMPLETED}
    output = worker.output()
    assert output.count("is away since") == 1
    assert f"trial 0 trains on, and what it reports is kept in {served.folder}/spool/" in output
    assert output.count("is back after") == 1
    assert "kept reports and a result are told now" in output


def test_what_a_killed_worker_has_finished_is_told_by_the_next_before_it_leases(serve, way):
    served = serve("slow", "good")
    finish_alone(served, **way).kill()
    served.start()
    output = served.work(**way)
    assert "Telling the result of trial 0, which the worker before this one has kept." in output
    assert [finish[:2] for finish in served.experiment.finishes] == [(0, 1), (1, 1)]
    assert [step for trial, step, _ in served.experiment.reports if trial == 0] == list(range(1, 9))
    assert served.outcome(0).status is OutcomeStatus.COMPLETED


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_a_result_whose_answer_was_lost_is_told_again_under_the_same_id(serve, isolation):
    served = serve("good")
    served.experiment.loses_answers_to_results = True
    worker = served.start_worker(NASCORE_ISOLATION=isolation)
    until(lambda: len(served.experiment.finishes) > 1)
    worker.kill()
    served.experiment.loses_answers_to_results = False
    served.work(NASCORE_ISOLATION=isolation)
    assert len(set(served.experiment.finishes)) == 1


@pytest.mark.slow
def test_a_trial_that_was_given_away_meanwhile_is_dropped_with_its_new_holder_named(serve, way):
    served = serve("slow", "good")
    worker = finish_alone(served, **way)
    served.experiment.lost.add((0, 1))
    served.start()
    assert worker.wait() == 0, worker.output()
    assert worker.output().count("Trial 0 was given to worker-9.") == 1
    assert set(served.experiment.finished) == {1}


@pytest.mark.slow
def test_what_a_killed_worker_has_finished_too_late_is_dropped_with_a_sentence(serve):
    served = serve("slow", "good")
    finish_alone(served, **WAYS["none"]).kill()
    served.experiment.lost.add((0, 1))
    served.start()
    output = served.work(NASCORE_ISOLATION="none")
    assert "Trial 0: the result that was kept was not taken: Trial 0 was given to worker-9." in output
    assert served.work(NASCORE_ISOLATION="none").count("Trial 0") == 0
    assert set(served.experiment.finished) == {1}


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_of_a_trial_leaves_only_reports_which_go(serve):
    served = serve("slow", "good")
    worker = served.start_worker(NASCORE_ISOLATION="none", EPOCHS="500")
    assert served.experiment.reported.wait(60)
    served.stop()
    until(lambda: kept_parcels(served))
    worker.kill()
    before = len(served.experiment.reports)
    served.start()
    assert "Trial 0 was not finished by the worker before this one" in served.work(NASCORE_ISOLATION="none")
    assert all(trial == 1 for trial, _, _ in served.experiment.reports[before:])


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_sigterm_while_a_result_waits_leaves_it_to_the_next_worker(serve, isolation):
    served = serve("slow")
    worker = finish_alone(served, NASCORE_ISOLATION=isolation)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    served.start()
    served.work()
    assert served.outcome(0).status is OutcomeStatus.COMPLETED
    assert served.experiment.returned == []


def test_a_worker_gives_up_after_its_limit_and_says_where_the_result_is(serve):
    served = serve("slow")
    worker = finish_alone(served, NASCORE_ISOLATION="none", NASCORE_AWAY_LIMIT="1s")
    assert worker.wait() == 1
    assert "waits no longer than 1 s. The result of trial 0 is kept in" in worker.output()
    served.start()
    served.work()
    assert served.outcome(0).status is OutcomeStatus.COMPLETED


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_another_result_that_is_stored_stands_and_is_shown(serve, isolation):
    served = serve("good", "good")
    served.experiment.stored_otherwise.add(0)
    output = served.work(NASCORE_ISOLATION=isolation)
    assert "the result was not taken: Trial 0 has ended already as completed ({'accuracy': 0.5})" in output
    assert served.outcome(1).status is OutcomeStatus.COMPLETED


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["cut", "half_open"])
def test_a_network_that_is_cut_or_silent_stops_no_trial(serve, way, tmp_path_factory, fault):
    served = serve("slow", "good")
    with ProxyThread(f"unix:{served.socket}", listen=f"unix:{tmp_path_factory.mktemp('p')}/s") as proxy:
        with served.holding() as held:
            worker = served.start_worker(NASCORE_SERVER=proxy.address, TIMEOUT="0.5", **way, **held)
            assert served.experiment.reported.wait(60)
            getattr(proxy, fault)()
        until(lambda: "its result is kept in" in worker.output())
        proxy.restore()
        assert worker.wait() == 0, worker.output()
    assert [step for trial, step, _ in served.experiment.reports if trial == 0] == list(range(1, 9))
    assert {served.outcome(number).status for number in (0, 1)} == {OutcomeStatus.COMPLETED}


@pytest.mark.slow
def test_a_verdict_that_comes_late_is_heeded(serve):
    served = serve("slow")
    worker = served.start_worker(NASCORE_ISOLATION="none", EPOCHS="600")
    assert served.experiment.reported.wait(60)
    served.stop()
    served.experiment.stopped_once.add(0)
    until(lambda: "is away since" in worker.output())
    served.start()
    assert worker.wait() == 0
    assert served.outcome(0).failure.kind is FailureKind.STOPPED
