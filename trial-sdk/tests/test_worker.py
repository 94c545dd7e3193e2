import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from nascore.record import Budget, FailureKind, Objective, OutcomeStatus, Proposal, Task, WarmStart
from nascore.space import Architecture, MixedDecision, Mixture
from nascore.weights import DirectoryStore

BEHAVIOURS = Path(__file__).with_name("behaviours.py")
FAILURES = {
    "raise": (OutcomeStatus.FAILED, FailureKind.EXCEPTION, "RuntimeError: shapes do not fit? (behaviours.py:"),
    "nan": (OutcomeStatus.NON_FINITE, FailureKind.NON_FINITE, "loss is nan at step 1"),
    "memory": (OutcomeStatus.FAILED, FailureKind.OUT_OF_MEMORY, "MemoryError"),
    "allocator": (OutcomeStatus.FAILED, FailureKind.OUT_OF_MEMORY, "DefaultCPUAllocator: can't allocate memory"),
    "graphics": (OutcomeStatus.FAILED, FailureKind.OUT_OF_MEMORY, "OutOfMemoryError: CUDA out of memory. Tried"),
    "unbuildable": (OutcomeStatus.FAILED, FailureKind.EXCEPTION, "no such layer"),
    "infeasible": (OutcomeStatus.INFEASIBLE, FailureKind.INFEASIBLE, "too deep for its width"),
    "sysexit": (OutcomeStatus.FAILED, FailureKind.EXIT_CODE, "sys.exit(4). (behaviours.py:"),
    "cancel": (OutcomeStatus.FAILED, FailureKind.EXCEPTION, "CancelledError: my own event loop"),
}
DEATHS = {
    "exit0": (OutcomeStatus.FAILED, FailureKind.EXIT_CODE, "code 0"),
    "orphan": (OutcomeStatus.FAILED, FailureKind.EXIT_CODE, "code 0"),
    "segv": (OutcomeStatus.FAILED, FailureKind.SIGNAL, "SIGSEGV"),
    "killed": (OutcomeStatus.FAILED, FailureKind.SIGNAL, "SIGKILL: the kernel says nothing of memory"),
    "wild": (OutcomeStatus.FAILED, FailureKind.SIGNAL, "SIGKILL"),
}


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def until(holds, seconds=60.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def check_failures(served, expected):
    for number, (status, kind, text) in enumerate(expected):
        outcome = served.outcome(number)
        assert outcome.failure is not None, f"trial {number} did not fail: {text}"
        assert (outcome.status, outcome.failure.kind) == (status, kind)
        assert text in outcome.failure.message
        assert len(outcome.failure.detail.encode()) <= 16 * 1024
        assert not served.experiment.finished[number][1].is_retryable
    assert served.outcome(len(expected)).status is OutcomeStatus.COMPLETED


def test_every_way_to_fail_is_recorded_and_the_next_trial_works(serve):
    expected = FAILURES | DEATHS
    served = serve(*expected, "good")
    served.work(NASCORE_ISOLATION="fork")
    check_failures(served, expected.values())
    marks = list(expected)
    line = next(n for n, text in enumerate(BEHAVIOURS.read_text().splitlines(), 1) if "shapes do not fit" in text)
    assert f"(behaviours.py:{line} in training_step)" in served.outcome(marks.index("raise")).failure.message
    assert "training_step" in served.outcome(marks.index("raise")).failure.detail
    assert "last words" in served.outcome(marks.index("exit0")).failure.detail
    assert "Fatal Python error: Segmentation fault" in served.outcome(marks.index("segv")).failure.detail
    assert "last words" in (served.folder / "logs" / f"trial-{marks.index('exit0')}.log").read_text()


def test_failures_in_one_process_are_recorded_as_well(serve):
    served = serve(*FAILURES, "good")
    served.work(NASCORE_ISOLATION="none")
    check_failures(served, FAILURES.values())
    log = served.log(0)
    assert log.startswith("--- trial 0, attempt 1")


def test_the_same_seed_gives_the_same_metrics_in_every_isolation(serve):
    forked, together = serve("good", "good"), serve("good", "good")
    forked.work(NASCORE_ISOLATION="fork")
    together.work(NASCORE_ISOLATION="none")
    metrics = [[served.outcome(number).metrics for number in (0, 1)] for served in (forked, together)]
    assert metrics[0] == metrics[1]
    assert metrics[0][0] != metrics[0][1]
    assert forked.experiment.reports == together.experiment.reports
    checkpoints = [served.experiment.finished[0][1].checkpoint for served in (forked, together)]
    assert checkpoints[0] == checkpoints[1]


def test_a_trial_leaves_its_reports_its_metrics_and_its_weights(serve):
    served = serve("good")
    served.work(EPOCHS="3")
    assert served.experiment.space.size().low == 24
    assert [(trial, step) for trial, step, _ in served.experiment.reports] == [(0, 1), (0, 2), (0, 3)]
    outcome, request = served.experiment.finished[0]
    assert served.experiment.reports[-1][2] == outcome.metrics
    assert outcome.batches == 12
    manifest = DirectoryStore(served.folder / "weights").manifest(request.checkpoint)
    assert sorted(entry.key for entry in manifest.entries) == ["op.good.bias", "op.good.weight"]
    assert (manifest.trial, manifest.metrics) == (0, outcome.metrics)


def test_a_budget_of_epochs_is_kept(serve):
    served = serve("good", budget=Budget("epochs", 1))
    served.work(EPOCHS="50")
    assert served.outcome(0).batches == 4


@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_a_trial_ends_when_the_server_says_so_and_the_next_one_works(serve, isolation):
    served = serve("good", "slow", "slow", "good", lease_s=0.3)
    served.experiment.stopped_reports.add(0)
    served.experiment.commands = {1: "COMMAND_STOP"}
    served.experiment.lost.add((2, 1))
    served.work(EPOCHS="100", NASCORE_ISOLATION=isolation)
    for number in (0, 1):
        outcome = served.outcome(number)
        assert (outcome.status, outcome.failure.kind) == (OutcomeStatus.PRUNED, FailureKind.STOPPED)
    assert [metrics for trial, _, metrics in served.experiment.reports if trial == 0] == [served.outcome(0).metrics]
    assert served.experiment.renewals
    assert served.outcome(3).status is OutcomeStatus.COMPLETED
    assert set(served.experiment.finished) == {0, 1, 3}


@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_what_the_server_refuses_fails_the_trial_and_not_the_worker(serve, isolation):
    served = serve("good", "good", "good")
    served.experiment.refused_reports.add(0)
    served.experiment.refused_results.add(1)
    served.experiment.is_full_once = True
    served.work(NASCORE_ISOLATION=isolation)
    assert served.outcome(0).failure.message.startswith("InvalidInputError: step: does not rise")
    assert served.outcome(1).failure.message.startswith("The result was refused: metric accuracy is missing")
    assert served.outcome(2).status is OutcomeStatus.COMPLETED


def test_a_process_that_is_costly_to_start_serves_until_a_trial_fails(serve):
    served = serve("good", "good", "raise", "good", "segv", "good")
    served.work(KEEP="1")
    first, second, third, fourth = (served.outcome(number).metrics["pid"] for number in (0, 1, 3, 5))
    assert first == second
    assert len({first, third, fourth}) == 3
    assert served.outcome(4).failure.kind is FailureKind.SIGNAL
    assert "trial 1" in served.log(1)


@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_sigterm_returns_the_lease_and_ends_well(serve, isolation):
    served = serve("slow")
    worker = served.start_worker(EPOCHS="500", NASCORE_ISOLATION=isolation)
    assert served.experiment.reported.wait(60)
    below = worker.descendants()
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert served.experiment.returned == [0], worker.output()
    assert served.experiment.finished == {}
    assert len(below) == (2 if isolation == "fork" else 0)
    until(lambda: all(map(gone, below)))


def test_sigterm_reaches_a_worker_whose_trial_swallows_it(serve):
    served = serve("deaf")
    worker = served.start_worker(NASCORE_ISOLATION="none")
    until(lambda: "hears nothing" in served.log(0))
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert served.experiment.returned == [0]
    assert served.log(0).count("not now") == 1


def test_sigterm_ends_a_worker_that_waits_for_a_trial(serve):
    served = serve()
    served.experiment.holds_back = True
    worker = served.start_worker()
    until(lambda: served.experiment.space is not None)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert served.experiment.returned == []


def test_a_killed_worker_takes_its_processes_with_it(serve):
    served = serve("stuck")
    worker = served.start_worker()
    until(lambda: served.log(0))
    below = worker.descendants()
    assert len(below) == 2
    worker.signal(signal.SIGKILL)
    until(lambda: all(map(gone, below)))


def test_a_killed_template_is_recorded_as_lost_and_the_worker_starts_again(serve):
    served = serve("parent", "good")
    output = served.work()
    outcome, request = served.experiment.finished[0]
    assert (outcome.failure.kind, request.is_retryable) == (FailureKind.LOST, True)
    assert "Starting again (1 of at most 10" in output
    assert output.endswith("the command line once more\n")
    # What came with the answer could not be begun, and went back.
    assert served.experiment.returned == [1]


@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_a_trial_trains_on_while_the_server_is_away(serve, isolation):
    served = serve("slow")
    worker = served.start_worker(EPOCHS="4", NASCORE_ISOLATION=isolation)
    assert served.experiment.reported.wait(60)
    served.stop()
    time.sleep(0.5)
    served.start()
    assert worker.wait() == 0, worker.output()
    assert [step for _, step, _ in served.experiment.reports] == [1, 2, 3, 4]
    assert served.outcome(0).status is OutcomeStatus.COMPLETED


def test_a_worker_without_a_server_gives_up_with_a_sentence(serve):
    served = serve("slow")
    served.stop()
    output = served.work(code=1, NASCORE_AWAY_LIMIT="1s")
    assert output.count("is away since") == 2
    assert "this worker waits for it, up to 1 s" in output
    assert "The worker ends, for there is no server for it: The server at" in output
    assert "waits no longer than 1 s. Cannot reach the server" in output


def test_importing_the_sdk_starts_no_grpc_and_no_thread():
    code = "import sys, os, nas_trial; assert 'grpc' not in sys.modules; assert len(os.listdir('/proc/self/task')) == 1"
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"OMP_NUM_THREADS": "1"}, check=True)


