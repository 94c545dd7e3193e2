"""What every store promises; a backend that is added to the fixture has to keep all of it."""

import os
import struct
import threading
import time
from contextlib import closing

import pytest
from blake3 import blake3
from nascore.errors import (
    ConflictError,
    DataLossError,
    ExhaustedResourceError,
    InvalidInputError,
    NotFoundError,
    StateError,
)
from nascore.weights import (
    Direction,
    Entry,
    Manifest,
    MissingBlobsError,
    MovedNameError,
    TensorData,
    blob_header,
)


@pytest.fixture(params=["directory", "memory", "file", pytest.param("s3", marks=pytest.mark.slow)])
def store(request, tmp_path):
    with closing(request.getfixturevalue("make_store")(request.param, tmp_path / "weights")) as made:
        yield made


def tensor(value, count=4):
    return TensorData("F32", (count,), struct.pack("<f", value) * count)


def blob(data):
    content = blob_header(data.dtype, data.shape) + bytes(data.data)
    return blake3(content).hexdigest(), content


def manifest(tensors, *, trial=0, **story):
    rows = [Entry(key, data.dtype, data.shape, blob(data)[0], data.size) for key, data in tensors.items()]
    return Manifest(trial, tuple(rows), **story)


def upload(store, data):
    digest, content = blob(data)
    with store.upload(digest, len(content)) as writer:
        writer.write(writer.offset, content[writer.offset :])
        writer.finish()
    return digest


def committed(store, tensors, *, experiment="e", name="", **story):
    for data in tensors.values():
        upload(store, data)
    return store.commit(manifest(tensors, **story), experiment=experiment, name=name).checkpoint


SMALL, LARGE = tensor(1), tensor(2, 40_000)


