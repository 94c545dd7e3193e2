"""Two workers that train one network beside one that trains it alone, and what a push costs beside its transfer.

By default: examples/async_sharing with two workers of one core each, and with one, in shuffled pairs with one seed each
and equally many batches in all. Printed are batches a second, the accuracy of the network on images that no worker saw,
and the processor time of a batch; for the last one neighbours on the machine hardly matter.

With ``--wire``: a delta of a whole network pushed to a server in a process of its own, beside the same push that the
server takes and checks but drops as too late, and beside a bare gRPC stream of as many bytes that nobody looks at.

Run: ``python benchmarks/async_sharing.py`` (``--quick`` for one pair), ``python benchmarks/async_sharing.py --wire``.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import grpc
import numpy
from nascore.client import Client
from nascore.client.live_tables import LiveTableCalls
from nascore.eventloop import loop_factory
from nascore.service.weight_server import serve_weights
from nascore.weights import DirectoryStore
from nascore.weights.live import MAX_PIECE, Late, Share, Slot, Terms
from pairs import Values, collect, column, median, number, options, ratio, table
from processor import seconds_of_family

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "async_sharing"
sys.path.insert(0, str(EXAMPLE))
import train

STATES = {"100 MB in 160": (160, 156_250), "5 MB in 300": (300, 4_166)}
"""Name -> tensors, and elements (float32) of each."""

TOKEN = "a-token-of-the-benchmark"
DISCARD = "/benchmark/Discard"
PUSHES = 8


def trained(workers: int, seeds: Iterator[int], *, total: int, every: int) -> Values:
    """Train once, with the next seed."""
    result = train.run(workers, total=total, every=every, seed=next(seeds))
    return {
        "batches a second": total / result.seconds,
        "accuracy": result.accuracy,
        "worker ms": 1000 * result.worker_seconds / total,
        "server ms": 1000 * result.server_seconds / total,
    }


def training(rounds: int, *, total: int, every: int, record: Path) -> None:
    """Measure and print how much faster two workers are."""
    contenders: dict[str, Callable[[], Values]] = {
        f"{workers}": partial(trained, workers, iter(range(rounds)), total=total, every=every) for workers in (1, 2)
    }
    samples = collect("asynchronous sharing", contenders, rounds=rounds, record=record)
    names = ("batches a second", "accuracy", "worker ms", "server ms")
    rows = [[who, *(number(median(column(samples[who], name)), 3) for name in names)] for who in contenders]
    print(table(["workers", "batches/s", "accuracy", "worker CPU ms/batch", "server CPU ms/batch"], rows))
    one, two = samples["1"], samples["2"]
    faster = ratio(column(two, "batches a second"), column(one, "batches a second"))
    costs = ratio(column(two, "worker ms"), column(one, "worker ms"))
    losses = [100 * (a["accuracy"] - b["accuracy"]) for a, b in zip(one, two, strict=True) if a and b]
    print(f"\ntwo workers beside one: {faster} the batches a second, {costs} the processor time of a batch,")
    print(f"accuracy lower by {', '.join(f'{loss:.2f}' for loss in losses)} points; median {median(losses):.2f}")


async def serve(folder: str) -> None:
    """Serve weights and a stream that nobody looks at, until the input ends; both addresses are printed."""
    store = DirectoryStore(Path(folder) / "weights")
    bare = grpc.aio.server(options=[("grpc.max_receive_message_length", 4 << 20)])
    bare.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("benchmark", {"Discard": grpc.stream_unary_rpc_method_handler(discard)}),)
    )
    port = bare.add_insecure_port("127.0.0.1:0")
    await bare.start()
    async with serve_weights(store, address="127.0.0.1:0", token=TOKEN) as server:
        print(server.address, f"127.0.0.1:{port}", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    await bare.stop(0)


async def discard(requests: AsyncIterator[bytes], _: object) -> bytes:
    """Take a stream and forget it."""
    async for _request in requests:
        pass
    return b""


@contextmanager
def served() -> Iterator[tuple[str, str, int]]:
    """Give the addresses and the process id of such a server."""
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, __file__, "--serve", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert server.stdin is not None
        assert server.stdout is not None
        weights, bare = server.stdout.readline().split()
        try:
            yield weights, bare, server.pid
        finally:
            server.stdin.close()
            server.wait(30)
            server.stdout.close()


def timed(work: Callable[[], object], pid: int, size: int) -> Values:
    """Return seconds of one of several pushes, and the server's processor nanoseconds per byte."""
    work()
    used, begun = seconds_of_family(pid)[0], time.perf_counter()
    for _ in range(PUSHES):
        work()
    seconds = (time.perf_counter() - begun) / PUSHES
    used = (seconds_of_family(pid)[0] - used) / PUSHES
    return {"seconds": seconds, "GB/s": size / seconds / 1e9, "server ns/byte": 1e9 * used / size}


