"""What it costs that a tuner is a program of its own: µs a proposal in this process, in its host, in Node and C++.

Each session is asked for one proposal at a time, and for 64; the outcomes of one question come with the next, as in a
search. The space is that of the other tables, 28 decisions of five candidates. Beside: a raw unary call between two
Python processes with as many bytes. Contenders do not compute the same: two evolve a population, one climbs, one
searches locally; what the process costs is the first two rows, which are the same tuner.

    cd examples/tuners/node && npm install
    python benchmarks/foreign_tuner.py [--rounds 7] [--cpp BINARY]

Without ``--cpp`` (see examples/tuners/cpp) or without Node that row is left out. Prints one Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import grpc
from nascore.errors import PluginError
from nascore.eventloop import loop_factory
from nascore.record import Objective, Outcome, OutcomeStatus, Proposal, Told, proposal_seed
from nascore.space import Candidate, OneOf, SearchSpace
from nascore.tuner import LocalSession, Setup, TunerSession, connect, load_tuner
from nascore.tuner.wire import answer_to_message, asking_to_message

sys.path.insert(0, str(Path(__file__).parent))
import pairs

EXAMPLES = Path(__file__).parents[1] / "examples" / "tuners"
SPACE = SearchSpace(tuple(OneOf(f"choice{place:02}", tuple(map(Candidate, "abcde"))) for place in range(28)))
SETUP = Setup(SPACE, (Objective("accuracy"),), seed=1)
BATCHES = (1, 64)
TUNER = "regularized-evolution"
HERE, HOSTED, RAW = f"{TUNER}, in this process", f"{TUNER}, in its host", "raw unary call of as many bytes"
_ECHO = "/echo.Echo/Echo"
_HEAD = 4


class Search:
    """A search that one contender goes on with: a session, and what it has not been told yet."""

    def __init__(self, session: TunerSession) -> None:
        self._session = session
        self._number = self._seq = 0
        self._waiting: list[Told] = []

    async def ask(self, batch: int) -> tuple[Proposal, ...]:
        """Ask once, with the outcomes of the last question."""
        seeds = [proposal_seed(1, self._number + place) for place in range(batch)]
        answer = await self._session.ask(self._number, seeds, outcomes=self._waiting, told_through=self._seq)
        self._waiting = [self._told(place, proposal) for place, proposal in enumerate(answer.proposals, 1)]
        self._number += batch
        self._seq += batch
        return answer.proposals

    async def sizes_of(self, batch: int) -> tuple[int, int]:
        """Return the bytes of a question and of its answer on the wire."""
        outcomes, through, number = self._waiting, self._seq, self._number
        seeds = [proposal_seed(1, number + place) for place in range(batch)]
        asking = asking_to_message("s" * 32, number, seeds=seeds, outcomes=outcomes, told_through=through)
        answer = await self._session.ask(number, seeds, outcomes=outcomes, told_through=through)
        return asking.ByteSize(), answer_to_message(answer).ByteSize()

    def _told(self, place: int, proposal: Proposal) -> Told:
        value = (proposal.number * 7919 % 1000) / 1000
        return Told(self._seq + place, proposal, Outcome(OutcomeStatus.COMPLETED, {"accuracy": value}))


async def opened(address: str) -> TunerSession:
    """Return an open session with the tuner at an address; supervised, as in a search."""
    session = await connect(address, history=list, on_trouble=sys.exit)
    await session.open(SETUP, {})
    return session


async def local() -> TunerSession:
    """Return an open session with the tuner in this process."""
    session = LocalSession(load_tuner(TUNER)[0])
    await session.open(SETUP, {})
    return session


def programs(cpp: Path | None) -> dict[str, str]:
    """Return the foreign tuners by what they are called in the table."""
    found = {
        "Python without nascore's host": f"{sys.executable} {EXAMPLES / 'minimal_python' / 'tuner.py'}",
        "Node": f"node {EXAMPLES / 'node' / 'tuner.mjs'}",
    }
    return found if cpp is None else {**found, "C++": str(cpp.resolve())}


async def sessions(cpp: Path | None) -> dict[str, TunerSession]:
    """Return an open session with each contender that can be started."""
    found = {HERE: await local(), HOSTED: await opened(TUNER)}
    for name, command in programs(cpp).items():
        try:
            found[name] = await opened(f"exec:{command}")
        except PluginError as error:
            sys.stderr.write(f"{name} is left out: {error.message}\n")
    return found


async def echo(address: str) -> None:
    """Be the server that answers as many bytes as the first four of a request say, until killed."""

    async def answer(request: bytes, context: object) -> bytes:
        return bytes(int.from_bytes(request[:_HEAD], "big"))

    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo.Echo", {"Echo": handler}),))
    server.add_insecure_port(address)
    await server.start()
    await asyncio.Event().wait()


async def timed(ask: Callable[[int], Awaitable[object]], batch: int, *, proposals: int) -> float:
    """Return seconds a proposal."""
    questions = max(1, proposals // batch)
    begun = time.perf_counter()
    for _ in range(questions):
        await ask(batch)
    return (time.perf_counter() - begun) / (questions * batch)


def measured(
    runner: asyncio.Runner, address: str, *, cpp: Path | None, rounds: int, proposals: int
) -> dict[int, dict[str, list[float]]]:
    """Return the samples of all contenders, by batch."""
    begun = runner.run(sessions(cpp))
    searches = {name: Search(session) for name, session in begun.items()}
    asks: dict[str, Callable[[int], Awaitable[object]]] = {name: search.ask for name, search in searches.items()}
    for ask in asks.values():  # Until populations are full, so that they learn.
        runner.run(timed(ask, 64, proposals=256))
    payloads = {batch: runner.run(_payload(searches[HERE], batch)) for batch in BATCHES}
    call = runner.run(_call(address))
    asks[RAW] = lambda batch: call(payloads[batch], wait_for_ready=True)
    found = {}
    for batch in BATCHES:
        samples = {
            name: lambda ask=ask: runner.run(timed(ask, batch, proposals=proposals))  # noqa: B023  # called in this turn
            for name, ask in asks.items()
        }
        found[batch] = pairs.measure(samples, rounds=rounds)
    for session in begun.values():
        runner.run(session.close())
    return found


async def _payload(search: Search, batch: int) -> bytes:
    """Return a request as long as a question, which asks for an answer as long as the tuner's."""
    for _ in range(2):
        await search.ask(batch)
    asking, answer = await search.sizes_of(batch)
    return answer.to_bytes(_HEAD, "big") + bytes(asking - _HEAD)