def test_the_template_has_neither_threads_nor_grpc(serve):
    served = serve("stuck")
    worker = served.start_worker()
    until(lambda: served.log(0))
    template = psutil.Process(worker.pid).children()[0]
    assert template.num_threads() == 1
    assert not [mapped.path for mapped in template.memory_maps() if "cygrpc" in mapped.path]
    assert [mapped.path for mapped in psutil.Process(worker.pid).memory_maps() if "cygrpc" in mapped.path]


def test_a_killed_template_takes_its_processes_with_it(serve):
    served = serve("stuck")
    worker = served.start_worker()
    until(lambda: served.log(0))
    template, child = worker.descendants()
    os.kill(template, signal.SIGKILL)
    until(lambda: gone(child))
    worker.wait()
    assert served.outcome(0).failure.kind is FailureKind.LOST


def test_a_trial_that_does_not_heed_is_ended_and_its_reports_count(serve):
    served = serve("stuck", "good", lease_s=0.3)
    served.experiment.commands = {0: "COMMAND_STOP"}
    served.work(STOP_WAIT="0.2")
    outcome = served.outcome(0)
    assert (outcome.status, outcome.failure.kind) == (OutcomeStatus.PRUNED, FailureKind.STOPPED)
    assert "The server stopped this trial. It did not within 0.2 s" in outcome.failure.message
    assert served.outcome(1).status is OutcomeStatus.COMPLETED


