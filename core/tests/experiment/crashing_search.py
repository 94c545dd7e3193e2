"""A search in one process that is killed at any moment: leases, finishes, and says so only after the acknowledgement.

Started by test_crash.py with a database, numbers of workers and trials, and the seconds after which to kill each run;
a last run is not killed. Each run is a process of its own, forked (which takes no time) before any thread exists.
Every line it prints is a promise: ``lease REQUEST NUMBER EPOCH ARCHITECTURE`` or ``finish REQUEST NUMBER``.
"""

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from nascore.experiment import Experiments
from nascore.journal import Holder
from nascore.record import ExperimentSpec, LeaseStatus, Limits, Objective, Outcome, OutcomeStatus
from nascore.tuner.local import LocalSession

from conftest import SPACE, Climber


async def connect(name, history, on_trouble):
    return LocalSession(Climber)


def accuracy(architecture):
    return sum(map(ord, "".join(architecture.values()))) % 97 / 97


def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def work(engine, worker):
    """Do one trial after the other; request ids are counted, so that a new process repeats what was not answered."""
    done = sum(1 for trial in engine.trials() if trial.worker == worker and trial.outcome is not None)
    while True:
        answer = await engine.lease(worker, f"{worker}-lease-{done}", max_wait_s=10)
        if answer.status is not LeaseStatus.GRANTED:
            return
        lease = answer.lease
        say("lease", f"{worker}-{done}", lease.trial, lease.epoch, lease.proposal.architecture.fingerprint)
        outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": accuracy(lease.proposal.architecture)})
        await engine.finish(worker, lease.trial, lease.epoch, f"{worker}-finish-{done}", outcome=outcome)
        say("finish", f"{worker}-{done}", lease.trial)
        done += 1


async def main(database, workers, trials):
    holder = Holder(os.getpid(), socket.gethostname())
    experiments = await Experiments.open(database, holder=holder, connect=connect)
    limits = Limits(max_trials=trials, lease_s=0.5)
    spec = ExperimentSpec("climber", seed=11, space=SPACE, objectives=(Objective("accuracy"),), limits=limits)
    engine = await experiments.create(spec, request_id="create")
    say("ready")
    await asyncio.gather(*(work(engine, f"w{n}") for n in range(workers)))
    await experiments.close()
    say("end")


def run(database, workers, trials, kill_after):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writer, 1)
        os.close(reader)
        os.close(writer)
        asyncio.run(main(database, workers, trials))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as lines:
        said = lines.readline()
        assert said == b"ready\n", said
        if kill_after is not None:
            time.sleep(kill_after)
            os.kill(child, signal.SIGKILL)
        said = lines.read()
    os.waitpid(child, 0)
    return said[: said.rfind(b"\n") + 1]  # A line that was cut is no promise.


if __name__ == "__main__":
    for kill_after in (*map(float, sys.argv[4:]), None):
        os.write(1, run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), kill_after))
