"""A worker without torch: speaks nascore.client, and does what the words in TOY say (``slow``, ``patient``)."""

import os
import signal
import sys
import time
from pathlib import Path

from nascore.client import Client
from nascore.errors import NascoreError
from nascore.record import Failure, FailureKind, LeaseStatus, Outcome, OutcomeStatus
from nascore.space import Candidate, Integer, OneOf, SearchSpace

WORDS = os.environ.get("TOY", "").split()
EXPERIMENT, NAME = os.environ["NASCORE_EXPERIMENT"], os.environ["NASCORE_WORKER"]
SPACE = SearchSpace((OneOf("op", (Candidate("conv3"), Candidate("conv5"))), Integer("width", 8, 64)))


class Stopped(Exception):
    pass


def stop(number, frame):
    raise Stopped


def outcome(lease):
    if "fail" in WORDS:
        return Outcome(OutcomeStatus.FAILED, failure=Failure(FailureKind.EXCEPTION, "ValueError: too wide"))
    width = lease.proposal.architecture["width"]
    bonus = 0.5 if lease.proposal.architecture["op"] == "conv5" else 0.0
    metrics = {"accuracy": bonus + width / 1000, "latency_ms": float(width)}
    return Outcome(OutcomeStatus.COMPLETED, metrics=metrics, duration_s=0.01)


def work(client, lease):
    if "die" in WORDS and not Path(os.environ["NASCORE_FOLDER"], "died").exists():
        Path(os.environ["NASCORE_FOLDER"], "died").touch()
        os._exit(3)
    if "always-die" in WORDS:
        os._exit(4)
    try:
        # From here on a signal hands the trial back, which tests wait for.
        sys.stdout.write(f"begins {lease.trial}\n")
        sys.stdout.flush()
        time.sleep(600 if "slow" in WORDS else 0.02)
    except Stopped:
        client.return_lease(EXPERIMENT, NAME, lease.trial, lease.epoch)
        sys.stdout.write("handed back\n")
        raise
    client.finish(EXPERIMENT, NAME, lease.trial, lease.epoch, outcome=outcome(lease))


def lease(client):
    while True:
        try:
            return client.lease(EXPERIMENT, NAME, max_wait_s=2.0)
        except NascoreError as error:
            if "patient" not in WORDS or not error.is_retryable:
                raise
            time.sleep(0.05)


def main():
    if "broken" in WORDS:
        raise RuntimeError("no data set here")
    if "silent" in WORDS:
        return
    with Client.from_environment(os.environ) as client:
        client.register_space(EXPERIMENT, NAME, SPACE)
        while True:
            answer = lease(client)
            if answer.status is LeaseStatus.ENDED:
                return
            if answer.lease is not None:
                work(client, answer.lease)


signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in WORDS else stop)
try:
    main()
except Stopped:
    sys.exit(0)
