"""Weights of a network put and got, through a server and on the same machine, beside what else moves bytes.

Ours is a server of weights in a process of its own (``nascore weights serve``), on tmpfs: ``network`` is told not to
look for its folder, and moves bytes over a connection of their own; ``network, all over gRPC`` does not; ``same host``
finds the folder. Every put is proven and durable: the store has no mode without flushing,
which costs next to nothing on tmpfs. What comes over the network is proven; a get on the same host maps the files and
proves nothing, like the maps of safetensors. Beside it: bytes over a TCP socket into a buffer that is there already,
and once more with the promises of the store (weights_sockets.py), which is the limit that it could reach; both over a
bare stream of gRPC (weights_grpc.py), which is the limit of who speaks it; memcpy;
safetensors on tmpfs; Arrow Flight; Redis, a key for each tensor; and ``torch.save`` to a shared folder, in a process of
its own. None of the others proves or flushes anything, and who gets into memory that is there or that a pool has kept
saves its pages, which cost as much as the rest.
Every peer is measured in every round, after it has put and got once, shuffled (see pairs.py). Printed are medians, CPU
seconds of client and server for a GB, the most memory that both have taken beside what they had, and ratios of the same
round: above 1, ours is faster.

Run: ``python benchmarks/weights_peers.py`` (``--quick`` for one round).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager

import psutil
import weights_grpc
from nascore.client import Client
from nascore.client.weights import Weights
from pairs import Values, collect, column, median, number, options, ratio, table
from weights_contender import Contender, fresh, sample, started
from weights_rivals import flight, memcpy, redis, safetensors, torch_shared
from weights_sockets import tcp, tcp_kept
from weights_store import STATES, data_of, state


@contextmanager
def ours(name: str, *, is_near: bool, is_given: bool = False, is_direct: bool = True) -> Iterator[Contender]:
    """Our server; what is got comes into fresh memory, or into some that is given. Each put is of other tensors."""
    states = [data_of(state(name, seed=seed)) for seed in (2, 1)]
    given = {key: memoryview(bytearray(tensor.size)) for key, tensor in states[0].items()} if is_given else None
    words = (sys.executable, "-m", "nascore", "weights", "serve", "store", "--address", "127.0.0.1:0")
    with ExitStack() as stack:
        folder = stack.enter_context(fresh())
        process, line = stack.enter_context(started(*words, "--token-file", "token", folder=folder))
        client = Client(line.rpartition(" ")[2], token_file=folder / "token")
        stack.callback(client.close)
        weights = stack.enter_context(closing(Weights.of(client, is_folder_shared=is_near, is_direct=is_direct)))
        made: list[str] = []

        def get() -> object:
            return weights.map(made[-1]) if is_near else weights.get(made[-1], into=given)

        yield Contender(lambda: made.append(weights.put(states.pop(0), trial=1)), get, [psutil.Process(process.pid)])


OPENED: dict[str, Callable[[str], AbstractContextManager[Contender]]] = {
    "network": lambda name: ours(name, is_near=False),
    "network, into given memory": lambda name: ours(name, is_near=False, is_given=True),
    "network, all over gRPC": lambda name: ours(name, is_near=False, is_direct=False),
    "same host": lambda name: ours(name, is_near=True),
    "memcpy": memcpy,
    "tcp": tcp,
    "tcp, proven and kept": tcp_kept,
    "grpc": weights_grpc.bare,
    "grpc, proven and kept": weights_grpc.kept,
    "safetensors": safetensors,
    "flight": flight,
    "redis": redis,
}
"""Each opens a contender for a state of that name."""


def contenders(name: str) -> dict[str, Callable[[], Values]]:
    """Return all by name."""
    found: dict[str, Callable[[], Values]] = {
        who: (lambda opener=opener: sample(opener(name)))  # type: ignore[misc]
        for who, opener in OPENED.items()
    }
    return found | {"torch": lambda: torch_shared(name)}


def rows_of(name: str, samples: dict[str, list[Values]], *, size: int) -> list[list[str]]:
    """Return the rows of a table: one for each contender and operation."""
    rows = []
    for operation in ("put", "get"):
        own = {who: column(samples[who], operation) for who in ("network", "same host")}
        for who, found in samples.items():
            times = column(found, operation)
            cpu, memory = (median(column(found, f"{operation} {what}")) for what in ("cpu", "memory"))
            peak = memory / size if not math.isnan(memory) else memory
            ratios = [str(ratio(times, mine)) for mine in own.values()]
            rows.append(
                [
                    name,
                    operation,
                    who,
                    number(size / 1e9 / median(times)),
                    number(cpu / size * 1e9),
                    number(peak),
                    *ratios,
                ]
            )
    return rows


def main() -> None:
    """Measure and print."""
    parser = options(__doc__ or "", rounds=7, seconds=0)
    chosen = parser.parse_args()
    rows = []
    for name, (count, elements) in STATES.items():
        rounds = 1 if chosen.quick else chosen.rounds
        samples = collect(f"peers {name}", contenders(name), rounds=rounds, record=chosen.record)
        rows += rows_of(name, samples, size=4 * count * elements)
    header = ["state", "operation", "who", "GB/s", "CPU s/GB", "peak, payloads", "time / network", "time / same host"]
    print(table(header, rows))
    print("\nOur puts are durable (flushed); no peer flushes. A get on the same host is a map, which is not proven.")


if __name__ == "__main__":
    main()
