"""One exchange of samples, trial -> core -> tuner and back, beside raw unary calls of gRPC with the same bytes.

Four processes as in production: the trial (this one), the server, the tuner's host, and for comparison a server that
echoes. One exchange carries two outcomes (a weight step, and a gradient of every mixture weight) in, and two samples
with new mixtures out: a step of DARTS. Exchanges and calls take turns, so that other work on the machine slows both; of
each the quickest hundredth is shown as well, where that work was not in the way. The tuner's own part is what telling
and asking it costs in one process, without any wire. Prints one Markdown table.

    python benchmarks/exchange.py [--turns 100] [--tuner darts] [--step-ms 1600] [--on-stream]
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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import nascore.client.exchange
from nascore.client import Client
from nascore.eventloop import loop_factory
from nascore.experiment import Experiments
from nascore.journal import Holder
from nascore.record import (
    Asked,
    ExperimentSpec,
    Mode,
    Objective,
    OneShot,
    Outcome,
    OutcomeStatus,
    Proposal,
    SampleExchange,
    Schedule,
    Task,
    Told,
)
from nascore.record.wire import outcome_to_message, proposal_to_message
from nascore.service import Server
from nascore.space import Candidate, MixedDecision, OneOf, SearchSpace
from nascore.tuner import Setup, TunerSession, connect, load_tuner
from nascore.tuner.samples import LocalExchange
from nascore.v1 import trial_pb2

TOKEN = "a-token-of-the-benchmark"
SPACES = {"NAS-Bench-201, 6 x 5": (6, 5), "DARTS, 28 x 8": (28, 8), "large, 100 x 12": (100, 12)}
IN_A_TURN = 20
BATCHES = 10_000_000
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


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of single exchanges, of single calls, and of the tuner's own part."""

    ours: list[float]
    raw: list[float]
    own: float


def answered(sample: Proposal) -> Outcome:
    """Return what a trial says of a sample, without training."""
    gradient: tuple[MixedDecision, ...] = ()
    if sample.task is Task.GRADIENT and sample.mixture is not None:
        gradient = tuple(
            MixedDecision(mixed.path, tuple(0.01 * place for place in range(len(mixed.weights))))
            for mixed in sample.mixture.decisions
        )
    return Outcome(OutcomeStatus.COMPLETED, {"loss": 1.25}, gradient=gradient, batches=1, duration_s=0.01)


def measured(client: Client, folder: Path, tuner: str, *, space: SearchSpace, turns: int) -> tuple[Times, str]:
    """Return the seconds of exchanges and of calls, and how many bytes either carries."""
    plan = OneShot(Schedule(1), trust=None)
    spec = ExperimentSpec(tuner, seed=1, space=space, mode=Mode.ONE_SHOT, one_shot=plan)
    experiment = client.create(spec).id
    client.register_space(experiment, "w", space)
    lease = client.lease(experiment, "w", max_wait_s=20).lease
    assert lease is not None
    exchange = client.samples(experiment, "w", lease.trial, lease.epoch)
    exchange.begin(batches_per_epoch=BATCHES)
    samples = exchanged(exchange, (), [], count=IN_A_TURN)  # To warm up.
    request, response = sizes(samples)
    times = Times([], [], owned(tuner, space))
    with grpc.insecure_channel(f"unix:{folder}/echo") as channel:  # type: ignore[no-untyped-call]  # grpc is not annotated
        call = channel.unary_unary(_ECHO)
        payload = response.to_bytes(4, "big") + bytes(max(request, response))
        for _ in range(turns):
            samples = exchanged(exchange, samples, times.ours, count=IN_A_TURN)
            for _ in range(IN_A_TURN):
                began = time.perf_counter()
                call(payload)
                times.raw.append(time.perf_counter() - began)
    exchange.close()
    client.return_lease(experiment, "w", lease.trial, lease.epoch)
    return times, f"{request:,} / {response:,}"


def exchanged(
    exchange: SampleExchange, samples: Sequence[Proposal], times: list[float], *, count: int
) -> Sequence[Proposal]:
    """Make exchanges one after the other, note their seconds, and return the last samples."""
    for _ in range(count):
        outcomes = [(sample.number, answered(sample)) for sample in samples]
        began = time.perf_counter()
        samples = exchange.exchange(outcomes, 2).samples
        times.append(time.perf_counter() - began)
    return samples


def owned(tuner: str, space: SearchSpace) -> float:
    """Return the seconds that telling and asking a tuner costs in this process."""
    setup = Setup(space, (Objective("accuracy"),), seed=1, schedule=Schedule(1))
    local = LocalExchange(load_tuner(tuner)[0], setup, {}, 1)
    local.begin(batches_per_epoch=BATCHES)
    times: list[float] = []
    exchanged(local, (), times, count=20 * IN_A_TURN)
    return quickest(times)


def quickest(times: list[float]) -> float:
    """Return the time that a hundredth of them do not exceed."""
    return statistics.quantiles(times, n=100)[0]


def row(times: Times, *, step_s: float) -> list[str]:
    """Return the cells of one row."""
    ours, raw = quickest(times.ours), quickest(times.raw)
    ratio = statistics.median(times.ours) / statistics.median(times.raw)
    share = f"{100 * ours / step_s:.2f} %" if step_s else "not asked"
    micros = [f"{1e6 * each:.0f}" for each in (ours, raw, times.own)]
    return [*micros, f"{ours / raw:.2f}", f"{ratio:.2f}", f"{(ours - times.own) / raw:.2f}", share]


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
    parser.add_argument("--turns", type=int, default=100, help=f"turns of {IN_A_TURN} exchanges and as many calls")
    parser.add_argument("--tuner", default="darts")
    parser.add_argument("--step-ms", type=float, default=0.0, help="a training step, to say what share an exchange has")
    parser.add_argument("--on-stream", action="store_true", help="exchange on the stream, as with a server elsewhere")
    parser.add_argument("--be", choices=("server", "echo"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.be:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run({"server": serve, "echo": echo}[arguments.be](arguments.folder))
        return
    if arguments.on_stream:
        setattr(nascore.client.exchange, "has_frames", lambda: False)  # noqa: B010 - as on a system without them
    with tempfile.TemporaryDirectory() as name:
        roles = [
            subprocess.Popen([sys.executable, __file__, "--be", role, "--folder", name]) for role in ("server", "echo")
        ]
        try:
            show(Path(name), arguments)
        finally:
            for role in roles:
                role.kill()
                role.wait()


def show(folder: Path, arguments: argparse.Namespace) -> None:
    """Measure space by space and print a row for each."""
    client = Client(f"unix:{folder}/core", token=TOKEN)
    client.wait_until_serving(60)
    print(
        "| decisions x candidates | exchange us, p1 | unary us, p1 | tuner's own us | calls, p1 | calls, median "
        "| calls without the tuner's own | share of a step | bytes in / out |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for title, shape in SPACES.items():
        times, carried = measured(client, folder, arguments.tuner, space=space_of(*shape), turns=arguments.turns)
        print(f"| {title} | {' | '.join(row(times, step_s=arguments.step_ms / 1e3))} | {carried} |", flush=True)
    client.close()


if __name__ == "__main__":
    main()
