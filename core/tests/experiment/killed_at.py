"""A search in one process that is killed at named places, life after life, until it is done.

Started by test_asking.py with a database, numbers of workers and trials, and the failpoints that each life is armed
with. Each life is a process of its own, forked before any thread exists. Prints how many lives it took.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from nascore import failpoints
from nascore.experiment import Experiments, snapshots
from nascore.journal import Holder
from nascore.record import ExperimentSpec, LeaseStatus, Limits, Objective, Outcome, OutcomeStatus
from nascore.space import Architecture
from nascore.tuner.local import LocalSession

from conftest import SPACE, Climber

MOST_LIVES = 60


class Keeping(Climber):
    """A climber that keeps its state."""

    def snapshot(self):
        best = None if self.best is None else [self.best[0], dict(self.best[1])]
        return json.dumps([best, self.asked, self.open]).encode()

    def restore(self, state):
        best, self.asked, self.open = json.loads(state)
        self.best = None if best is None else (best[0], Architecture(best[1]))


async def connect(name, history, on_trouble):
    return LocalSession(Keeping)


def accuracy(architecture):
    return sum(map(ord, "".join(architecture.values()))) % 97 / 97


async def work(engine, worker):
    """Do one trial after the other; request ids are counted, so that a new life repeats what was not answered."""
    done = sum(1 for trial in engine.trials() if trial.worker == worker and trial.outcome is not None)
    while True:
        answer = await engine.lease(worker, f"{worker}-lease-{done}", max_wait_s=10)
        if answer.status is not LeaseStatus.GRANTED:
            return
        lease = answer.lease
        outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": accuracy(lease.proposal.architecture)})
        await engine.finish(worker, lease.trial, lease.epoch, f"{worker}-finish-{done}", outcome=outcome)
        done += 1


async def main(database, workers, trials):
    snapshots.ASKS_A_SNAPSHOT = 4
    holder = Holder(os.getpid(), socket.gethostname())
    experiments = await Experiments.open(database, holder=holder, connect=connect)
    limits = Limits(max_trials=trials, lease_s=30)
    spec = ExperimentSpec("climber", seed=11, space=SPACE, objectives=(Objective("accuracy"),), limits=limits)
    engine = await experiments.create(spec, request_id="create")
    await asyncio.gather(*(work(engine, f"w{number}") for number in range(workers)))
    await experiments.close()


def live(database, workers, trials, rules):
    """Live one life; returns whether it came to its end."""
    child = os.fork()
    if child == 0:
        failpoints.arm(rules)
        asyncio.run(main(database, workers, trials))
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    return status == 0


if __name__ == "__main__":
    for lives in range(1, MOST_LIVES):
        if live(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]):
            print(lives)  # noqa: T201  # the answer
            break
    else:
        sys.exit(f"no end after {MOST_LIVES} lives")