async def _call(address: str) -> Callable[..., Awaitable[bytes]]:
    channel = grpc.aio.insecure_channel(address)
    return channel.unary_unary(_ECHO, request_serializer=bytes, response_deserializer=bytes)


def table(found: dict[int, dict[str, list[float]]]) -> str:
    """Return the table: µs a proposal, and ratios within rounds."""
    header = ["", *(f"µs, {batch} a question" for batch in BATCHES), *(f"in raw calls, {b}" for b in BATCHES)]
    rows = []
    for name in found[BATCHES[0]]:
        times = [f"{statistics.median(found[batch][name]) * 1e6:.1f}" for batch in BATCHES]
        ratios = [str(pairs.ratio(found[batch][name], found[batch][RAW])) for batch in BATCHES]
        rows.append([name, *times, *(ratios if name != RAW else ["1", "1"])])
    return pairs.table(header, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table, or be the server beside."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--proposals", type=int, default=1024, help="of a sample")
    parser.add_argument("--cpp", type=Path, help="the example in C++, built")
    parser.add_argument("--echo", metavar="ADDRESS", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        if options.echo:
            runner.run(echo(options.echo))
        with tempfile.TemporaryDirectory() as folder:
            address = f"unix:{folder}/s"
            beside = subprocess.Popen([sys.executable, __file__, "--echo", address])
            try:
                found = measured(runner, address, cpp=options.cpp, rounds=options.rounds, proposals=options.proposals)
            finally:
                beside.kill()
                beside.wait()
    sys.stdout.write(f"{pairs.machine('nascore', 'grpcio')}\n{table(found)}\n")


if __name__ == "__main__":
    main()
