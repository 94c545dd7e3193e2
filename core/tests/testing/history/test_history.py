"""Histories survive the death of who writes them, and say of each operation what is known."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from nascore.errors import (
    DataLossError,
    LeaseSupersededError,
    PermissionDeniedError,
    TunerCrashedError,
    UnavailableError,
)
from nascore.record import (
    Command,
    Lease,
    LeaseAnswer,
    LeaseStatus,
    Outcome,
    OutcomeStatus,
    Proposal,
    Renewal,
    TrialRecord,
    TrialState,
    Verdict,
)
from nascore.space import Architecture
from nascore.testing.history import RecordedClient, Recorder, Status, read_histories

LEASE = Lease(3, 2, 0.5, Proposal(3, Architecture({"x": "a"})), 99, 1)
GRANTED = LeaseAnswer(LeaseStatus.GRANTED, LEASE)


class Answering:
    """A client that answers, or raises, what it is told to."""

    def __init__(self, answer):
        self.answer, self.calls = answer, []

    def __getattr__(self, name):
        def call(*arguments, **options):
            self.calls.append((name, arguments, options))
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return call


def recorded(folder, answer):
    recorder = Recorder(folder, "w")
    return RecordedClient(Answering(answer), recorder, experiment="e", worker="w")


def test_a_call_is_passed_on_with_the_request_id_that_is_written(tmp_path):
    client = recorded(tmp_path, GRANTED)
    assert client.lease(max_wait_s=2) == GRANTED
    (operation,) = read_histories(tmp_path)
    assert client.client.calls == [("lease", ("e", "w"), {"max_wait_s": 2, "request_id": operation.request_id})]
    assert (operation.call, operation.worker, operation.status) == ("lease", "w", Status.ACKNOWLEDGED)
    assert (operation.trial, operation.epoch, operation.answer["seed"]) == (3, 2, 99)
    assert operation.answer["proposal"] == {"number": 3, "architecture": {"x": "a"}}
    assert operation.begun_at <= operation.ended_at
    assert operation.begun_time <= operation.ended_time


def test_each_call_of_a_worker_is_written_with_what_was_said_and_answered(tmp_path):
    recorded(tmp_path, Renewal(Command.CONTINUE, 0.5)).renew(3, 2)
    recorded(tmp_path, Verdict.STOP).report(3, 2, step=1, metrics={"loss": float("inf")}, request_id="r")
    recorded(tmp_path, None).return_lease(3, 2, request_id="b")
    outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": float("nan")})
    recorded(tmp_path, GRANTED).finish(3, 2, outcome=outcome, wants_next=True, request_id="f")
    recorded(tmp_path, TrialRecord(3, TrialState.SUCCEEDED, LEASE.proposal, epoch=2, outcome=outcome)).get_trial(3)
    renew, report, back, finish, read = sorted(read_histories(tmp_path), key=lambda one: one.begun_at)
    assert (renew.trial, renew.epoch, renew.answer) == (3, 2, {"command": "continue", "duration_s": 0.5})
    assert (report.request_id, report.arguments["metrics"], report.answer) == (
        "r",
        {"loss": "inf"},
        {"verdict": "stop"},
    )
    assert (back.request_id, back.call, back.is_acknowledged) == ("b", "return_lease", True)
    assert finish.arguments["outcome"]["metrics"] == {"accuracy": "nan"}
    assert finish.answer["next"]["epoch"] == 2
    assert (read.answer["state"], read.answer["outcome"]["metrics"]) == ("succeeded", {"accuracy": "nan"})


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LeaseSupersededError("x"), Status.REFUSED),
        (UnavailableError("x"), Status.UNKNOWN),
        (TunerCrashedError("x"), Status.UNKNOWN),
        (PermissionDeniedError("x"), Status.UNKNOWN),
        (KeyboardInterrupt(), Status.UNKNOWN),
    ],
)
def test_an_error_is_a_refusal_only_if_it_can_have_had_no_effect(tmp_path, error, status):
    client = Answering(None)
    client.lease = lambda *arguments, **options: (_ for _ in ()).throw(error)
    with pytest.raises(type(error)):
        RecordedClient(client, Recorder(tmp_path, "w"), experiment="e", worker="w").lease()
    (operation,) = read_histories(tmp_path)
    assert operation.status is status
    assert operation.reason == getattr(error, "reason", "")


def test_threads_of_one_process_share_a_history(tmp_path):
    with Recorder(tmp_path, "w") as recorder, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: recorder.invoke("renew", "w", trial=n).ok({"n": n}), range(400)))
    found = read_histories(tmp_path)
    assert sorted(operation.trial for operation in found) == list(range(400))
    assert all(operation.answer["n"] == operation.trial for operation in found)


def test_a_history_survives_the_kill_of_its_process_and_a_line_that_was_cut_short(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from nascore.testing.history import Recorder\n"
        "recorder = Recorder(Path(sys.argv[1]), 'w')\n"
        "recorder.invoke('renew', 'w', trial=1).ok({})\n"
        "recorder.invoke('renew', 'w', trial=2)\n"
        "print('written', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"written\n"
        os.kill(process.pid, signal.SIGKILL)
    (path,) = tmp_path.iterdir()
    with path.open("ab") as file:
        file.write(b'{"operation": 3, "what": "inv')
    first, second = read_histories(tmp_path)
    assert (first.trial, first.status) == (1, Status.ACKNOWLEDGED)
    assert (second.trial, second.status, second.ended_at) == (2, Status.UNKNOWN, float("inf"))


@pytest.mark.parametrize("line", ["no JSON", "[]", '{"what": "ok", "operation": 5}', '{"what": "invoke"}'])
def test_a_line_that_no_recorder_wrote_is_named(tmp_path, line):
    (tmp_path / "w-1.jsonl").write_text(line + "\n")
    with pytest.raises(DataLossError, match=r"w-1\.jsonl, line 1"):
        read_histories(tmp_path)
