"""Train one network from several worker processes at once.

``python train.py --workers 2`` starts a server of weights and so many workers, which all train the same network on the
handwritten digits of scikit-learn: every few batches each gives what it has learnt and takes what others have, while
training goes on. With one worker nothing is shared; the batches are the same in number, whatever the workers.
"""

import argparse
import asyncio
import json
import os
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import nas_trial as nas
import torch
from nascore.client import Client
from nascore.eventloop import loop_factory
from nascore.service.weight_server import serve_weights
from nascore.weights import DirectoryStore
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

EXPERIMENT, TABLE = "async-sharing", "digits"
BATCH = 64


def network():
    def block(before, after):
        return nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()

    return nn.Sequential(
        *block(1, 32), *block(32, 64), nn.MaxPool2d(2), *block(64, 64), nn.Flatten(), nn.Linear(64 * 16, 10)
    )


def data():
    """Images and labels for training, and for testing."""
    images, labels = load_digits(return_X_y=True)
    images = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    parts = train_test_split(images, torch.tensor(labels), test_size=0.25, stratify=labels, random_state=0)
    return (parts[0], parts[2]), (parts[1], parts[3])


def batches(images, labels, count, *, seed):
    """So many batches, in an order of this worker's own."""
    order = torch.Generator().manual_seed(seed)
    while True:
        for batch in torch.randperm(len(images), generator=order).split(BATCH):
            if not count:
                return
            count -= 1
            yield images[batch], labels[batch]


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        return float((model(images).argmax(dim=1) == labels).float().mean())


def train(model, count, *, seed, every, workers):
    """Train, and return the processor seconds of it; `nas.SharedWeights` is all that sharing needs.

    Each has momentum of its own, so the sum of what all learnt would go too far; a fraction of one over their number
    averages it.
    """
    is_alone = workers == 1
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, count)
    (images, labels), _ = data()
    shared = nullcontext() if is_alone else nas.SharedWeights(model, TABLE, every=every, fraction=1 / workers)
    model.train()
    begin()
    used = own_seconds()
    with shared:
        for inputs, targets in batches(images, labels, count, seed=seed):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
            schedule.step()
            if not is_alone:
                shared.step()
    return own_seconds() - used


def begin():
    """Say that all is ready, and wait until all others are."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


def work(chosen):
    """Be a worker, with one core."""
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[chosen.work % len(cores)]})
    torch.manual_seed(chosen.seed)
    model = network()
    count = chosen.batches // chosen.workers
    model(torch.zeros(BATCH, 1, 8, 8)).sum().backward()  # Warms up; nothing is learnt from it.
    used = train(model, count, seed=1000 * chosen.seed + chosen.work, every=chosen.every, workers=chosen.workers)
    _, test = data()
    sys.stdout.write(json.dumps({"accuracy": accuracy(model, *test), "seconds": used}) + "\n")


@dataclass(frozen=True)
class Result:
    """Seconds of training, accuracy on the test images, and processor seconds of all workers and of the server."""

    seconds: float
    accuracy: float
    worker_seconds: float
    server_seconds: float


async def share(workers: int, *, total: int, every: int, seed: int) -> Result:
    """Serve weights while workers train."""
    with tempfile.TemporaryDirectory() as folder:
        store, token = DirectoryStore(Path(folder) / "weights"), secrets.token_urlsafe(32)
        async with serve_weights(store, address="unix:", token=token) as server:
            place = {"NASCORE_SERVER": server.address, "NASCORE_TOKEN": token, "NASCORE_EXPERIMENT": EXPERIMENT}
            result = await asyncio.to_thread(trained, workers, total=total, every=every, seed=seed, place=place)
        store.close()
    return result


def trained(workers: int, *, total: int, every: int, seed: int, place: dict[str, str]) -> Result:
    """Let workers train, and look at what has come of it."""
    words = ["--workers", workers, "--batches", total, "--every", every, "--seed", seed]
    running = [
        subprocess.Popen(
            [sys.executable, __file__, "--work", str(number), *map(str, words)],
            env={**os.environ, **place, "NASCORE_WORKER": f"worker-{number}", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(workers)
    ]
    for worker in running:
        if worker.stdout.readline() != "ready\n":
            raise SystemExit("a worker did not begin")
    begun, used = time.perf_counter(), own_seconds()
    for worker in running:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    found = [json.loads(worker.stdout.readline() or "null") for worker in running]
    seconds, used = time.perf_counter() - begun, own_seconds() - used
    for worker in running:
        worker.communicate()
    if None in found:
        raise SystemExit("a worker failed")
    reached = found[0]["accuracy"] if workers == 1 else shared_accuracy(place)
    return Result(seconds, reached, sum(worker["seconds"] for worker in found), used)


def shared_accuracy(place: dict[str, str]) -> float:
    """Return the accuracy of the shared copy, to which every worker has given all that it learnt."""
    model = network()
    with (
        Client(place["NASCORE_SERVER"], token=place["NASCORE_TOKEN"]) as client,
        nas.SharedWeights(model, TABLE, client=client, experiment=EXPERIMENT),
    ):
        return accuracy(model, *data()[1])


def own_seconds() -> float:
    """Return the processor seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(workers: int, *, total: int, every: int, seed: int) -> Result:
    """Train with so many workers."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(share(workers, total=total, every=every, seed=seed))


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batches", type=int, default=600, help="of all workers together")
    parser.add_argument("--every", type=int, default=8, help="batches between two exchanges")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args(words)
    if chosen.work is not None:
        work(chosen)
        return
    result = run(chosen.workers, total=chosen.batches, every=chosen.every, seed=chosen.seed)
    rate = chosen.batches / result.seconds
    sys.stdout.write(
        f"{chosen.workers} workers: {result.accuracy:.1%} of the test images after {chosen.batches} batches, "
        f"{rate:.0f} a second; the server worked {result.server_seconds / result.seconds:.1%} of the time.\n"
    )


if __name__ == "__main__":
    main()