# --- uploads ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", "\0" * 64])
def test_a_digest_that_is_none_is_refused(store, digest, tmp_path):
    with pytest.raises(InvalidInputError, match="digest"):
        store.upload(digest, 100)
    assert not any(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("size", [-1, 0, 8, 2**41, True, 2.5])
def test_a_size_that_is_none_is_refused(store, size):
    with pytest.raises(InvalidInputError, match="size"):
        store.upload("0" * 64, size)


def test_an_upload_larger_than_the_disk_is_refused_before_it_begins(store):
    with pytest.raises(ExhaustedResourceError):
        store.upload("0" * 64, 2**40)


def test_an_upload_goes_on_where_it_ended(store):
    digest, content = blob(LARGE)
    with store.upload(digest, len(content)) as writer:
        writer.write(0, content[:1000])
    with store.upload(digest, len(content)) as writer:
        assert writer.offset == 1000
        writer.write(1000, content[1000:])
        writer.finish()
    assert store.present([digest]) == {digest}
    assert store.upload(digest, len(content)).offset == len(content)


def test_bytes_that_do_not_follow_are_refused_and_what_is_staged_stays(store):
    digest, content = blob(LARGE)
    with store.upload(digest, len(content)) as writer:
        writer.write(0, content[:10])
        for offset in (0, 9, 11):
            with pytest.raises(StateError, match="10"):
                writer.write(offset, b"x")
        with pytest.raises(InvalidInputError):
            writer.write(10, content)
        with pytest.raises(StateError, match="still to come"):
            writer.finish()
        assert writer.offset == 10


def test_wrong_bytes_are_data_loss_and_the_upload_begins_anew(store):
    digest, content = blob(LARGE)
    with store.upload(digest, len(content)) as writer:
        writer.write(0, content[:-1] + b"!")
        with pytest.raises(DataLossError):
            writer.finish()
    assert store.present([digest]) == set()
    assert upload(store, LARGE) == digest


def test_an_aborted_upload_is_gone(store):
    digest, content = blob(LARGE)
    with store.upload(digest, len(content)) as writer:
        writer.write(0, content[:10])
        writer.abort()
    assert store.upload(digest, len(content)).offset == 0


@pytest.mark.parametrize(
    "content",
    [
        b"x" * 100,
        (2**63).to_bytes(8, "little") + b"{}",
        blob_header("U8", (4,)).replace(b"tensor", b"tensos") + b"1234",
        blob_header("U8", (4,)) + b"12345",
        (100).to_bytes(8, "little") + blob_header("U8", (4,))[8:].ljust(100) + b"1234",
    ],
)
def test_proven_bytes_that_are_no_blob_are_refused(store, content):
    digest = blake3(content).hexdigest()
    with store.upload(digest, len(content)) as writer:
        writer.write(0, content)
        with pytest.raises(InvalidInputError):
            writer.finish()
    assert store.present([digest]) == set()


def test_two_uploads_of_one_blob_do_not_disturb_each_other(store):
    digest, content = blob(LARGE)
    with store.upload(digest, len(content)) as first, store.upload(digest, len(content)) as second:
        first.write(0, content[:10])
        second.write(0, content)
        second.finish()
        first.write(10, content[10:])
        first.finish()
    assert store.present([digest]) == {digest}


# --- commits ----------------------------------------------------------------------------------------------------------


def test_what_is_uploaded_and_committed_comes_back(store):
    checkpoint = committed(store, {"a": SMALL, "b": LARGE, "c": SMALL}, trial=3)
    assert store.manifest(checkpoint).trial == 3
    for data in (SMALL, LARGE):
        digest, content = blob(data)
        with store.open_blob(digest) as reader:
            assert reader.size == len(content)
            buffer = bytearray(reader.size + 10)
            assert reader.read_into(0, buffer) == reader.size
            assert buffer[: reader.size] == content
            assert reader.read_into(reader.size - 3, buffer) == 3
            assert reader.read_into(5, memoryview(buffer)[:7]) == 7
            assert buffer[:7] == content[5:12]
            if reader.place:
                with reader.place.file.open("rb") as file:
                    file.seek(reader.place.offset)
                    assert file.read(reader.place.length) == data.data


def test_all_missing_blobs_are_named(store):
    upload(store, SMALL)
    with pytest.raises(MissingBlobsError) as caught:
        store.commit(manifest({"a": SMALL, "b": LARGE, "c": tensor(9)}), experiment="e")
    assert caught.value.is_retryable
    assert set(caught.value.missing) == {blob(LARGE)[0], blob(tensor(9))[0]}
    assert store.checkpoints().checkpoints == ()


def test_a_manifest_that_contradicts_its_blob_is_refused(store):
    digest = upload(store, LARGE)
    lie = Manifest(0, (Entry("w", "I32", LARGE.shape, digest, LARGE.size),))
    for _ in range(2):
        with pytest.raises(InvalidInputError, match="I32"):
            store.commit(lie, experiment="e")
        committed(store, {"w": LARGE})  # Then the same with a blob that is stored.


def test_an_unknown_parent_is_refused_and_nothing_is_committed(store):
    upload(store, SMALL)
    with pytest.raises(NotFoundError, match="parent"):
        store.commit(manifest({"a": SMALL}, parents=("0" * 32,)), experiment="e")
    assert store.checkpoints().checkpoints == ()


@pytest.mark.parametrize("text", ["", "a\nb", "x" * 201, "\0", "\ud800"])
def test_a_name_of_an_experiment_that_is_none_is_refused(store, text):
    with pytest.raises(InvalidInputError):
        store.commit(manifest({}), experiment=text)


def test_names_are_never_paths(store, tmp_path):
    hostile = "../../escape"
    checkpoint = store.commit(manifest({}), experiment=hostile, name="/etc/passwd", request_id="..").checkpoint
    assert store.reference(hostile, "/etc/passwd").checkpoint == checkpoint
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


def test_one_request_has_one_answer(store):
    upload(store, SMALL)
    first = store.commit(manifest({"a": SMALL}), experiment="e", name="n", request_id="r")
    store.commit(manifest({}), experiment="e", name="n")
    assert store.commit(manifest({"a": SMALL}), experiment="e", name="n", request_id="r") == first
    assert store.reference("e", "n").checkpoint != first.checkpoint
    with pytest.raises(ConflictError, match=first.checkpoint):
        store.commit(manifest({}), experiment="e", name="n", request_id="r")
    assert store.commit(manifest({}), experiment="other", request_id="r").checkpoint


def test_a_name_moves_only_from_where_the_caller_believes_it(store):
    first = store.commit(manifest({}, trial=1), experiment="e", name="best", create_only=True)
    with pytest.raises(MovedNameError) as caught:
        store.commit(manifest({}, trial=2), experiment="e", name="best", create_only=True)
    assert caught.value.etag == first.etag
    second = store.commit(manifest({}, trial=2), experiment="e", name="best", if_match=first.etag)
    assert second.etag != first.etag
    back = store.commit(manifest({}, trial=1), experiment="e", name="best", if_match=second.etag)
    assert back.etag not in (first.etag, second.etag)
    with pytest.raises(MovedNameError) as caught:
        store.commit(manifest({}, trial=3), experiment="e", name="best", if_match=first.etag)
    assert caught.value.etag == back.etag
    with pytest.raises(MovedNameError):
        store.commit(manifest({}), experiment="e", name="new", if_match=first.etag)
    assert [reference.checkpoint for reference in store.references("e")] == [first.checkpoint]


def test_of_many_that_move_a_name_at_once_one_wins_each_time(store):
    etag = store.commit(manifest({}), experiment="e", name="n").etag
    won, lost = [], []

    def move(number):
        try:
            won.append(store.commit(manifest({}, trial=number + 1), experiment="e", name="n", if_match=etag).etag)
        except MovedNameError as error:
            lost.append(error.etag)

    threads = [threading.Thread(target=move, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert set(lost) == set(won)


# --- lists and lineage ------------------------------------------------------------------------------------------------


def test_pages_show_every_checkpoint_once_and_in_order(store):
    made = [committed(store, {"a": SMALL}, trial=number % 3, notes={"n": number}) for number in range(7)]
    committed(store, {"a": SMALL}, experiment="other")
    seen, after = [], ""
    while True:
        page = store.checkpoints(experiment="e", after=after, limit=3)
        seen += [listed.checkpoint for listed in page.checkpoints]
        after = page.after
        if not after:
            break
    assert seen == made
    assert [listed.checkpoint for listed in store.checkpoints(experiment="e", trial=1).checkpoints] == [
        made[1],
        made[4],
    ]
    assert len(store.checkpoints().checkpoints) == 8


def test_a_list_says_what_each_was_measured_by_and_when(store):
    begun = int(time.time())
    metrics = {"exact": 0.1 + 0.2, "tiny": 5e-324, "x" * 257: 1.0} | {f"m{n:03}": float(n) for n in range(120)}
    known = store.put({"w": tensor(1.0)}, trial=1, experiment="e", metrics=metrics)
    store.pin(known)
    plain = store.put({"w": tensor(2.0)}, trial=2, experiment="e")
    store.rebuild()
    pinned, other = store.checkpoints().checkpoints
    assert (pinned.checkpoint, other.checkpoint) == (known, plain)
    assert (pinned.is_pinned, other.is_pinned, other.metrics) == (True, False, {})
    assert begun <= pinned.at <= other.at <= time.time()
    short = sorted(name for name in metrics if len(name) <= 256)[:100]
    assert pinned.metrics == {name: metrics[name] for name in short}


def test_a_page_of_many_metrics_is_shorter(store):
    metrics = {f"m{n:03}": float(n) for n in range(100)}
    made = [store.put({"w": tensor(float(n))}, trial=n, experiment="e", metrics=metrics) for n in range(110)]
    found, after, pages = [], "", 0
    while True:
        page = store.checkpoints(experiment="e", after=after, limit=1000)
        found += [one.checkpoint for one in page.checkpoints]
        pages += 1
        if not (after := page.after):
            break
    assert found == made
    assert pages == 2
    for wrong in ({"limit": 0}, {"limit": 1001}, {"after": "x"}):
        with pytest.raises(InvalidInputError):
            store.checkpoints(**wrong)


def test_lineage_knows_generations_also_of_what_was_released(store):
    first = committed(store, {"a": SMALL}, trial=1)
    second = committed(store, {"a": SMALL}, trial=2, parents=(first,))
    other = committed(store, {"a": SMALL}, trial=3)
    third = committed(store, {"a": SMALL}, trial=4, parents=(second, other))
    store.release(second)
    store.collect()
    lineage = store.lineage(third)
    assert {(near.checkpoint, near.distance, near.is_released) for near in lineage.ancestors} == {
        (second, 1, True),
        (other, 1, False),
        (first, 2, False),
    }
    assert [near.checkpoint for near in store.lineage(first, depth=1).descendants] == [second]
    assert store.manifest(second).trial == 2
    store.release(third)
    store.collect()
    assert store.lineage(first).descendants == ()
    with pytest.raises(NotFoundError):
        store.manifest(second)
    with pytest.raises(NotFoundError):
        store.lineage("0" * 32)


def test_lineage_says_what_each_was_measured_by(store):
    first = committed(store, {"a": SMALL}, trial=7, metrics={"loss": 0.5, "accuracy": 0.25, "x" * 257: 1.0})
    second = committed(store, {"a": SMALL}, trial=8, parents=(first,), metrics={f"m{n:03}": n for n in range(101)})
    third = committed(store, {"a": SMALL}, trial=9, parents=(second,))
    store.release(first)
    store.release(second)
    store.collect()
    nearer, farther = store.lineage(third).ancestors
    assert (nearer.trial, list(nearer.metrics)) == (8, [f"m{n:03}" for n in range(100)])
    assert (farther.trial, dict(farther.metrics)) == (7, {"accuracy": 0.25, "loss": 0.5})
    assert [(one.trial, dict(one.metrics)) for one in store.lineage(second).descendants] == [(9, {})]


# --- retention --------------------------------------------------------------------------------------------------------


def test_blobs_go_with_the_last_checkpoint_that_names_them(store):
    first = committed(store, {"a": LARGE, "b": SMALL}, trial=1)
    second = committed(store, {"a": LARGE}, trial=2)
    store.release(first)
    store.collect()
    assert store.present([blob(LARGE)[0], blob(SMALL)[0]]) == {blob(LARGE)[0]}
    store.release(second)
    assert store.collect().files >= 1
    assert store.present([blob(LARGE)[0]]) == set()
    with pytest.raises(NotFoundError):
        store.open_blob(blob(LARGE)[0])
    assert store.verify() == ()
    assert committed(store, {"a": LARGE}, trial=2) == second


def test_a_reader_keeps_what_is_collected_meanwhile(store):
    checkpoint = committed(store, {"a": LARGE})
    digest, content = blob(LARGE)
    with store.open_blob(digest) as reader:
        store.release(checkpoint)
        store.collect()
        buffer = bytearray(reader.size)
        assert reader.read_into(0, buffer) == len(content)
        assert buffer == content


def test_what_has_a_name_or_a_pin_is_not_released(store):
    checkpoint = committed(store, {"a": SMALL}, name="best")
    with pytest.raises(StateError, match="e/best"):
        store.release(checkpoint)
    with pytest.raises(MovedNameError):
        store.unname("e", "best", if_match="wrong")
    store.unname("e", "best", if_match=store.reference("e", "best").etag)
    store.pin(checkpoint)
    with pytest.raises(StateError, match="pinned"):
        store.release(checkpoint)
    store.pin(checkpoint, is_pinned=False)
    store.release(checkpoint)
    with pytest.raises(NotFoundError):
        store.pin(checkpoint)
    with pytest.raises(NotFoundError):
        store.unname("e", "best")


@pytest.mark.parametrize(("direction", "kept"), [(Direction.MAXIMIZE, {3, 4}), (Direction.MINIMIZE, {1, 2})])
def test_the_best_the_named_and_the_pinned_are_kept(store, direction, kept):
    made = {n: committed(store, {"a": SMALL}, trial=n, metrics={"accuracy": n / 10}) for n in range(1, 5)}
    made[5] = committed(store, {"a": SMALL}, trial=5)
    made[6] = committed(store, {"a": SMALL}, trial=6, name="last")
    made[7] = committed(store, {"a": SMALL}, trial=7)
    store.pin(made[7])
    released = store.keep_best("e", "accuracy", 2, direction=direction)
    assert set(released) == {made[n] for n in {1, 2, 3, 4, 5} - kept}
    assert {listed.trial for listed in store.checkpoints().checkpoints} == kept | {6, 7}
    assert store.keep_best("e", "accuracy", 2, direction=direction) == ()


def test_a_checkpoint_of_two_experiments_stays_until_both_release_it(store):
    checkpoint = committed(store, {"a": LARGE}, experiment="one")
    assert committed(store, {"a": LARGE}, experiment="two") == checkpoint
    store.release(checkpoint, experiment="one")
    store.release(checkpoint, experiment="one")
    assert (store.usage("one").used, store.usage("two").used > 0) == (0, True)
    store.collect()
    assert store.present([blob(LARGE)[0]])
    store.release(checkpoint)
    assert store.checkpoints().checkpoints == ()


def test_what_was_given_up_is_given_up_again_while_it_is_known(store):
    gone = committed(store, {"a": SMALL}, experiment="one")
    child = committed(store, {"a": SMALL}, experiment="two", parents=(gone,))
    for wrong in ({"experiment": "two"}, {"experiment": "none"}):
        with pytest.raises(NotFoundError, match=gone):
            store.release(gone, **wrong)
    for _ in range(2):
        store.release(gone, experiment="one")
        store.release(gone)
        store.collect()
        store.rebuild()
        for wrong in ({"experiment": "two"}, {"experiment": "none"}):
            with pytest.raises(NotFoundError, match=gone):
                store.release(gone, **wrong)
    with pytest.raises(NotFoundError):
        store.release("0" * 32)
    assert store.manifest(child).parents == (gone,)
    store.release(child)
    store.collect()
    for forgotten in (gone, child):
        with pytest.raises(NotFoundError, match=forgotten):
            store.release(forgotten)


def test_what_is_committed_again_is_released_again(store):
    checkpoint = committed(store, {"a": SMALL})
    store.release(checkpoint)
    assert committed(store, {"a": SMALL}, name="best") == checkpoint
    with pytest.raises(StateError, match="e/best"):
        store.release(checkpoint)
    store.unname("e", "best")
    store.release(checkpoint, experiment="e")
    assert store.checkpoints().checkpoints == ()
    assert store.verify() == ()


def test_a_quota_counts_each_blob_once_and_heals_after_a_release(store):
    first = committed(store, {"a": LARGE, "b": LARGE}, trial=1)
    assert store.usage("e").used == LARGE.size
    store.set_quota("e", LARGE.size + 10)
    committed(store, {"a": LARGE}, trial=2)
    committed(store, {"a": tensor(5, 40_000)}, experiment="other")
    with pytest.raises(ExhaustedResourceError, match="quota"):
        committed(store, {"a": tensor(5, 40_000)}, trial=3)
    assert len(store.checkpoints(experiment="e").checkpoints) == 2
    store.release(first)
    with pytest.raises(ExhaustedResourceError):
        committed(store, {"a": tensor(5, 40_000)}, trial=3)
    store.keep_best("e", "none", 0, direction=Direction.MAXIMIZE)
    committed(store, {"a": tensor(5, 40_000)}, trial=3)
    store.set_quota("e", None)
    committed(store, {"a": tensor(6, 40_000)}, trial=4)
    assert store.usage("e").quota is None


def test_a_stale_upload_is_collected_and_a_fresh_one_is_not(store):
    digest, content = blob(LARGE)
    with store.upload(digest, len(content)) as writer:
        writer.write(0, content[:10])
    upload(store, SMALL)
    assert store.collect().stagings == 0
    assert store.present([blob(SMALL)[0]])
    assert store.collect(stale_after_s=0).stagings == 2
    assert store.upload(digest, len(content)).offset == 0


def test_a_rehearsal_says_what_goes_and_removes_nothing(store):
    kept = committed(store, {"a": LARGE, "b": SMALL}, trial=1)
    gone = committed(store, {"a": LARGE, "c": tensor(3), "d": tensor(4, 40_000)}, trial=2)
    store.release(gone)
    upload(store, tensor(5))
    with store.upload("0" * 64, 100) as writer:
        writer.write(0, b"in progress")
        said = store.collect(stale_after_s=0, is_rehearsal=True)
        assert said == store.collect(stale_after_s=0, is_rehearsal=True)
        assert said.stagings == 1
        assert store.manifest(gone)
        assert store.present([blob(tensor(5))[0]])
        assert store.collect(stale_after_s=0) == said
    assert said.files >= 2
    assert store.collect(stale_after_s=0, is_rehearsal=True).files == 0
    assert store.get(kept) == {"a": LARGE, "b": SMALL}


def test_an_upload_in_progress_is_never_stale(store):
    digest, content = blob(LARGE)
    with store.upload(digest, len(content)) as writer:
        writer.write(0, content[:10])
        assert store.collect(stale_after_s=0).stagings == 0
        writer.write(10, content[10:])
        writer.finish()


def test_verify_of_a_sound_store_finds_nothing(store):
    assert store.verify() == ()
    checkpoint = committed(store, {"a": SMALL, "b": LARGE}, name="n")
    assert store.verify() == ()
    assert store.verify(checkpoint) == ()
    with pytest.raises(NotFoundError):
        store.verify("0" * 32)


def test_a_store_survives_a_fork(store, request):
    if "memory" in request.node.callspec.id:
        pytest.skip("the memory of a forked process is its own")
    checkpoint = committed(store, {"a": SMALL}, trial=1)
    child = os.fork()
    if child == 0:
        try:
            committed(store, {"a": LARGE}, trial=2)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    third = committed(store, {"a": SMALL}, trial=3)
    listed = [listed.checkpoint for listed in store.checkpoints().checkpoints]
    assert len(listed) == 3
    assert (listed[0], listed[2]) == (checkpoint, third)
    assert store.verify() == ()