def wire(rounds: int, *, record: Path) -> None:
    """Measure and print what a push costs."""
    rows = []
    with (
        served() as (weights, bare, pid),
        Client(weights, token=TOKEN) as client,
        grpc.insecure_channel(bare) as channel,
    ):
        calls, discarded = LiveTableCalls(client.connection), channel.stream_unary(DISCARD)
        for name, (count, elements) in STATES.items():
            slots = [Slot(f"layer{index}", "F32", (elements,)) for index in range(count)]
            delta = numpy.ones(elements, numpy.float32).view(numpy.uint8).data
            shares = [Share(index, delta) for index in range(count)]
            size = 4 * count * elements
            contenders: dict[str, Callable[[], Values]] = {
                "push": partial(timed, pusher(calls, f"{name}, added", slots, shares, is_late=False), pid, size),
                "dropped": partial(timed, pusher(calls, f"{name}, dropped", slots, shares, is_late=True), pid, size),
                "stream": partial(timed, lambda delta=delta, count=count: discarded(pieces(delta, count)), pid, size),  # type: ignore[misc]
            }
            samples = collect(f"push, {name}", contenders, rounds=rounds, record=record)
            for who, label in (("push", "push"), ("dropped", "the same, not added"), ("stream", "bare stream")):
                row = [number(median(column(samples[who], key))) for key in ("GB/s", "server ns/byte")]
                rows.append(
                    [name, label, *row, str(ratio(column(samples["push"], "seconds"), column(samples[who], "seconds")))]
                )
    print(table(["delta", "what", "GB/s", "server CPU ns/byte", "time of a push to it"], rows))


def pusher(
    calls: LiveTableCalls, name: str, slots: Sequence[Slot], shares: Sequence[Share], *, is_late: bool
) -> Callable[[], object]:
    """Return what pushes to a table of its own, in time or always too late."""
    opened = calls.open("benchmark", name, slots=slots, terms=Terms(max_lag=0, late=Late.DROP) if is_late else Terms())
    calls.push("benchmark", name, shares, worker="w", base_version=0)
    return lambda: calls.push("benchmark", name, shares, worker="w", base_version=opened.version)


def pieces(delta: memoryview, count: int) -> Iterator[bytes]:
    """Yield as many bytes as the pieces of a push have, in as many messages."""
    for _ in range(count):
        for begin in range(0, len(delta), MAX_PIECE):
            yield bytes(delta[begin : begin + MAX_PIECE])


def main() -> None:
    """Measure and print."""
    parser = options(__doc__ or "", rounds=5, seconds=0)
    parser.add_argument("--wire", action="store_true", help="what a push costs beside its transfer")
    parser.add_argument("--batches", type=int, default=600, help="of all workers together")
    parser.add_argument("--every", type=int, default=8, help="batches between two exchanges")
    parser.add_argument("--serve", metavar="FOLDER", help="what a process of its own serves")
    chosen = parser.parse_args()
    rounds = 1 if chosen.quick else chosen.rounds
    if chosen.serve:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve(chosen.serve))
    elif chosen.wire:
        wire(rounds, record=chosen.record)
    else:
        training(rounds, total=chosen.batches, every=chosen.every, record=chosen.record)


if __name__ == "__main__":
    main()
