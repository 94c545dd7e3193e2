"""Whole searches with the toy tuner in its own process and toy workers in theirs."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from nascore.experiment import archive
from nascore.record import ExperimentState, TrialState


def wait_for(condition, process=None):
    end = time.monotonic() + 60
    while not condition():
        if process is not None and process.poll() is not None:
            pytest.fail(f"ended with {process.returncode}: {process.communicate()}")
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def running(home):
    """The experiment, once a trial of it runs."""
    found = archive.find(home)
    return bool(found) and found[0].counts.get(TrialState.RUNNING, 0) > 0


def begun(home):
    """How many workers are at a trial; one that is told to end before cannot hand it back."""
    return sum("begins" in log.read_text() for log in home.glob("experiments/*/logs/worker-*"))


def counts(record):
    """The states that trials are in."""
    return {state: count for state, count in record.counts.items() if count}


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def test_a_search_runs_to_its_end_and_is_kept(invoke, experiment_file, home):
    ran = invoke("run", str(experiment_file), "--objective", "accuracy", "--objective", "latency_ms:min")
    assert ran.exit_code == 0, ran.stderr
    record = archive.load(home, "toys").record
    assert record.state is ExperimentState.FINISHED
    assert counts(record) == {TrialState.SUCCEEDED: 6}
    assert record.spec.settings == {"population_size": 5}
    assert f"experiment {record.id} (toys): tuner toy, objective accuracy:max, latency_ms:min" in ran.stderr
    assert "trial 5 succeeded" in ran.stderr
    assert "all trials are done (6 succeeded)" in ran.stderr
    assert f"nascore best {record.id}" in ran.stderr
    assert "accuracy" in ran.stdout
    assert "op=conv" in ran.stdout
    run_file = json.loads((home / "experiments" / record.id / "run.json").read_text())
    assert (run_file["parallel"], run_file["isolation"], run_file["tuner"]) == (2, "fork", "toy")
    assert not (home / "experiments" / record.id / "token").exists()


def test_a_home_with_a_comma_in_its_name_serves(invoke, experiment_file, monkeypatch):
    # A short path: one that is too long for a socket is never listened at.
    with tempfile.TemporaryDirectory(prefix="a, b", dir="/tmp") as home:
        monkeypatch.setenv("NASCORE_HOME", home)
        ran = invoke("run", str(experiment_file), "--trials", "1")
        assert ran.exit_code == 0, ran.stderr
        assert counts(archive.load(Path(home), "toys").record) == {TrialState.SUCCEEDED: 1}


@pytest.mark.slow
def test_quiet_says_only_the_result(invoke, experiment_file):
    ran = invoke("run", str(experiment_file), "-q", "--trials", "1")
    assert ran.exit_code == 0
    assert "begins" not in ran.stderr
    assert "accuracy" in ran.stdout


def test_a_worker_that_cannot_begin_ends_the_run_with_its_last_lines(invoke, experiment_file, monkeypatch):
    monkeypatch.setenv("TOY", "broken")
    ran = invoke("run", str(experiment_file))
    assert ran.exit_code == 1
    assert "exited with code 1 before its first trial" in ran.stderr
    assert "RuntimeError: no data set here" in ran.stderr
    assert "worker-" in ran.stderr
    assert "worker.py" in ran.stderr
    assert "[SEARCH_FAILED]" in ran.stderr
    assert "nascore/cli" not in ran.stderr
    assert json.loads(invoke("ls", "--json").stdout) == []


@pytest.mark.slow
def test_a_trial_that_never_asks_for_work_is_told_to_call_run(invoke, experiment_file, monkeypatch):
    monkeypatch.setenv("TOY", "silent")
    ran = invoke("run", str(experiment_file))
    assert ran.exit_code == 1
    assert "ended without asking for a trial" in ran.stderr
    assert "nas.run(" in ran.stderr


@pytest.mark.slow
def test_a_worker_that_dies_is_started_again_and_its_trial_with_it(invoke, experiment_file, home, monkeypatch):
    monkeypatch.setenv("TOY", "die")
    ran = invoke("run", str(experiment_file), "--trials", "3", "--parallel", "1")
    assert ran.exit_code == 0, ran.stderr
    assert "trial 0 was handed back or lost; it will be begun again" in ran.stderr
    assert "trial 0 begins on worker-0 (attempt 2)" in ran.stderr
    assert "worker-0 exited with code 3; it is started again in 0.5 s" in ran.stderr
    assert counts(archive.load(home, "last").record) == {TrialState.SUCCEEDED: 3}


@pytest.mark.slow
def test_when_every_trial_fails_the_reason_stands_first(invoke, experiment_file, monkeypatch):
    monkeypatch.setenv("TOY", "fail")
    ran = invoke("run", str(experiment_file), "--trials", "3")
    assert ran.exit_code == 1
    assert ran.stdout == ""
    assert "All 3 trials failed." in ran.stderr
    assert "3 × ValueError: too wide" in ran.stderr
    assert "nascore logs" in ran.stderr


@pytest.mark.slow
def test_a_tuner_that_cannot_tune_the_space_ends_the_run_with_its_sentence(invoke, experiment_file, home):
    ran = invoke("run", str(experiment_file), "--tuner", "toy", "--uniform", "architectures", "-q")
    assert ran.exit_code == 1
    assert "node width: too wide for this tuner." in ran.stderr
    assert "[SEARCH_FAILED]" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_interrupted_once_it_hands_back_saves_and_is_resumed(begin, invoke, experiment_file, home):
    process = begin("run", str(experiment_file), TOY="slow")
    wait_for(lambda: begun(home) == 2, process)
    identifier = archive.find(home)[0].id
    refused = invoke("resume")
    assert refused.exit_code == 1
    assert f"Experiment {identifier} is running: process {process.pid}" in refused.stderr
    assert "[DATABASE_HELD]" in refused.stderr
    assert json.loads(invoke("ls", "--json").stdout)[0]["is_held"] is True

    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "running trials are handed back" in stderr
    assert f"nascore resume {identifier}" in stderr
    assert "Traceback" not in stderr
    found = archive.load(home, "last")
    assert counts(found.record) == {TrialState.QUEUED: len(found.trials)}
    assert "handed back" in invoke("logs").stdout

    resumed = invoke("resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert counts(archive.load(home, identifier).record) == {TrialState.SUCCEEDED: 6}
    ended = invoke("resume", "toys")
    assert ended.exit_code == 2
    assert "finished: all trials are done" in ended.stderr
    assert "--trials" in ended.stderr


@pytest.mark.slow
def test_interrupted_twice_it_ends_at_once_with_its_workers(begin, experiment_file, home):
    process = begin("run", str(experiment_file), TOY="slow stubborn")
    wait_for(lambda: running(home), process)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert "Ctrl-C again ends at once" in next(line for line in process.stderr if "Stopping" in line)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    psutil.wait_procs(workers, timeout=60)
    assert not any(worker.is_running() for worker in workers)


@pytest.mark.slow
def test_sigterm_ends_as_gently_with_143(begin, experiment_file, home):
    process = begin("run", str(experiment_file), TOY="slow")
    wait_for(lambda: begun(home) == 2, process)
    process.terminate()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143, stderr
    assert TrialState.RUNNING not in counts(archive.find(home)[0])


def test_a_killed_search_is_resumed_and_nothing_is_lost(begin, invoke, experiment_file, home):
    process = begin("run", str(experiment_file), "--trials", "100000")
    wait_for(
        lambda: bool(archive.find(home)) and archive.find(home)[0].counts.get(TrialState.SUCCEEDED, 0) >= 3, process
    )
    process.kill()
    process.communicate()
    before = {trial.number: trial.outcome for trial in archive.load(home, "last").trials if trial.state.is_final}
    assert "interrupted" in invoke("ls").stdout
    resumed = invoke("resume", "--trials", str(len(before) + 3), "-q")
    assert resumed.exit_code == 0, resumed.stderr
    after = {trial.number: trial.outcome for trial in archive.load(home, "last").trials}
    assert before.items() <= after.items()
    assert archive.find(home)[0].counts[TrialState.SUCCEEDED] >= len(before) + 3


@pytest.mark.slow
def test_pause_and_stop_reach_the_process_that_searches(begin, invoke, experiment_file, home):
    process = begin("run", str(experiment_file), "--trials", "100000")
    wait_for(lambda: running(home), process)
    paused = invoke("pause")
    assert paused.exit_code == 0, paused.stderr
    assert archive.find(home)[0].state is ExperimentState.PAUSED
    resumed = invoke("resume", "--trials", "99999")
    assert f"goes on in process {process.pid}" in resumed.stdout
    assert archive.find(home)[0].state is ExperimentState.RUNNING
    assert archive.find(home)[0].spec.limits.max_trials == 99999
    stopped = invoke("stop", "toys")
    assert stopped.exit_code == 0, stopped.stderr
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert "stopped by hand" in stderr
    assert "accuracy" in stdout


@pytest.mark.slow
def test_a_finished_search_is_given_more_to_do_but_not_paused(invoke, experiment_file, home):
    invoke("run", str(experiment_file), "-q", "--trials", "2")
    more = invoke("resume", archive.find(home)[0].id[:5], "--trials", "4", "-q")
    assert more.exit_code == 0, more.stderr
    assert counts(archive.load(home, "last").record) == {TrialState.SUCCEEDED: 4}
    refused = invoke("pause")
    assert refused.exit_code == 1
    assert "[WRONG_STATE]" in refused.stderr
    assert archive.find(home)[0].state is ExperimentState.FINISHED


def test_what_cannot_begin_leaves_nothing_behind(invoke, experiment_file, home):
    experiment_file.write_text(experiment_file.read_text().replace("python", "./no-such-program"))
    ran = invoke("run", str(experiment_file))
    assert ran.exit_code == 2
    assert "The program `./no-such-program` of the trial command is not found" in ran.stderr
    experiment_file.write_text("trialCommand: python -c 1\ntuner: grpc://127.0.0.1:1\n")
    ran = invoke("run", str(experiment_file))
    assert ran.exit_code == 1
    assert "127.0.0.1:1" in ran.stderr
    assert archive.find(home) == ()
    assert list((home / "experiments").glob("*")) == []


@pytest.mark.slow
def test_a_served_search_takes_workers_from_anywhere(begin, environ, home, invoke):
    process = begin("serve", "--tuner", "toy", "--trials", "3", "--address", "127.0.0.1:0")
    variables = dict(process.stdout.readline().strip().removeprefix("export ").split("=", 1) for _ in range(7))
    assert variables["NASCORE_SERVER"].startswith("127.0.0.1:")
    assert Path(variables["NASCORE_FOLDER"]).parent == home / "experiments"
    assert variables["NASCORE_WORKER"] == "worker-$HOSTNAME-$$"
    worker = Path(__file__).parent / "toys" / "worker.py"
    more = {**environ, **variables, "NASCORE_WORKER": "mine"}
    subprocess.run([sys.executable, worker], env=more, check=True, timeout=60, capture_output=True)
    assert counts(archive.find(home)[0]) == {TrialState.SUCCEEDED: 3}
    of_workers = ("--server", variables["NASCORE_SERVER"], "--token-file", variables["NASCORE_TOKEN_FILE"])
    assert "has the scope worker; GetExperiment needs admin or read" in invoke("trials", *of_workers).stderr
    token_file = str(Path(variables["NASCORE_FOLDER"]) / "token")
    server = ("--server", variables["NASCORE_SERVER"], "--token-file", token_file)
    assert len(json.loads(invoke("trials", *server, "--json").stdout)) == 3
    assert "succeeded" in invoke("best", *server).stdout
    process.terminate()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert "token" in stderr
