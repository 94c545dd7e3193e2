"""The two sides of test_torture.py, each in a process of its own.

``tortured.py server DATABASE ADDRESS`` serves experiments with real tuner hosts. ``tortured.py workers ADDRESS N``
works on the last experiment with N threads; every line that it prints was acknowledged:
``finish NUMBER EPOCH ACCURACY``. Now and then a worker sleeps longer than its lease, and comes back as a zombie.
"""

import asyncio
import os
import random
import socket
import sys
import threading
import time
from pathlib import Path

from nascore.client import Client
from nascore.errors import LeaseSupersededError, PluginError
from nascore.experiment import Experiments
from nascore.journal import Holder
from nascore.record import LeaseStatus, Outcome, OutcomeStatus
from nascore.service import Server, loop_factory
from nascore.tuner import HostLimits, connect

TOKEN = "a-token-of-the-tests"
LEASE_S = 0.4


def accuracy(architecture):
    return sum(map(ord, architecture.fingerprint)) % 997 / 997


def outcome(lease):
    metrics = {"accuracy": accuracy(lease.proposal.architecture), "epoch": lease.epoch}
    return Outcome(OutcomeStatus.COMPLETED, metrics)


async def serve(database, address):
    async def supervised(name, history, on_trouble):
        return await connect(name, history=history, limits=HostLimits(backoff_s=0.01), on_trouble=on_trouble)

    holder = Holder(os.getpid(), socket.gethostname(), address)
    experiments = await Experiments.open(Path(database), holder=holder, connect=supervised)
    server = Server(experiments, address=address, token=TOKEN)
    await server.start()
    await asyncio.Event().wait()


def ask(client, worker):
    while True:
        try:
            return client.lease("last", worker, max_wait_s=5)
        except PluginError:  # The tuner was killed twice in one call.
            continue


def work(address, worker, *, has_naps):
    rng = random.Random(worker)
    with Client(address, token=TOKEN, patience_s=60, timeout_s=5) as client:
        answer = ask(client, worker)
        while answer.status is not LeaseStatus.ENDED:
            lease = answer.lease
            if lease is None:
                answer = ask(client, worker)
                continue
            if has_naps and rng.random() < 0.01:
                time.sleep(2.5 * LEASE_S)
            said = outcome(lease)
            try:
                answer = client.finish(
                    "last", worker, lease.trial, lease.epoch, outcome=said, wants_next=True, next_wait_s=5
                )
            except LeaseSupersededError:
                answer = ask(client, worker)
                continue
            os.write(1, f"finish {lease.trial} {lease.epoch} {said.metrics['accuracy']!r}\n".encode())


def fail(arguments):
    """End the whole process where one worker ends by an error."""
    threading.__excepthook__(arguments)
    os._exit(1)


if __name__ == "__main__":
    role, *arguments = sys.argv[1:]
    if role == "server":
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve(*arguments))
    else:
        address, count = arguments[0], int(arguments[1])
        threading.excepthook = fail
        threads = [
            threading.Thread(target=work, args=(address, f"w{n}"), kwargs={"has_naps": count > 1}) for n in range(count)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
