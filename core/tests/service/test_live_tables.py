"""Live tables over a real server: pushes whole or not at all, once, bounded; snapshots to begin a later life with."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from nascore.client.live_table import LiveTable, array_taker
from nascore.client.live_tables import LiveTableCalls
from nascore.errors import (
    ConflictError,
    DataLossError,
    DeadlineError,
    ExhaustedResourceError,
    InvalidInputError,
    NotFoundError,
    UnsupportedError,
)
from nascore.service.live_tables import LiveTables
from nascore.v1 import weights_pb2
from nascore.weights import DirectoryStore
from nascore.weights.live import Late, Memory, Rule, Share, Slot, Tables, Terms, from_bf16
from nascore.weights.live.wire import PUSH_DATA, checksum, framed

SLOTS = (Slot("small", "F32", (3,)), Slot("large", "F32", (700_000,)))
PUSH = "/nascore.v1.WeightService/Push"


@pytest.fixture
def scene(serve, connect, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A server of weights, and the calls of one client."""
    store = DirectoryStore(tmp_path / "weights")
    address = serve(None, weights=store)
    client = connect(address)
    yield SimpleNamespace(store=store, address=address, client=client, calls=LiveTableCalls(client.connection))
    client.close()


def arrays(value, slots=SLOTS):
    return [np.full(slot.shape, value, np.float32) for slot in slots]


def shares(values, *, rule=None, only=None):
    return [
        Share(index, array.view(np.uint8).data, rule)
        for index, array in enumerate(values)
        if only is None or index in only
    ]


def pulled(calls, *, since=0, tensors=(), slots=SLOTS):
    found = arrays(-1.0, slots)
    version = calls.pull("e", "t", array_taker(found), since=since, tensors=tensors)
    return version, found


def opened(calls, **terms):
    return calls.open("e", "t", slots=SLOTS, terms=Terms(**terms))


def raw_push(scene, *messages):
    return scene.client.connection.gather(PUSH, messages, weights_pb2.PushResponse, timeout_s=20)


def first(**parts):
    return weights_pb2.PushRequest(**{"experiment": "e", "table": "t", "worker": "w", "request_id": "r", **parts})


def piece(tensor, offset, data, *, crc=None):
    message = weights_pb2.PushRequest(tensor=tensor, offset=offset, crc32c=checksum(data) if crc is None else crc)
    return framed(message, PUSH_DATA, data)


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([], InvalidInputError),
        ([b"\xff"], InvalidInputError),
        ([first(table="other", size=12).SerializeToString()], NotFoundError),
        ([first(request_id="", size=12).SerializeToString()], InvalidInputError),
        ([first(size=2**62).SerializeToString()], InvalidInputError),
        ([first(size=12).SerializeToString()], InvalidInputError),
        ([first(size=12).SerializeToString(), piece(0, 0, bytes(8))], InvalidInputError),
        ([first(size=12).SerializeToString(), piece(0, 0, bytes(12), crc=1)], DataLossError),
        ([first(size=12).SerializeToString(), piece(9, 0, bytes(12))], InvalidInputError),
        ([first(size=12, base_version=7).SerializeToString(), piece(0, 0, bytes(12))], NotFoundError),
        ([first(size=12).SerializeToString(), b"\x52\x7f"], InvalidInputError),
    ],
)
def test_a_push_that_is_none_is_refused_and_changes_nothing(scene, messages, error):
    version = opened(scene.calls).version
    with pytest.raises(error):
        raw_push(scene, *messages)
    assert pulled(scene.calls)[0] == version


def test_a_push_of_plain_protobuf_is_taken(scene):
    opened(scene.calls)
    data = np.ones(3, np.float32).tobytes()
    whole = first(size=12, tensor=0, crc32c=checksum(data), data=data)
    assert raw_push(scene, whole.SerializeToString()).scale == 1.0
    assert pulled(scene.calls)[1][0].tolist() == [1.0] * 3


def test_what_was_pushed_comes_back(scene):
    found = opened(scene.calls)
    assert (found.is_new, found.is_blank) == (True, True)
    assert not opened(scene.calls).is_new
    rng = np.random.default_rng(1)
    values = [rng.standard_normal(slot.shape, dtype=np.float32) for slot in SLOTS]
    scene.calls.push("e", "t", shares(values, rule=Rule.ASSIGN), worker="w", base_version=found.version)
    applied = scene.calls.push("e", "t", shares(values), worker="w", base_version=found.version)
    assert (applied.version, applied.lag, applied.scale) == (found.version + 2, 1, 1.0)
    version, back = pulled(scene.calls)
    assert version == applied.version
    assert all((mine == 2 * its).all() for mine, its in zip(back, values, strict=True))
    assert not opened(scene.calls).is_blank


def test_only_what_changed_is_pulled(scene):
    version = opened(scene.calls).version
    applied = scene.calls.push("e", "t", shares(arrays(1.0), only=[0]), worker="w", base_version=version)
    later, found = pulled(scene.calls, since=version)
    assert later == applied.version
    assert (found[0] == 1.0).all()
    assert (found[1] == -1.0).all()
    assert (pulled(scene.calls, tensors=[1])[1][0] == -1.0).all()


