"""Many workers on one event loop: they lease and finish trials that cost nothing, and time their calls.

Not here: what is made of it (``benchmarks/load.py``). Calls carry raw bytes; a request is a constant part with the few
fields that change put behind it, which protobuf reads as one message.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import grpc
import http2
import scene
import uvloop
from nascore.client import parse_address
from nascore.v1 import trial_pb2, tuner_pb2

LEASE = "/nascore.v1.TrialService/LeaseTrial"
FINISH = "/nascore.v1.TrialService/FinishTrial"
WORK = "/nascore.v1.TrialService/Work"
WAIT_S = 20.0

Call = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the workers do.

    Attributes:
        workers: How many there are.
        seconds: How long they are watched.
        warm_up_s: How long they work before that.
        is_fused: Whether they finish and lease in one call (closed load).
        rate: Calls a second of an open load; 0 for a closed one.
        run: Makes names and request ids those of this run.
        first: Number of the first worker.
        workers_a_line: How many share a connection; real ones do not.
        is_grpc: Whether a real gRPC client makes the calls.
        is_unary: Whether each request is a call; on a stream for each worker otherwise, as the SDK's are.
    """

    workers: int
    seconds: float
    warm_up_s: float = 0.5
    is_fused: bool = True
    rate: float = 0.0
    run: str = "0"
    first: int = 0
    workers_a_line: int = 1
    is_grpc: bool = False
    is_unary: bool = False

    def part(self, index: int, parts: int) -> Plan:
        """Return the plan of one of several processes."""
        first, end = self.workers * index // parts, self.workers * (index + 1) // parts
        return replace(self, workers=end - first, rate=self.rate / parts, first=self.first + first)


@dataclass(slots=True)
class Tally:
    """What workers counted: finished trials and delays in seconds by kind of call, both without the warm-up."""

    trials: int = 0
    acknowledged: int = 0
    lasted_s: float = 0.0
    delays: dict[str, list[float]] = field(default_factory=lambda: {"ask": [], "tell": [], "tell+ask": []})


@dataclass(slots=True)
class Worker:
    """A worker, and the trial that it holds."""

    lease_call: Call
    finish_call: Call
    name: str
    lease_start: bytes
    finish_start: bytes
    finish_next_start: bytes
    turn: int = 0
    trial: int = -1
    epoch: int = 0

    async def lease(self) -> None:
        """Ask for a trial."""
        self.turn += 1
        varying = trial_pb2.LeaseTrialRequest(request_id=f"{self.name}-{self.turn}")
        answer = await self.lease_call(self.lease_start + varying.SerializeToString())
        self._take(trial_pb2.LeaseTrialResponse.FromString(answer))

    async def finish(self) -> None:
        """Finish the trial."""
        await self.finish_call(self.finish_start + self._finishing())
        self.trial = -1

    async def finish_and_lease(self) -> None:
        """Finish the trial and ask for the next in one call."""
        answer = await self.finish_call(self.finish_next_start + self._finishing())
        self._take(trial_pb2.FinishTrialResponse.FromString(answer).next)

    def _finishing(self) -> bytes:
        self.turn += 1
        name = f"{self.name}-{self.turn}"
        return trial_pb2.FinishTrialRequest(trial=self.trial, epoch=self.epoch, request_id=name).SerializeToString()

    def _take(self, answer: trial_pb2.LeaseTrialResponse) -> None:
        if answer.status != trial_pb2.LEASE_STATUS_GRANTED:
            raise http2.CallError(f"A worker was given no trial: {answer}")
        self.trial, self.epoch = answer.lease.trial, answer.lease.epoch


