"""One exchange of samples, trial -> core -> tuner and back, beside raw unary calls of gRPC with the same bytes.

Four processes as in production: the trial (this one), the server, the tuner's host, and for comparison a server that
echoes. One exchange carries two outcomes (a weight step, and a gradient of every mixture weight) in, and two samples
with new mixtures out: a step of DARTS. Prints one Markdown table.

    python benchmarks/exchange.py [--steps 2000] [--rounds 5] [--tuner darts]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import grpc
from nascore.client import Client
from nascore.eventloop import loop_factory
from nascore.experiment import Experiments
from nascore.journal import Holder
from nascore.record import Asked, ExperimentSpec, Mode, OneShot, Outcome, OutcomeStatus, Proposal, Schedule, Task, Told
from nascore.record.wire import outcome_to_message, proposal_to_message
from nascore.service import Server
from nascore.space import Candidate, MixedDecision, OneOf, SearchSpace
from nascore.tuner import TunerSession, connect
from nascore.v1 import trial_pb2

TOKEN = "a-token-of-the-benchmark"
SPACES = {"NAS-Bench-201 (6 x 5)": (6, 5), "DARTS (28 x 8)": (28, 8)}
_ECHO = "/echo.Echo/Echo"


def space_of(decisions: int, candidates: int) -> SearchSpace:
    """Return a space of so many decisions of so many candidates."""
    keys = tuple(Candidate(f"candidate{place}") for place in range(candidates))
    return SearchSpace(tuple(OneOf(f"edge{place:02}", keys) for place in range(decisions)))


async def serve(folder: Path) -> None:
    """Be the server, until killed."""

    async def tuner(
        name: str, history: Callable[[], Iterable[Asked | Told]], on_trouble: Callable[[str], None]
    ) -> TunerSession:
        return await connect(name, history=history, on_trouble=on_trouble)

    holder = Holder(os.getpid(), socket.gethostname(), started_at=1.0)
    experiments = await Experiments.open(folder / "log.db", holder=holder, connect=tuner)
    server = Server(experiments, address=f"unix:{folder}/core", token=TOKEN)
    await server.start()
    await asyncio.Event().wait()


async def echo(folder: Path) -> None:
    """Be the server that echoes as many bytes as the first four say, until killed."""

    async def answer(request: bytes, context: object) -> bytes:
        return request[4 : 4 + int.from_bytes(request[:4], "big")]

    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo.Echo", {"Echo": handler}),))
    server.add_insecure_port(f"unix:{folder}/echo")
    await server.start()
    await asyncio.Event().wait()


def answered(sample: Proposal) -> Outcome:
    """Return what a trial says of a sample, without training."""
    gradient: tuple[MixedDecision, ...] = ()
    if sample.task is Task.GRADIENT and sample.mixture is not None:
        gradient = tuple(
            MixedDecision(mixed.path, tuple(0.01 * place for place in range(len(mixed.weights))))
            for mixed in sample.mixture.decisions
        )
    return Outcome(OutcomeStatus.COMPLETED, {"loss": 1.25}, gradient=gradient, batches=1, duration_s=0.01)


def measured(client: Client, folder: Path, tuner: str, *, space: SearchSpace, steps: int, rounds: int) -> list[str]:
    """Return the cells of one row: microseconds of an exchange and of two unary calls, and their ratio."""
    plan = OneShot(Schedule(1), trust=None)
    spec = ExperimentSpec(tuner, seed=1, space=space, mode=Mode.ONE_SHOT, one_shot=plan)
    experiment = client.create(spec).id
    client.register_space(experiment, "w", space)
    lease = client.lease(experiment, "w", max_wait_s=20).lease
    assert lease is not None
    exchange = client.samples(experiment, "w", lease.trial, lease.epoch)
    exchange.begin(batches_per_epoch=steps * (rounds + 2))
    samples = exchange.exchange([], 2).samples
    request, response = sizes(samples)
    with grpc.insecure_channel(f"unix:{folder}/echo") as channel:
        call = channel.unary_unary(_ECHO)
        payload = response.to_bytes(4, "big") + bytes(max(request, response))
        ours: list[float] = []
        raw: list[float] = []
        for _ in range(rounds):
            for _ in range(steps):
                outcomes = [(sample.number, answered(sample)) for sample in samples]
                began = time.perf_counter()
                samples = exchange.exchange(outcomes, 2).samples
                ours.append(time.perf_counter() - began)
            for _ in range(steps):
                began = time.perf_counter()
                call(payload)
                raw.append(time.perf_counter() - began)
    exchange.close()
    client.return_lease(experiment, "w", lease.trial, lease.epoch)
    return [*(_cells(ours, raw)), f"{request} / {response}"]


def _cells(ours: list[float], raw: list[float]) -> Iterable[str]:
    """Yield the median and the quickest tenth, the latter for machines that have other work."""
    for pick in (statistics.median, lambda times: statistics.quantiles(times, n=10)[0]):
        mine, theirs = pick(ours), pick(raw)
        yield f"{1e6 * mine:.0f}"
        yield f"{1e6 * theirs:.0f}"
        yield f"{mine / (2 * theirs):.2f}"


def sizes(samples: Iterable[Proposal]) -> tuple[int, int]:
    """Return the bytes of the request and of the response of one exchange."""
    request = trial_pb2.Samples(want=2)
    response = trial_pb2.NextSamples()
    for sample in samples:
        request.outcomes.add(number=sample.number, outcome=outcome_to_message(answered(sample)))
        response.samples.append(proposal_to_message(sample))
    return request.ByteSize(), response.ByteSize()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tuner", default="darts")
    parser.add_argument("--be", choices=("server", "echo"))
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.be:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run({"server": serve, "echo": echo}[arguments.be](arguments.folder))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        roles = [
            subprocess.Popen([sys.executable, __file__, "--be", role, "--folder", name]) for role in ("server", "echo")
        ]
        try:
            client = Client(f"unix:{folder}/core", token=TOKEN)
            client.wait_until_serving(30)
            row = partial(measured, client, folder, arguments.tuner, steps=arguments.steps, rounds=arguments.rounds)
            print(
                "| space | exchange µs | unary µs | ratio to two | p10 exchange | p10 unary | ratio | bytes in / out |"
            )
            print("|---|---|---|---|---|---|---|---|")
            for title, shape in SPACES.items():
                print(f"| {title} | {' | '.join(row(space=space_of(*shape)))} |")
            client.close()
        finally:
            for role in roles:
                role.kill()
                role.wait()


if __name__ == "__main__":
    main()