def test_a_command_to_save_weights_lets_the_trial_go_on(serve):
    served = serve("slow", lease_s=0.1)
    served.experiment.commands = {0: "COMMAND_CHECKPOINT"}
    with served.holding() as held:
        worker = served.start_worker(**held)
        until(lambda: served.experiment.renewals)
    assert worker.wait() == 0, worker.output()
    assert served.outcome(0).status is OutcomeStatus.COMPLETED


def test_a_process_left_behind_keeps_no_trial_waiting_and_is_ended(serve):
    served = serve("orphan", "slow")
    worker = served.start_worker(EPOCHS="1000")
    until(lambda: 0 in served.experiment.finished)
    until(lambda: len(worker.descendants()) == 2)


def test_trials_may_have_processes_of_their_own(serve):
    served = serve("pool", "loader")
    served.work(EPOCHS="1")
    assert [served.outcome(number).failure for number in (0, 1)] == [None, None]


@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_a_trial_that_leaves_the_folder_and_deletes_its_log_harms_no_other(serve, isolation):
    served = serve("astray", "good")
    served.work(NASCORE_ISOLATION=isolation, NASCORE_FOLDER=os.path.relpath(served.folder))
    assert served.outcome(0).status is OutcomeStatus.COMPLETED
    assert "epoch 2/2" in served.log(1)
    assert len(DirectoryStore(served.folder / "weights").list()) == 2