def run(place: scene.Place, plan: Plan) -> Tally:
    """Let the workers work, and return what they counted."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(place, plan))


async def _run(place: scene.Place, plan: Plan) -> Tally:
    open_lines = _grpc_lines if plan.is_grpc else _http2_lines if plan.is_unary else _stream_lines
    if plan.workers_a_line > 1 and open_lines is _stream_lines:
        raise SystemExit("Workers that share a connection make calls: give --calls.")
    tally = Tally()
    async with open_lines(place, -(-plan.workers // plan.workers_a_line)) as lines:
        workers = [
            _worker(place.experiment, f"{plan.run}-{plan.first + index}", *lines[index // plan.workers_a_line])
            for index in range(plan.workers)
        ]
        begun = time.perf_counter()
        await (_open(workers, plan, tally) if plan.rate else _closed(workers, plan, tally))
        tally.lasted_s = time.perf_counter() - begun
    return tally


@asynccontextmanager
async def _http2_lines(place: scene.Place, count: int) -> AsyncIterator[list[tuple[Call, Call]]]:
    heads = [http2.header_block(method, place.token) for method in (LEASE, FINISH)]
    connections = [await http2.Connection.connect(parse_address(place.address)) for _ in range(count)]
    try:
        yield [(partial(one.call, heads[0]), partial(one.call, heads[1])) for one in connections]
    finally:
        for one in connections:
            one.close()


@asynccontextmanager
async def _stream_lines(place: scene.Place, count: int) -> AsyncIterator[list[tuple[Call, Call]]]:
    head = http2.header_block(WORK, place.token)
    connections = [await http2.Connection.connect(parse_address(place.address)) for _ in range(count)]
    try:
        streams = [(one, one.begin(head)) for one in connections]
        yield [(_talking(one, stream, "lease_trial"), _talking(one, stream, "finish_trial")) for one, stream in streams]
    finally:
        for one in connections:
            one.close()


def _talking(connection: http2.Connection, stream: int, kind: str) -> Call:
    tag = trial_pb2.WorkRequest.DESCRIPTOR.fields_by_name[kind].number << 3 | 2
    assert tag == trial_pb2.WorkResponse.DESCRIPTOR.fields_by_name[kind].number << 3 | 2

    async def call(request: bytes) -> bytes:
        answer = await connection.exchange(stream, bytes([tag]) + _length(len(request)) + request)
        if not answer or answer[0] != tag:
            raise http2.CallError(f"The server answered {trial_pb2.WorkResponse.FromString(answer)}")
        place = 1
        while answer[place] & 0x80:
            place += 1
        return answer[place + 1 :]

    return call


def _length(size: int) -> bytes:
    """Return a length as a varint."""
    found = bytearray()
    while size > 0x7F:
        found.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((*found, size))


@asynccontextmanager
async def _grpc_lines(place: scene.Place, count: int) -> AsyncIterator[list[tuple[Call, Call]]]:
    target = parse_address(place.address).target
    metadata = (("authorization", f"Bearer {place.token}"),)
    options = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))
    channels = [grpc.aio.insecure_channel(target, options) for _ in range(count)]
    try:
        yield [(_calling(one, LEASE, metadata), _calling(one, FINISH, metadata)) for one in channels]
    finally:
        for one in channels:
            await one.close()


def _calling(channel: grpc.aio.Channel, method: str, metadata: tuple[tuple[str, str], ...]) -> Call:
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    return lambda request: call(request, metadata=metadata, timeout=60.0)


def _worker(experiment: str, name: str, lease: Call, finish: Call) -> Worker:
    outcome = tuner_pb2.Outcome(
        status=tuner_pb2.OUTCOME_STATUS_COMPLETED, metrics=[tuner_pb2.Metric(name="accuracy", value=0.5)]
    )
    leasing = trial_pb2.LeaseTrialRequest(experiment=experiment, worker=name, max_wait_s=WAIT_S)
    finishing = trial_pb2.FinishTrialRequest(experiment=experiment, worker=name, outcome=outcome)
    fused = trial_pb2.FinishTrialRequest(wants_next=True, next_wait_s=WAIT_S)
    start = finishing.SerializeToString()
    return Worker(lease, finish, name, leasing.SerializeToString(), start, start + fused.SerializeToString())


async def _closed(workers: list[Worker], plan: Plan, tally: Tally) -> None:
    begun = time.perf_counter() + plan.warm_up_s
    window = (begun, begun + plan.seconds)
    work = _fused if plan.is_fused else _separate
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(work(worker, window, tally))


async def _fused(worker: Worker, window: tuple[float, float], tally: Tally) -> None:
    await worker.lease()
    while True:
        due = time.perf_counter()
        if due >= window[1]:
            break
        await worker.finish_and_lease()
        tally.acknowledged += 1
        now = time.perf_counter()
        if window[0] <= now < window[1]:
            tally.trials += 1
            tally.delays["tell+ask"].append(now - due)
    await worker.finish()
    tally.acknowledged += 1


async def _separate(worker: Worker, window: tuple[float, float], tally: Tally) -> None:
    while time.perf_counter() < window[1]:
        await _timed_turn(worker, time.perf_counter(), window, tally)
    if worker.trial >= 0:
        await _timed_turn(worker, time.perf_counter(), window, tally)


async def _timed_turn(worker: Worker, due: float, window: tuple[float, float], tally: Tally) -> None:
    """Lease or finish, whichever is the worker's turn; the delay counts from when the call was due."""
    kind = "ask" if worker.trial < 0 else "tell"
    await (worker.lease() if kind == "ask" else worker.finish())
    now = time.perf_counter()
    is_counted = window[0] <= due < window[1]
    if kind == "tell":
        tally.acknowledged += 1
        tally.trials += is_counted
    if is_counted:
        tally.delays[kind].append(now - due)


async def _open(workers: list[Worker], plan: Plan, tally: Tally) -> None:
    """Let calls be due at random moments, workers in turn; one that is behind makes its calls as soon as it can."""
    rng = random.Random(plan.run)
    locks = [asyncio.Lock() for _ in workers]
    start = time.perf_counter()
    window = (start + plan.warm_up_s, start + plan.warm_up_s + plan.seconds)

    async def turn(index: int, due: float) -> None:
        async with locks[index]:
            await _timed_turn(workers[index], due, window, tally)

    async with asyncio.TaskGroup() as group:
        due, number = start, 0
        while (due := due + rng.expovariate(plan.rate)) < window[1]:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(turn(number % len(workers), due))
            number += 1
    for worker in workers:
        if worker.trial >= 0:
            await worker.finish()
            tally.acknowledged += 1
