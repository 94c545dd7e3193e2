"""Checkpoints by way of a server: the same bytes on every path, whatever breaks on the way."""

import asyncio
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from nascore.client import Client
from nascore.client.weights import Weights, checkpoints, offers
from nascore.client.weights.calls import WeightCalls
from nascore.errors import (
    ConflictError,
    DataLossError,
    ExhaustedResourceError,
    InvalidInputError,
    NotFoundError,
    StateError,
    UnavailableError,
)
from nascore.eventloop import loop_factory
from nascore.service.weight_server import serve_weights
from nascore.testing.proxy import Direction, ProxyThread
from nascore.weights import Direction as Better
from nascore.weights import DirectoryStore, MovedNameError, TensorData
from nascore.weights.access import WeightAccess
from nascore.weights.inheritance import Wanted

TOKEN = "a-token-of-the-tests"


def tensors(seed: int = 0, *, large: int = 300_000) -> dict[str, TensorData]:
    rng = random.Random(seed)
    return {
        "conv.weight": TensorData("F32", (large,), rng.randbytes(4 * large)),
        "conv.bias": TensorData("F32", (3,), rng.randbytes(12)),
        "scalar": TensorData("I64", (), rng.randbytes(8)),
        "empty": TensorData("F32", (0, 7), b""),
        "half": TensorData("BF16", (2, 50_000), rng.randbytes(200_000)),
        "tied": TensorData("F32", (3,), bytes(12)),
        "tied too": TensorData("F32", (3,), bytes(12)),
    }


def plain(found: dict[str, TensorData]) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    return {key: (tensor.dtype, tensor.shape, bytes(tensor.data)) for key, tensor in found.items()}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DirectoryStore]:
    store = DirectoryStore(tmp_path / "weights")
    yield store
    store.close()


@contextmanager
def serving(store: DirectoryStore, address: str = "127.0.0.1:0") -> Iterator[str]:
    """Serve a store in a thread."""
    started: list[str] = []
    is_up, is_over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with serve_weights(store, address=address, token=TOKEN, grace_s=0.1) as server:
            started.append(server.address)
            is_up.set()
            await asyncio.to_thread(is_over.wait)

    def work() -> None:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve())

    thread = threading.Thread(target=work)
    thread.start()
    assert is_up.wait(60)
    try:
        yield started[0]
    finally:
        is_over.set()
        thread.join()


@pytest.fixture
def address(store: DirectoryStore) -> Iterator[str]:
    with serving(store) as address:
        yield address


Open = Callable[..., Weights]


@pytest.fixture
def opened(address: str) -> Iterator[Open]:
    """Opens the server's weights, over the network unless told otherwise."""
    clients: list[Client] = []

    def opened(at: str = address, *, is_folder_shared: bool = False, **parts: Any) -> Weights:
        clients.append(Client(at, token=TOKEN, **{"patience_s": 60, "timeout_s": 60, **parts}))
        return Weights.of(clients[-1], experiment="e", is_folder_shared=is_folder_shared)

    yield opened
    for client in clients:
        client.close()


# --- refusals ------------------------------------------------------------------------------------------------------


def test_errors_are_those_of_a_store_in_a_folder(opened: Open, store: DirectoryStore) -> None:
    takers: list[WeightAccess] = [opened(), opened(is_folder_shared=True), store]
    known = store.put(tensors(), trial=1, experiment="e", name="best")
    for access in takers:
        with pytest.raises(NotFoundError):
            access.get("0" * 32)
        with pytest.raises(NotFoundError, match="has no tensor 'no'"):
            access.get(known, keys=["no"])
        with pytest.raises(NotFoundError):
            access.manifest("0" * 32)
        with pytest.raises(NotFoundError):
            access.reference("e", "worst")
        with pytest.raises(NotFoundError):
            access.lineage("0" * 32)
        with pytest.raises(NotFoundError):
            access.put(tensors(), trial=1, parents=["0" * 32], experiment="e")
        with pytest.raises(InvalidInputError):
            access.put({"": TensorData("F32", (), bytes(4))}, trial=1, experiment="e")
        with pytest.raises(InvalidInputError):
            access.checkpoints(limit=1001)
        with pytest.raises(MovedNameError) as caught:
            access.put(tensors(1), trial=1, experiment="e", name="best", create_only=True)
        assert caught.value.etag == store.reference("e", "best").etag


