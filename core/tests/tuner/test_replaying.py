"""A long replay over a socket: batches come in order and one at a time, the next made while the tuner works on one."""

import asyncio

import grpc
import pytest
from nascore.errors import TunerCrashedError
from nascore.record import Asked, Outcome, OutcomeStatus, Proposal, Told
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner.batches import MAX_EVENTS
from nascore.tuner.remote import RemoteTuner
from nascore.tuner.servicer import SERVICE
from nascore.v1 import tuner_pb2


class Tuner:
    """Takes replays; notes the numbers of each batch, and whether two ever came at the same time."""

    def __init__(self, fails_at=None):
        self.batches = []
        self.is_busy = False
        self.overlapped = False
        self.fails_at = fails_at

    async def replay(self, request, context):
        self.overlapped = self.overlapped or self.is_busy
        self.is_busy = True
        await asyncio.sleep(0)
        numbers = [getattr(event, event.WhichOneof("kind")).proposal.number for event in request.events]
        self.batches.append(numbers)
        self.is_busy = False
        if len(self.batches) - 1 == self.fails_at:
            await context.abort(grpc.StatusCode.INTERNAL, "it broke")
        seqs = [event.told.seq for event in request.events if event.HasField("told")]
        return tuner_pb2.ReplayResponse(diverged=[numbers[0]], told_through=max(seqs, default=0))


@pytest.fixture
async def serve(tmp_path):
    servers, clients = [], []

    async def start(tuner):
        server = grpc.aio.server()
        handler = grpc.unary_unary_rpc_method_handler(
            tuner.replay,
            request_deserializer=tuner_pb2.ReplayRequest.FromString,
            response_serializer=tuner_pb2.ReplayResponse.SerializeToString,
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Replay": handler}),))
        server.add_insecure_port(f"unix:{tmp_path}/t")
        await server.start()
        servers.append(server)
        clients.append(RemoteTuner(f"unix:{tmp_path}/t"))
        return clients[-1]

    yield start
    for client in clients:
        await client.disconnect()
    for server in servers:
        await server.stop(None)


def events(count):
    architecture = KNOWN_SPACES["flat28"].default()
    proposals = [Proposal(number, architecture) for number in range(count)]
    outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5})
    return [
        event
        for proposal in proposals
        for event in (Asked(proposal, 1), Told(proposal.number * 2 + 2, proposal, outcome))
    ]


async def test_batches_are_replayed_in_order_and_one_at_a_time(serve):
    tuner = Tuner()
    remote = await serve(tuner)
    diverged = await remote.replay(events(2 * MAX_EVENTS))
    flat = [number for batch in tuner.batches for number in batch]
    assert flat == [number for number in range(2 * MAX_EVENTS) for _ in range(2)]
    assert len(tuner.batches) == 4
    assert diverged == tuple(batch[0] for batch in tuner.batches)
    assert not tuner.overlapped
    assert remote._told_through == 4 * MAX_EVENTS


async def test_nothing_is_sent_after_a_batch_that_failed(serve):
    tuner = Tuner(fails_at=1)
    remote = await serve(tuner)
    with pytest.raises(TunerCrashedError, match="it broke"):
        await remote.replay(events(2 * MAX_EVENTS))
    assert len(tuner.batches) == 2


async def test_replay_of_nothing_calls_nobody(serve):
    tuner = Tuner()
    assert await (await serve(tuner)).replay([]) == ()
    assert tuner.batches == []
