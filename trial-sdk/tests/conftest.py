"""A server of one experiment for the tests of workers: real gRPC and real leases, with outcomes to look at.

It stands in for ``nascore.service`` because tests of a worker need to command it: to stop a trial, to lose a lease, to
be away for a while.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from nascore.errors import (
    ConflictError,
    ExhaustedResourceError,
    InvalidInputError,
    LeaseSupersededError,
    MetricError,
    NascoreError,
    NotFoundError,
    UnavailableError,
)
from nascore.record import EndReason, Lease, LeaseAnswer, LeaseStatus, Proposal, TrialRecord, TrialState
from nascore.record.seeds import trial_seed
from nascore.record.wire import (
    lease_answer_to_message,
    metrics_from_messages,
    objective_to_message,
    outcome_from_message,
    trial_to_message,
)
from nascore.space import Architecture
from nascore.space.wire import space_from_message
from nascore.status import to_call_status
from nascore.v1 import experiment_pb2, experiment_pb2_grpc, trial_pb2, trial_pb2_grpc

NUMBERS = itertools.count()
BEHAVIOURS = Path(__file__).parent / "behaviours.py"


class Experiment(trial_pb2_grpc.TrialServiceServicer, experiment_pb2_grpc.ExperimentServiceServicer):
    def __init__(self, architectures, *, lease_s=30.0, objectives=(), **proposal):
        self.objectives = objectives
        proposals = [
            Proposal(number, Architecture(architecture), **proposal)
            for number, architecture in enumerate(architectures)
        ]
        self.waiting = deque((proposal, 1, 1) for proposal in proposals)
        self.lease_s = lease_s
        self.finished = {}
        self.reports = []
        self.known_requests = set()
        self.renewals = []
        self.returned = []
        self.space = None
        self.stopped_reports = set()
        self.stopped_once = set()
        self.refused_reports = set()
        self.refused_results = set()
        self.is_full_once = False
        self.loses_answers_to_results = False
        self.stored_otherwise = set()
        self.finishes = []
        self.leased = {}
        self.commands = {}
        self.lost = set()
        self.holds_back = False
        self.reported = threading.Event()
        self.asking = threading.Lock()
        self.answers = {}

    def _guarded(self, context, work):
        try:
            return work()
        except NascoreError as error:
            context.abort_with_status(to_call_status(error))

    def RegisterSpace(self, request, context):
        self.space = space_from_message(request.space)
        objectives = map(objective_to_message, self.objectives)
        return trial_pb2.RegisterSpaceResponse(space_fingerprint=self.space.fingerprint, seed=7, objectives=objectives)

    def GetTrial(self, request, context):
        def work():
            if request.number in self.leased and request.number not in self.finished:
                record = self.leased[request.number]
                return experiment_pb2.GetTrialResponse(trial=trial_to_message(record))
            if request.number not in self.finished:
                raise NotFoundError(f"There is no trial {request.number}.")
            outcome, finish = self.finished[request.number]
            proposal = Proposal(request.number, Architecture({"op": "good"}))
            record = TrialRecord(
                request.number, TrialState.SUCCEEDED, proposal, outcome=outcome, checkpoint=finish.checkpoint
            )
            return experiment_pb2.GetTrialResponse(trial=trial_to_message(record))

        return self._guarded(context, work)

    def _next(self, request):
        # As the real server does: a question that is put again because its answer was lost has the same answer.
        with self.asking:
            if request.request_id not in self.answers:
                self.answers[request.request_id] = self._answer(request.worker)
            return self.answers[request.request_id]

    def _answer(self, worker):
        if self.waiting:
            proposal, epoch, attempt = self.waiting.popleft()
            self.leased[proposal.number] = TrialRecord(
                proposal.number, TrialState.RUNNING, proposal, attempt=attempt, epoch=epoch, worker=worker
            )
            lease = Lease(proposal.number, epoch, self.lease_s, proposal, trial_seed(7, proposal.number), attempt)
            return lease_answer_to_message(LeaseAnswer(LeaseStatus.GRANTED, lease))
        if self.holds_back:
            time.sleep(0.05)
            return lease_answer_to_message(LeaseAnswer(LeaseStatus.NONE_YET))
        return lease_answer_to_message(LeaseAnswer(LeaseStatus.ENDED, end_reason=EndReason.TRIALS))

    def LeaseTrial(self, request, context):
        return self._next(request)

    def _check(self, request):
        if (request.trial, request.epoch) in self.lost:
            raise LeaseSupersededError(f"Trial {request.trial} was given to worker-9.")

    def RenewLease(self, request, context):
        def work():
            self.renewals.append(request.trial)
            self._check(request)
            command = self.commands.get(request.trial, "COMMAND_CONTINUE")
            return trial_pb2.RenewLeaseResponse(command=command, duration_s=self.lease_s)

        return self._guarded(context, work)

    def ReportMetrics(self, request, context):
        def work():
            self._check(request)
            # As the real server does: a report that is sent again because its answer was lost counts once.
            if request.request_id not in self.known_requests:
                self.known_requests.add(request.request_id)
                self.reports.append((request.trial, request.step, metrics_from_messages(request.metrics, "metrics")))
            self.reported.set()
            if request.trial in self.refused_reports:
                raise InvalidInputError("step: does not rise.")
            is_stopped = request.trial in self.stopped_reports | self.stopped_once
            self.stopped_once.discard(request.trial)
            return trial_pb2.ReportMetricsResponse(verdict="VERDICT_STOP" if is_stopped else "VERDICT_CONTINUE")

        return self._guarded(context, work)

    def FinishTrial(self, request, context):
        def work():
            self._check(request)
            self.finishes.append((request.trial, request.epoch, request.request_id))
            if request.trial in self.stored_otherwise:
                raise ConflictError(f"Trial {request.trial} has ended already as completed ({{'accuracy': 0.5}}).")
            if self.is_full_once:
                self.is_full_once = False
                raise ExhaustedResourceError("The disk is full.")
            if request.trial in self.refused_results and request.outcome.metrics:
                raise MetricError("metric accuracy is missing.")
            self.finished[request.trial] = (outcome_from_message(request.outcome), request)
            if self.loses_answers_to_results:
                raise UnavailableError("The answer is lost on the way.")
            return trial_pb2.FinishTrialResponse(next=self._next(request) if request.wants_next else None)

        return self._guarded(context, work)

    def ReturnLease(self, request, context):
        self.returned.append(request.trial)
        return trial_pb2.ReturnLeaseResponse()


class Served:
    """An experiment behind a socket, with workers on it."""

    def __init__(self, experiment, folder, zygote):
        self.experiment = experiment
        self.zygote = zygote
        self.folder = folder / "experiment"
        self.socket = folder / "s"
        self.workers = []
        self.start()

    def start(self):
        self.server = grpc.server(futures.ThreadPoolExecutor(8))
        trial_pb2_grpc.add_TrialServiceServicer_to_server(self.experiment, self.server)
        experiment_pb2_grpc.add_ExperimentServiceServicer_to_server(self.experiment, self.server)
        self.server.add_insecure_port(f"unix:{self.socket}")
        self.server.start()

    def stop(self):
        self.server.stop(0).wait()

    def environment(self, **extra):
        return (
            os.environ
            | {
                "NASCORE_SERVER": f"unix:{self.socket}",
                "NASCORE_EXPERIMENT": "abcdefgh",
                "NASCORE_WORKER": "worker-0",
                "NASCORE_FOLDER": str(self.folder),
                "NASCORE_THREADS": "2",
                "NASCORE_AWAY_LIMIT": "90s",
                "OMP_NUM_THREADS": "1",
                "MKL_NUM_THREADS": "1",
            }
            | extra
        )

    def log(self, trial):
        """What a trial wrote: its own file, or its sections of the file of a worker's process; empty if nothing."""
        own, shared = (self.folder / "logs" / name for name in (f"trial-{trial}.log", "trials-worker-0.log"))
        if own.is_file():
            return own.read_text()
        sections = shared.read_text().split("--- trial ") if shared.is_file() else []
        return "".join(f"--- trial {part}" for part in sections if part.startswith(f"{trial}, "))

    @contextmanager
    def holding(self):
        """Gives the variable with which a slow trial goes no further than its first report until the end of this."""
        hold = self.folder.parent / "hold"
        hold.touch()
        yield {"HOLD": str(hold)}
        hold.unlink()

    def start_worker(self, **extra):
        output = self.folder.parent / f"output-{len(self.workers)}"
        self.workers.append(Worker(self.zygote, self.environment(**extra), output))
        return self.workers[-1]

    def work(self, *, code=0, **extra):
        worker = self.start_worker(**extra)
        assert worker.wait() == code, worker.output()
        return worker.output()

    def outcome(self, trial):
        return self.experiment.finished[trial][0]

    def close(self):
        for worker in self.workers:
            worker.kill()
        self.stop()