def test_memory_that_does_not_fit_its_tensor_is_refused(opened: Open) -> None:
    weights = opened()
    known = weights.put(tensors(), trial=0)
    for wrong in (bytearray(11), memoryview(bytes(12)), memoryview(bytearray(24))[::2]):
        with pytest.raises(InvalidInputError, match=r"conv\.bias"):
            weights.get(known, into={"conv.bias": wrong})


def test_full_quota_is_told_and_heals(opened: Open) -> None:
    weights = opened()
    weights.set_quota("e", 1000)
    with pytest.raises(ExhaustedResourceError, match="quota"):
        weights.put(tensors(), trial=0)
    assert weights.checkpoints().checkpoints == ()
    weights.set_quota("e", None)
    assert weights.put(tensors(), trial=0)
    assert weights.usage("e").quota is None


def test_tensor_that_is_changed_while_it_is_put_is_never_committed(opened: Open, store: DirectoryStore) -> None:
    weights = opened()
    data = bytearray(3_000_000)
    calls = weights.absent
    weights.absent = lambda blobs: (data.__setitem__(slice(0, 4), os.urandom(4)), calls(blobs))[1]  # type: ignore[method-assign]
    with pytest.raises(DataLossError):
        weights.put({"k": TensorData("U8", (3_000_000,), data)}, trial=0)
    assert store.list() == ()


def test_damaged_blob_is_data_loss_on_every_path(opened: Open, store: DirectoryStore) -> None:
    known = store.put(tensors(), trial=0)
    (file,) = (file for file in (store.folder / "blobs").rglob("*.safetensors") if file.stat().st_size > 1_000_000)
    with file.open("r+b") as damaged:
        damaged.seek(500_000)
        damaged.write(b"\x00\x01\x02\x03")
    for weights in (opened(), opened(is_folder_shared=True)):
        with pytest.raises(DataLossError):
            weights.get(known)


# --- the same on every path ----------------------------------------------------------------------------------------


def test_every_path_gives_the_same_checkpoint_and_the_same_bytes(
    opened: Open, store: DirectoryStore, tmp_path: Path
) -> None:
    elsewhere = DirectoryStore(tmp_path / "elsewhere")
    for seed in range(3):
        wanted = tensors(seed)
        facts: dict[str, Any] = {"trial": seed, "metrics": {"loss": 0.5}, "notes": {"a": [1, "b"]}}
        there = elsewhere.put(wanted, **facts)
        near, far = opened(is_folder_shared=True), opened()
        assert (near if seed % 2 else far).put(wanted, **facts) == there
        assert (far if seed % 2 else near).put(wanted, **facts) == there
        for found in (near.get(there), far.get(there), near.map(there), far.map(there), store.get(there)):
            assert plain(found) == plain(wanted)
        assert near.manifest(there) == far.manifest(there) == elsewhere.manifest(there)
    assert store.verify() == far.verify() == ()
    assert list((store.folder / "offers").iterdir()) == []


@pytest.mark.parametrize("is_folder_shared", [True, False])
def test_tensors_whose_digests_are_known_are_not_sent_again(
    opened: Open, store: DirectoryStore, *, is_folder_shared: bool
) -> None:
    weights = opened(is_folder_shared=is_folder_shared)
    wanted = tensors()
    first = weights.put(wanted, trial=0)
    digests = {entry.key: entry.digest for entry in store.manifest(first).entries if entry.key != "conv.bias"}
    # What is known is not even read, so other bytes in its place are not noticed.
    told = {key: TensorData(one.dtype, one.shape, bytes(one.size)) for key, one in wanted.items()}
    second = weights.put(told | {"conv.bias": tensors(1)["conv.bias"]}, trial=1, parents=[first], digests=digests)
    assert plain(store.get(second)) == plain(wanted | {"conv.bias": tensors(1)["conv.bias"]})


def test_digests_that_are_not_stored_any_more_are_passed_over(opened: Open, store: DirectoryStore) -> None:
    weights = opened()
    first = weights.put(tensors(), trial=0)
    digests = {entry.key: entry.digest for entry in weights.manifest(first).entries}
    store.release(first)
    store.collect(stale_after_s=0)
    second = weights.put(tensors(), trial=1, digests=digests | {"half": "0" * 64, "no such tensor": "1" * 64})
    assert plain(weights.get(second)) == plain(tensors())