def test_weights_can_be_pulled_as_bfloat16(scene):
    version = opened(scene.calls).version
    values = arrays(1.0)
    values[1][:] = np.linspace(-3, 3, len(values[1]))
    scene.calls.push("e", "t", shares(values), worker="w", base_version=version)
    found = [np.zeros(slot.shape, np.uint16) for slot in SLOTS]
    scene.calls.pull("e", "t", array_taker(found), as_bf16=True)
    assert np.allclose(from_bf16(found[1]), values[1], rtol=2**-8, atol=0)
    scene.calls.open("e", "wide", slots=[Slot("w", "F64", (1,))], terms=Terms())
    with pytest.raises(UnsupportedError):
        scene.calls.pull("e", "wide", array_taker(found), as_bf16=True)


def test_the_head_of_a_pull_names_the_tensors(scene):
    opened(scene.calls)
    request = weights_pb2.PullRequest(experiment="e", table="t")
    raw = list(scene.client.connection.pieces("/nascore.v1.WeightService/Pull", request))
    head = weights_pb2.PullResponse.FromString(raw[0])
    assert [(spec.key, list(spec.shape)) for spec in head.tensors] == [("small", [3]), ("large", [700_000])]
    assert max(map(len, raw)) < 2 * 2**20 + 100


def test_a_late_push_is_dropped_and_says_so(scene):
    base = opened(scene.calls, max_lag=0, late=Late.DROP).version
    scene.calls.push("e", "t", shares(arrays(1.0)), worker="a", base_version=base)
    late = scene.calls.push("e", "t", shares(arrays(1.0)), worker="b", base_version=base)
    assert (late.lag, late.scale) == (1, 0.0)
    assert pulled(scene.calls)[1][0].tolist() == [1.0] * 3


def test_a_push_under_the_same_id_counts_once(scene):
    base = opened(scene.calls).version
    answers = [
        scene.calls.push("e", "t", shares(arrays(1.0)), worker="a", base_version=base, request_id="same")
        for _ in range(3)
    ]
    assert len(set(answers)) == 1
    assert pulled(scene.calls)[1][0].tolist() == [1.0] * 3


def test_a_push_that_breaks_off_changes_nothing(scene):
    opened(scene.calls)
    is_sent, may_go_on = threading.Event(), threading.Event()

    def messages():
        yield first(size=12 + 2_800_000).SerializeToString()
        yield piece(0, 0, np.ones(3, np.float32).tobytes())
        yield piece(1, 0, np.ones(500_000, np.float32).tobytes())
        is_sent.set()
        may_go_on.wait(60)

    channel = grpc.insecure_channel(scene.address)
    call = channel.stream_unary(PUSH).future(messages(), metadata=scene.client.connection.headers)
    assert is_sent.wait(60)
    call.cancel()
    may_go_on.set()
    channel.close()
    assert pulled(scene.calls)[1][0].tolist() == [0.0] * 3
    assert (pulled(scene.calls)[1][1] == 0.0).all()


def test_workers_that_push_at_once_add_up(scene, connect):
    base = opened(scene.calls).version
    delta = arrays(0.5)

    def work(number):
        calls = LiveTableCalls(connect(scene.address).connection)
        for _ in range(5):
            calls.push("e", "t", shares(delta), worker=f"w{number}", base_version=base)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    version, found = pulled(scene.calls)
    assert version == base + 20
    assert all((array == 10.0).all() for array in found)


def test_who_means_another_table_is_told(scene):
    opened(scene.calls)
    with pytest.raises(ConflictError):
        scene.calls.open("e", "t", slots=SLOTS[:1], terms=Terms())
    with pytest.raises(ConflictError):
        opened(scene.calls, max_lag=4)


def test_a_table_that_is_too_large_is_refused(scene):
    with pytest.raises(ExhaustedResourceError):
        scene.calls.open("e", "t", slots=[Slot("w", "F64", (2**40,))], terms=Terms())


def test_a_dropped_table_is_gone(scene):
    base = opened(scene.calls).version
    scene.calls.drop("e", "t")
    scene.calls.drop("e", "t")
    with pytest.raises(NotFoundError):
        pulled(scene.calls, since=base)
    opened(scene.calls)
    with pytest.raises(NotFoundError, match="another life"):
        pulled(scene.calls, since=base)


def test_a_snapshot_is_a_checkpoint_that_another_table_begins_with(scene):
    base = opened(scene.calls).version
    scene.calls.push("e", "t", shares(arrays(3.0)), worker="w", base_version=base)
    made = scene.calls.snapshot("e", "t", trial=4, notes={"epoch": 1}, name="live/t", request_id="s")
    scene.calls.push("e", "t", shares(arrays(1.0)), worker="w", base_version=base)
    assert scene.calls.snapshot("e", "t", trial=4, notes={"epoch": 1}, name="live/t", request_id="s") == made
    manifest = scene.store.manifest(made.checkpoint)
    assert (manifest.trial, manifest.notes["epoch"], manifest.notes["version"]) == (4, 1, str(base + 1))
    assert scene.calls.last_snapshot("e", "live/t") == made.checkpoint
    assert scene.calls.last_snapshot("e", "other") == ""
    scene.calls.drop("e", "t")
    again = scene.calls.open("e", "t", slots=(), terms=Terms(), checkpoint=made.checkpoint)
    assert (again.is_new, again.is_blank) == (True, False)
    assert pulled(scene.calls)[1][0].tolist() == [3.0] * 3
    with pytest.raises(NotFoundError):
        scene.calls.open("e", "x", slots=(), terms=Terms(), checkpoint="0" * 32)