class Worker:
    """A worker's process, forked from the zygote."""

    def __init__(self, zygote, environment, output):
        self._zygote = zygote
        self._output = output
        self.pid = self._asked({"environment": environment, "output": str(output)})
        self.code = None

    def _asked(self, request):
        number = next(NUMBERS)
        self._zygote.stdin.write(json.dumps({"number": number, **request}) + "\n")
        self._zygote.stdin.flush()
        while True:
            # A test that timed out has left the answer to its last question.
            answered, answer = map(int, self._zygote.stdout.readline().split())
            if answered == number:
                return answer

    def wait(self):
        if self.code is None:
            self.code = self._asked({"wait": self.pid})
        return self.code

    def output(self):
        return self._output.read_text()

    def signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        if self.code is None:
            self.signal(signal.SIGKILL)
            self.wait()

    def descendants(self):
        return [process.pid for process in psutil.Process(self.pid).children(recursive=True)]


@pytest.fixture(scope="session")
def zygote():
    process = subprocess.Popen(
        [sys.executable, str(BEHAVIOURS.with_name("zygote.py"))],
        env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.stdin.close()
    process.wait()
    process.stdout.close()


@pytest.fixture
def serve(tmp_path_factory, zygote):
    served = []

    def start(*marks, **settings):
        experiment = Experiment([{"op": mark} for mark in marks], **settings)
        served.append(Served(experiment, tmp_path_factory.mktemp("s"), zygote))
        return served[-1]

    yield start
    for each in served:
        each.close()