def test_what_is_collected_after_it_was_found_stored_is_sent_after_all(opened: Open, store: DirectoryStore) -> None:
    weights = opened()
    first = weights.put(tensors(), trial=0)
    digests = {entry.key: entry.digest for entry in weights.manifest(first).entries}
    calls = weights.absent

    def absent(blobs: dict[str, int]) -> dict[str, int]:
        found = calls(blobs)
        if store.list():
            store.release(first)
            store.collect(stale_after_s=0)
        return found

    weights.absent = absent  # type: ignore[method-assign, assignment]
    second = weights.put(tensors(), trial=1, digests=digests)
    assert plain(weights.get(second)) == plain(tensors())


def test_same_host_puts_large_tensors_without_the_socket(address: str, store: DirectoryStore) -> None:
    with ProxyThread(address) as proxy, Client(proxy.address, token=TOKEN) as client:
        near = Weights.of(client, experiment="e")
        known = near.put(tensors(), trial=0)
        near.map(known)
        assert sum(proxy.passed.values()) < 50_000
        far = Weights.of(client, experiment="e", is_folder_shared=False)
        assert plain(far.get(known)) == plain(near.get(known))
        assert proxy.passed[Direction.TO_CLIENT] > 1_000_000


@pytest.mark.parametrize("shares", [1, 3])
def test_files_on_the_same_host_are_written_again_and_every_put_is_what_it_says(
    opened: Open, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch, shares: int
) -> None:
    monkeypatch.setattr(offers, "is_in_memory", lambda _: True)
    monkeypatch.setattr(checkpoints, "threads_for", lambda *_: shares)
    near, other = opened(is_folder_shared=True), opened(is_folder_shared=True)
    used: list[set[int]] = []
    for seed in range(6):
        wanted = {
            f"{number}": TensorData("U8", (70_000,), random.Random(9 * seed + number).randbytes(70_000))
            for number in range(7)
        }
        wanted |= tensors(seed, large=300_000 - seed % 2)
        known = (other if seed == 3 else near).put(wanted, trial=seed)
        assert plain(store.get(known)) == plain(wanted)
        used.append({file.stat().st_ino for file in (store.folder / "offers").rglob("*") if file.is_file()})
    assert used[0] < used[1] == used[2] < used[3] == used[4] == used[5]
    near.close()
    other.close()
    assert list((store.folder / "offers").iterdir()) == []
    assert store.verify() == ()