@pytest.mark.parametrize("notes", ["[1]", "{", '{"a": NaN}', "{}" + " " * 70_000])
def test_notes_that_are_none_are_refused(scene, notes):
    opened(scene.calls)
    request = weights_pb2.SnapshotTableRequest(experiment="e", table="t", notes_json=notes)
    with pytest.raises(InvalidInputError):
        scene.client.connection.unary(
            "/nascore.v1.WeightService/SnapshotTable", request, weights_pb2.SnapshotTableResponse
        )


def test_snapshots_are_of_one_version_while_pushes_go_on(scene, connect):
    base = opened(scene.calls).version
    is_over = threading.Event()

    def work():
        calls = LiveTableCalls(connect(scene.address).connection)
        while not is_over.is_set():
            calls.push("e", "t", shares(arrays(1.0)), worker="w", base_version=base)

    thread = threading.Thread(target=work)
    thread.start()
    made = [scene.calls.snapshot("e", "t") for _ in range(4)]
    is_over.set()
    thread.join()
    for snapshot in made:
        values = {np.frombuffer(t.data, np.float32)[0] for t in scene.store.get(snapshot.checkpoint).values()}
        assert values == {float(snapshot.version - base)}


async def test_a_push_that_says_nothing_is_given_up_and_its_memory_given_back(tmp_path):
    tables = Tables(Memory(10**8))
    tables.open("e", "t", slots=SLOTS, terms=Terms())
    alone = tables.memory.taken()
    live = LiveTables(tables, DirectoryStore(tmp_path), idle_s=0.05)

    async def silent():
        yield first(size=12).SerializeToString()
        assert tables.memory.taken() == alone + 12
        await asyncio.Event().wait()

    with pytest.raises(DeadlineError):
        await live.push(silent())
    assert tables.memory.taken() == alone


async def test_pushes_beyond_the_memory_are_refused_until_there_is_room(tmp_path):
    tables = Tables(Memory(sum(slot.size + 1024 for slot in SLOTS) + 12))
    tables.open("e", "t", slots=SLOTS, terms=Terms())
    live = LiveTables(tables, DirectoryStore(tmp_path))

    async def messages(size, *pieces):
        yield first(size=size, request_id=f"r{size}").SerializeToString()
        for raw in pieces:
            yield raw

    with pytest.raises(ExhaustedResourceError):
        await live.push(messages(13))
    assert (await live.push(messages(12, piece(0, 0, bytes(12))))).scale == 1.0


def test_workers_of_a_lost_table_begin_with_its_last_snapshot(scene):
    def worker(name):
        return LiveTable(scene.calls, "e", "t", worker=name, slots=SLOTS, terms=Terms())

    one, two = worker("one"), worker("two")
    found = arrays(-1.0)
    one.open(lambda: shares(arrays(1.0)))
    two.open(lambda: shares(arrays(9.0)))
    one.pull(array_taker(found))
    two.pull(array_taker(found))
    assert (found[1] == 1.0).all()
    one.push(shares(arrays(0.5)))
    one.snapshot()
    two.push(shares(arrays(7.0)))
    scene.calls.drop("e", "t")  # As after a restart.
    with pytest.raises(NotFoundError):
        one.push(shares(arrays(1.0)))
    one.open(lambda: pytest.fail("there is a snapshot"))
    with pytest.raises(NotFoundError):
        two.pull(array_taker(found))
    two.open(lambda: pytest.fail("it is open again"))
    two.pull(array_taker(found))
    assert (found[0] == 1.5).all()
    assert (found[1] == 1.5).all()


def test_of_workers_that_find_a_blank_table_one_begins_it(scene, connect):
    barrier = threading.Barrier(4)
    seen = []

    def work(number):
        table = LiveTable(
            LiveTableCalls(connect(scene.address).connection), "e", "t", worker="w", slots=SLOTS, terms=Terms()
        )
        barrier.wait()
        table.open(lambda: shares(arrays(float(number + 1))))
        found = arrays(-1.0)
        table.pull(array_taker(found))
        seen.append((found[0][0], found[1][-1]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert len(set(seen)) == 1
    assert seen[0][0] == seen[0][1] > 0


def test_without_a_token_nothing_is_pushed(scene):
    with grpc.insecure_channel(scene.address) as channel, pytest.raises(grpc.RpcError) as refused:
        channel.stream_unary(PUSH)(iter([first(size=12).SerializeToString()]))
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