@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_a_metric_that_is_no_objective_may_be_no_number(serve, isolation):
    served = serve("partly", objectives=[Objective("accuracy")])
    served.work(NASCORE_ISOLATION=isolation)
    assert served.outcome(0).metrics.keys() == {"accuracy", "loss"}
    assert "perplexity is nan; it is left out" in served.log(0)


@pytest.mark.parametrize("how", ["fork", "none", "with"])
@pytest.mark.parametrize(("number", "since"), [("nan", 1), ("inf", 2), ("-inf", 2), ("nan", 3)])
def test_an_objective_that_is_no_number_is_a_typed_outcome_and_the_next_trial_works(serve, how, number, since):
    # 1 and 2 are reports on the way; 3 is the end of a loop of one's own.
    since = min(since, 3 if how == "with" else 2)
    served = serve("good", "partly", objectives=[Objective("accuracy")])
    way = {"LOOP": "with"} if how == "with" else {"NASCORE_ISOLATION": how}
    served.work(NO_NUMBER=number, NO_NUMBER_FROM=str(since), **way)
    outcome = served.outcome(0)
    assert (outcome.status, outcome.metrics) == (OutcomeStatus.NON_FINITE, {})
    assert outcome.failure.kind is FailureKind.NON_FINITE
    assert f"accuracy is {number}" in outcome.failure.message
    assert [step for trial, step, _ in served.experiment.reports if trial == 0] == list(range(1, since))
    assert served.outcome(1).status is OutcomeStatus.COMPLETED


@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_a_trial_counts_though_neither_weights_nor_log_can_be_written(serve, isolation):
    served = serve("good", "good")
    served.folder.mkdir()
    (served.folder / "weights").write_text("no folder")
    (served.folder / "logs").mkdir()
    is_shared = isolation == "none"
    (served.folder / "logs" / ("trials-worker-0.log" if is_shared else "trial-0.log")).mkdir()
    output = served.work(NASCORE_ISOLATION=isolation)
    assert ("What trials print is not kept" if is_shared else "Trial 0 has no log") + ": [Errno 21]" in output
    assert "The weights of trial 1 were not kept: [Errno 20]" in (output if is_shared else served.log(1))
    for number in (0, 1):
        outcome, request = served.experiment.finished[number]
        assert (outcome.status, request.checkpoint) == (OutcomeStatus.COMPLETED, "")


@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_a_trial_begins_with_the_weights_of_its_parent(serve, isolation):
    served = serve("good", "good", "good", warm_start=WarmStart(parent=1))
    served.experiment.waiting[1] = (Proposal(1, Architecture({"op": "good"})), 1, 1)
    served.work(NASCORE_ISOLATION=isolation)
    logs = [served.log(number) for number in range(3)]
    assert "warm start: Trial 1 cannot be looked up: There is no trial 1. The trial begins from scratch." in logs[0]
    assert "warm start" not in logs[1]
    parent, child = (served.experiment.finished[number][1].checkpoint for number in (1, 2))
    assert f"warm start: 2 of 2 tensors from checkpoint {parent}" in logs[2]
    store = DirectoryStore(served.folder / "weights")
    assert store.manifest(child).parents == (parent,)
    assert {one.experiment for one in store.checkpoints().checkpoints} == {"abcdefgh"}


UNSUPPORTED = {
    "train": Proposal(0, Architecture({"op": "good"}), task=Task.TRAIN),
    "score": Proposal(0, Architecture({"op": "good"}), task=Task.SCORE),
    "gradient": Proposal(0, Architecture({"op": "good"}), task=Task.GRADIENT),
    "mixture": Proposal(0, mixture=Mixture((MixedDecision("op", (1.0,) * 24),))),
}


@pytest.mark.parametrize("how", ["fork", "none", "with"])
def test_what_is_not_supported_fails_with_a_sentence_and_the_next_trial_works(serve, how):
    served = serve("good")
    ill = [replace(proposal, number=number) for number, proposal in enumerate(UNSUPPORTED.values(), 1)]
    served.experiment.waiting.extendleft((proposal, 1, 1) for proposal in ill)
    served.work(**({"LOOP": "with"} if how == "with" else {"NASCORE_ISOLATION": how}))
    for number, word in enumerate(["task train", "task score", "task gradient", "a mixture"], 1):
        assert word in served.outcome(number).failure.message
        assert served.outcome(number).status is OutcomeStatus.FAILED
    assert served.outcome(0).status is OutcomeStatus.COMPLETED