def test_a_put_knows_its_manifest_whatever_becomes_of_what_it_was_made_from(
    opened: Open, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = opened()
    notes: dict[str, Any] = {"a": [1, {"b": 2.0}], "c": "é"}
    metrics: dict[str, float] = {"loss": 1}
    parent = weights.put(tensors(1), trial=0)
    known = weights.put(tensors(), trial=1, parents=[parent], architecture="f", notes=notes, metrics=metrics)
    notes["a"].append(2)
    metrics["loss"] = 3
    monkeypatch.setattr(WeightCalls, "manifest", None)
    assert weights.manifest(known) == store.manifest(known)
    assert weights.manifest(parent) == store.manifest(parent)


def test_folder_that_is_another_one_is_not_used(opened: Open, store: DirectoryStore) -> None:
    weights = opened(is_folder_shared=True)
    place = weights._connection.unary
    nonces: list[bytes] = []

    def lying(method: str, request: Any, response: Any, **parts: Any) -> Any:
        answer = place(method, request, response, **parts)
        if method.endswith("GetPlace"):
            nonces.append(answer.nonce)
            answer.nonce = bytes(32)
        return answer

    weights._connection.unary = lying  # type: ignore[assignment]
    known = weights.put(tensors(), trial=0)
    assert plain(weights.get(known)) == plain(tensors())
    assert nonces
    assert not list((store.folder / "offers").iterdir())


def test_parts_of_a_checkpoint_come_by_key_and_prefix_into_memory_that_is_there(opened: Open) -> None:
    weights = opened()
    known = weights.put(tensors(), trial=0)
    assert set(weights.get(known, keys=["scalar"], prefix="conv")) == {"scalar", "conv.weight", "conv.bias"}
    assert set(weights.get(known, prefix="tied")) == {"tied", "tied too"}
    mine = {"conv.weight": bytearray(1_200_000), "tied too": bytearray(b"\xff" * 12), "empty": bytearray()}
    found = weights.get(known, into=mine)
    assert plain(found) == plain(tensors())
    assert bytes(mine["conv.weight"]) == tensors()["conv.weight"].data
    assert bytes(mine["tied too"]) == bytes(12)


def test_many_keys_are_asked_for_in_several_calls(opened: Open) -> None:
    weights = opened()
    many = {f"layer.{number}.{'x' * 100}": TensorData("I64", (), number.to_bytes(8, "little")) for number in range(900)}
    known = weights.put(many, trial=0)
    half = [key for number, key in enumerate(many) if number % 2]
    assert plain(weights.get(known, keys=half)) == plain({key: many[key] for key in half})


def test_manifest_too_large_for_a_message_goes_as_a_blob(opened: Open, store: DirectoryStore) -> None:
    weights = opened()
    many = {f"layer.{number}.{'x' * 60}": TensorData("U8", (), b"\7") for number in range(22_000)}
    known = weights.put(many, trial=0)
    assert len(store.manifest(known).to_bytes()) > 3 << 20
    assert len(weights.manifest(known).entries) == 22_000
    assert [one.checkpoint for one in weights.checkpoints().checkpoints] == [known]


def test_second_checkpoint_sends_only_what_changed(address: str) -> None:
    with ProxyThread(address) as proxy, Client(proxy.address, token=TOKEN) as client:
        weights = Weights.of(client, experiment="e", is_folder_shared=False)
        weights.put(tensors(), trial=0)
        before = proxy.passed[Direction.TO_TARGET]
        weights.put({**tensors(), "scalar": TensorData("I64", (), b"\1" * 8)}, trial=1)
        assert proxy.passed[Direction.TO_TARGET] - before < 20_000


# --- the other calls ------------------------------------------------------------------------------------------------


def test_lists_names_lineage_and_care_are_those_of_the_store(opened: Open, store: DirectoryStore) -> None:
    weights = opened()
    first = weights.put(tensors(), trial=0, name="best", metrics={"loss": 1.0})
    second = weights.put(tensors(1), trial=1, parents=[first], metrics={"loss": 0.5})
    third = weights.put(tensors(2), trial=1, parents=[second], experiment="f")
    page = weights.checkpoints(limit=2)
    assert page == store.checkpoints(limit=2)
    assert weights.checkpoints(after=page.after) == store.checkpoints(after=page.after)
    assert [one.checkpoint for one in weights.checkpoints(experiment="e", trial=1).checkpoints] == [second]
    assert weights.references("e") == store.references("e") == (weights.reference("e", "best"),)
    assert weights.lineage(second) == store.lineage(second)
    assert weights.lineage(third, depth=1).ancestors == store.lineage(third, depth=1).ancestors
    assert weights.usage("e") == store.usage("e")
    weights.pin(second)
    with pytest.raises(StateError):
        weights.release(second)
    with pytest.raises(MovedNameError):
        weights.unname("e", "best", if_match="another")
    weights.unname("e", "best")
    assert weights.keep_best("e", "loss", 0, direction=Better.MINIMIZE) == (first,)
    weights.pin(second, is_pinned=False)
    weights.release(second, experiment="e")
    assert weights.collect(stale_after_s=0).files > 0
    assert weights.verify() == ()
    assert [one.checkpoint for one in weights.checkpoints().checkpoints] == [third]


def test_damage_is_listed(opened: Open, store: DirectoryStore) -> None:
    known = store.put(tensors(), trial=0)
    next((store.folder / "packs").iterdir()).write_bytes(b"gone")
    assert opened().verify() == store.verify() != ()
    assert opened().verify(known) == store.verify(known)


def test_inheritance_takes_what_fits_and_says_what_does_not(opened: Open) -> None:
    weights = opened()
    wide = TensorData("F32", (4, 2), bytes(range(32)))
    first = weights.put({"stem": wide, "old": wide}, trial=0)
    other = weights.put({"head": TensorData("F32", (2,), bytes(8))}, trial=1)
    wanted = [
        Wanted("stem", "F32", (4, 2)),
        Wanted("new", "F32", (2, 2)),
        Wanted("head", "F32", (2,)),
        Wanted("none", "F32", (9,)),
    ]
    rules = '{"prefixes": {"new": "old"}, "slices": [{"keys": "new", "axes": ["leading"]}]}'
    made = weights.inherit([first, other], wanted, trial=2, experiment="e", rules_json=rules, request_id="i")
    assert [(one.parent, one.reason) for one in made.origins[:3]] == [
        (first, "exact"),
        (first, "slice"),
        (other, "exact"),
    ]
    assert made.origins[3].parent == ""
    assert "no tensor" in made.origins[3].reason
    found = weights.get(made.checkpoint)
    assert {key: bytes(tensor.data) for key, tensor in found.items()} == {
        "stem": bytes(range(32)),
        "new": bytes(range(16)),
        "head": bytes(8),
    }
    assert weights.manifest(made.checkpoint).parents == (first, other)
    assert weights.inherit([first, other], wanted, trial=2, experiment="e", rules_json=rules, request_id="i") == made
    nothing = weights.inherit([first], [Wanted("none", "F32", (9,))], trial=3, experiment="e")
    assert nothing.checkpoint == ""


# --- what breaks on the way ------------------------------------------------------------------------------------------


def test_put_and_get_go_on_after_a_break(address: str, store: DirectoryStore) -> None:
    wanted = tensors(large=2_000_000)
    with ProxyThread(address) as proxy, Client(proxy.address, token=TOKEN, patience_s=60) as client:
        weights = Weights.of(client, experiment="e", is_folder_shared=False, is_direct=False)
        proxy.truncate(3_000_000)
        with restored(proxy):
            known = weights.put(wanted, trial=0)
        proxy.truncate(3_000_000)
        with restored(proxy):
            assert plain(weights.get(known)) == plain(wanted)
        assert proxy.accepted > 2
    assert plain(store.get(known)) == plain(wanted)


@contextmanager
def restored(proxy: ProxyThread) -> Iterator[None]:
    """Mend a proxy once a few connections through it have broken."""
    is_over = threading.Event()
    begun = proxy.accepted

    def mend() -> None:
        while proxy.accepted < begun + 3 and not is_over.wait(0.01):
            pass
        proxy.restore()

    thread = threading.Thread(target=mend)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_download_is_resumed_and_not_begun_anew(address: str, opened: Open) -> None:
    wanted = tensors(large=2_000_000)
    known = opened().put(wanted, trial=0)
    with ProxyThread(address) as proxy, Client(proxy.address, token=TOKEN, patience_s=60) as client:
        weights = Weights.of(client, experiment="e", is_folder_shared=False, is_direct=False)
        weights.manifest(known)
        proxy.truncate(5_000_000, directions=[Direction.TO_CLIENT])
        assert plain(weights.get(known)) == plain(wanted)  # Nobody mends it, so only who goes on comes to an end.


def test_server_that_comes_back_is_found_again(store: DirectoryStore, tmp_path: Path) -> None:
    place = f"unix:{tmp_path}/s"
    with Client(place, token=TOKEN, patience_s=60) as client:
        weights = Weights.of(client, experiment="e", is_folder_shared=False)
        with serving(store, place):
            known = weights.put(tensors(), trial=0, request_id="r")
        found: list[dict[str, TensorData]] = []
        thread = threading.Thread(target=lambda: found.append(weights.get(known)))
        thread.start()
        with serving(store, place):
            thread.join()
            assert weights.put(tensors(), trial=0, request_id="r") == known
            with pytest.raises(ConflictError):
                weights.put(tensors(1), trial=0, request_id="r")
        assert plain(found[0]) == plain(tensors())
        assert len(store.list()) == 1


def test_server_that_is_gone_is_told_once_patience_is_over(opened: Open) -> None:
    weights = opened("127.0.0.1:1", patience_s=0)
    with pytest.raises(UnavailableError):
        weights.put(tensors(), trial=0)
    with pytest.raises(UnavailableError):
        weights.get("0" * 32)
