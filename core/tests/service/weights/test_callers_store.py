"""A token that is kept to one experiment opens nothing of another's weights, not even to who knows their digests."""

import struct
import time
from typing import Any

import grpc
import pytest
from blake3 import blake3
from nascore.client.weights import Weights
from nascore.errors import NotFoundError
from nascore.service import Scope, TokenFile, generate_token, make_grant
from nascore.v1 import weights_pb2, weights_pb2_grpc
from nascore.weights import OWN, DirectoryStore, Entry, Manifest, TensorData, blob_header
from nascore.weights.chunk_wire import framed, framed_small
from nascore.weights.inheritance import Wanted

MINE, OTHER = "mine", "other"
SIZES = {"small": 5, "large": 600_000}
LARGE_KEY = "large"


def tensor(value: float, count: int) -> TensorData:
    return TensorData("F32", (count,), struct.pack("<f", value) * count)


def blob(data: TensorData) -> tuple[str, bytes]:
    content = blob_header(data.dtype, data.shape) + bytes(data.data)
    return blake3(content).hexdigest(), content


SECRET = {key: tensor(3.0, count) for key, count in SIZES.items()}


def manifest_of(tensors: dict[str, TensorData]) -> Manifest:
    return Manifest(0, tuple(Entry(key, one.dtype, one.shape, blob(one)[0], one.size) for key, one in tensors.items()))


@pytest.fixture
def secret(store: DirectoryStore) -> str:
    """A checkpoint of another experiment, which is named there."""
    return store.put(SECRET, trial=0, experiment=OTHER, name="best")


@pytest.fixture
def address(serve: Any, store: DirectoryStore, file: TokenFile) -> str:
    found: str = serve(None, weights=store, token_file=file)
    return found


@pytest.fixture
def kept(file: TokenFile, address: str) -> str:
    """A worker's token that is kept to `MINE`."""
    token = generate_token()
    file.add(make_grant(Scope.WORKER, token=token, now=time.time(), experiments=(MINE,)))
    return token.reveal()


@pytest.fixture
def mine(connect: Any, address: str, kept: str) -> Any:
    """The weights as the kept token sees them, by the network."""
    opened = Weights.of(connect(address, token=kept), experiment=MINE, is_folder_shared=False)
    yield opened
    opened.close()


@pytest.fixture
def stub(address: str, kept: str) -> Any:
    """A plain stub with the kept token, for those who do not use our client."""
    with grpc.insecure_channel(address) as channel:
        stub = weights_pb2_grpc.WeightServiceStub(channel)
        yield lambda name, request: getattr(stub, name)(
            request, metadata=[("authorization", f"Bearer {kept}")], timeout=20
        )


def refused(code: grpc.StatusCode, call: Any) -> str:
    def finished() -> None:
        answer = call()
        if hasattr(answer, "__iter__"):
            list(answer)

    with pytest.raises(grpc.RpcError) as raised:
        finished()
    assert raised.value.code() is code  # type: ignore[attr-defined]
    return str(raised.value.details())  # type: ignore[attr-defined]


def test_an_id_opens_nothing_of_another_experiment(stub: Any, secret: str) -> None:
    calls = {
        "GetManifest": weights_pb2.GetManifestRequest(checkpoint=secret),
        "GetLineage": weights_pb2.GetLineageRequest(checkpoint=secret),
        "Download": weights_pb2.DownloadRequest(checkpoint=secret, takes_small=True),
        "Inherit": weights_pb2.InheritRequest(
            experiment=MINE,
            parents=[secret],
            tensors=[weights_pb2.TensorSpec(key="small", data_type="DATA_TYPE_F32", shape=[5])],
            request_id="r",
        ),
        "OpenTable": weights_pb2.OpenTableRequest(
            experiment=MINE, table="t", checkpoint=secret, rule="UPDATE_RULE_SUM"
        ),
    }
    for name, request in calls.items():
        said = refused(grpc.StatusCode.NOT_FOUND, lambda name=name, request=request: stub(name, request))
        assert f"no checkpoint '{secret}' in {MINE}" in said


def test_a_name_of_another_experiment_is_refused(stub: Any, secret: str) -> None:
    request = weights_pb2.GetManifestRequest(experiment=OTHER, name="best")
    refused(grpc.StatusCode.PERMISSION_DENIED, lambda: stub("GetManifest", request))


def test_a_digest_does_not_say_whether_another_experiment_has_it(stub: Any, secret: str) -> None:
    wanted = [
        weights_pb2.BlobWanted(digest=digest, size=len(content)) for digest, content in map(blob, SECRET.values())
    ]
    states = stub("StatBlobs", weights_pb2.StatBlobsRequest(blobs=wanted)).blobs
    assert [(state.is_present, state.offset) for state in states] == [(False, 0), (False, 0)]


@pytest.mark.parametrize("key", SIZES)
def test_a_digest_commits_nothing_that_was_not_sent(stub: Any, secret: str, key: str) -> None:
    stolen = manifest_of({key: SECRET[key]})
    request = weights_pb2.CommitRequest(manifest_json=stolen.to_bytes(), experiment=MINE, request_id="r")
    assert "1 blobs are not in the store" in refused(
        grpc.StatusCode.FAILED_PRECONDITION, lambda: stub("Commit", request)
    )


def test_wrong_bytes_or_too_few_prove_nothing(stub: Any, secret: str) -> None:
    digest, content = blob(SECRET[LARGE_KEY])
    wrong = bytes(len(content))
    upload = [weights_pb2.UploadRequest.FromString(framed(digest, len(wrong), 0, wrong[: 1 << 20]))]
    stub("Upload", iter(upload))
    rest = [
        weights_pb2.UploadRequest.FromString(framed(digest, len(wrong), at, wrong[at : at + (1 << 20)]))
        for at in range(0, len(wrong), 1 << 20)
    ]
    refused(grpc.StatusCode.DATA_LOSS, lambda: stub("Upload", iter(rest)))
    last = len(content) - 10
    tail = [weights_pb2.UploadRequest.FromString(framed(digest, len(content), last, content[last:]))]
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: stub("Upload", iter(tail)))
    request = weights_pb2.CommitRequest(
        manifest_json=manifest_of({LARGE_KEY: SECRET[LARGE_KEY]}).to_bytes(), experiment=MINE, request_id="r"
    )
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: stub("Commit", request))


def test_bytes_that_another_worker_has_just_sent_are_not_mine(
    stub: Any, connect: Any, address: str, store: DirectoryStore
) -> None:
    digest, content = blob(SECRET["small"])
    with grpc.insecure_channel(address) as channel:
        theirs = weights_pb2_grpc.WeightServiceStub(channel)
        sent = weights_pb2.UploadRequest.FromString(framed_small([(digest, content)], kind=weights_pb2.UploadRequest))
        theirs.Upload(iter([sent]), metadata=[("authorization", "Bearer a-token-of-the-tests")], timeout=20)
    wanted = weights_pb2.StatBlobsRequest(blobs=[weights_pb2.BlobWanted(digest=digest, size=len(content))])
    assert not stub("StatBlobs", wanted).blobs[0].is_present
    stolen = manifest_of({"small": SECRET["small"]})
    request = weights_pb2.CommitRequest(manifest_json=stolen.to_bytes(), experiment=MINE, request_id="r")
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: stub("Commit", request))


def test_a_manifest_that_another_has_sent_as_a_blob_is_not_read(stub: Any, secret: str) -> None:
    digest, content = blob(SECRET[LARGE_KEY])
    request = weights_pb2.CommitRequest(
        manifest_blob=digest, manifest_size=len(content), experiment=MINE, request_id="r"
    )
    refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: stub("Commit", request))


def test_the_same_bytes_that_were_sent_are_stored_once_and_are_both_experiments(
    mine: Weights, store: DirectoryStore, secret: str
) -> None:
    files = sorted(store.folder.glob("blobs/*/*"))
    checkpoint = mine.put(SECRET, trial=0)
    assert mine.get(checkpoint) == SECRET
    assert sorted(store.folder.glob("blobs/*/*")) == files
    assert store.usage(MINE).used == store.usage(OTHER).used
    store.unname(OTHER, "best")
    store.release(secret, experiment=OTHER)
    store.collect(stale_after_s=0)
    assert mine.get(checkpoint) == SECRET


def test_what_is_in_the_own_experiment_need_not_be_sent_again(mine: Weights, store: DirectoryStore) -> None:
    store.put(SECRET, trial=0, experiment=MINE)
    digests = {blob(one)[0]: len(blob(one)[1]) for one in SECRET.values()}
    assert mine.absent(digests) == {}


def test_an_upload_that_broke_off_goes_on_with_all_its_bytes(mine: Weights, store: DirectoryStore) -> None:
    digest, content = blob(SECRET[LARGE_KEY])
    with store.upload(digest, len(content)) as writer:
        writer.write(0, content[: 1 << 20])
    assert mine.absent({digest: len(content)}) == {digest: 0}
    assert mine.get(mine.put(SECRET, trial=0)) == SECRET


def test_what_was_put_without_an_owner_is_everybodys(mine: Weights, store: DirectoryStore) -> None:
    parent = store.put(SECRET, trial=0)
    assert mine.get(parent) == SECRET
    made = mine.inherit([parent], [Wanted("small", "F32", (5,))], trial=1, experiment=MINE)
    assert mine.get(made.checkpoint) == {"small": SECRET["small"]}


def test_what_was_put_without_an_owner_is_listed_and_found_by_name(
    stub: Any, mine: Weights, store: DirectoryStore, secret: str
) -> None:
    everybodys = store.put({"small": tensor(7.0, 5)}, trial=1, name="best")
    assert [one.checkpoint for one in mine.checkpoints(experiment=OWN).checkpoints] == [everybodys]
    assert [one.name for one in mine.references(OWN)] == ["best"]
    (found,) = stub("GetManifest", weights_pb2.GetManifestRequest(experiment=OWN, name="best"))
    assert found.checkpoint == everybodys
    for experiment in (OTHER, ""):
        request = weights_pb2.ListCheckpointsRequest(experiment=experiment)
        refused(grpc.StatusCode.PERMISSION_DENIED, lambda request=request: stub("ListCheckpoints", request))


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("RemoveName", weights_pb2.RemoveNameRequest(experiment=OWN, name="best")),
        ("Commit", weights_pb2.CommitRequest(experiment=OWN, manifest_json=b"{}", request_id="r")),
        ("GetUsage", weights_pb2.GetUsageRequest(experiment=OWN)),
    ],
)
def test_what_was_put_without_an_owner_is_not_changed(
    stub: Any, store: DirectoryStore, name: str, request_: Any
) -> None:
    store.put({"small": tensor(7.0, 5)}, trial=1, name="best")
    refused(grpc.StatusCode.PERMISSION_DENIED, lambda: stub(name, request_))
    assert store.reference(OWN, "best")


def test_a_checkpoint_that_was_released_in_the_own_experiment_is_gone(mine: Weights, store: DirectoryStore) -> None:
    checkpoint = mine.put(SECRET, trial=0)
    store.commit(store.manifest(checkpoint), experiment=OTHER)
    store.release(checkpoint, experiment=MINE)
    with pytest.raises(NotFoundError, match="belong to another experiment"):
        Weights.manifest(mine, "0" * 32)
    with pytest.raises(NotFoundError):
        mine.get(checkpoint)


def test_of_relatives_in_another_experiment_nothing_is_told(stub: Any, store: DirectoryStore) -> None:
    everybodys = store.put({"small": tensor(1.0, 5)}, trial=4, metrics={"loss": 0.5})
    own = store.put({"small": tensor(2.0, 5)}, trial=5, experiment=MINE, parents=[everybodys], metrics={"loss": 0.25})
    others = store.put({"small": tensor(3.0, 5)}, trial=6, experiment=OTHER, parents=[own], metrics={"loss": 0.125})
    answer = stub("GetLineage", weights_pb2.GetLineageRequest(checkpoint=own))
    (above,), (below,) = answer.ancestors, answer.descendants
    assert (above.checkpoint, above.trial, [(one.name, one.value) for one in above.metrics]) == (
        everybodys,
        4,
        [("loss", 0.5)],
    )
    assert (below.checkpoint, below.HasField("trial"), list(below.metrics)) == (others, False, [])


def test_a_token_of_all_experiments_sees_all(connect: Any, address: str, store: DirectoryStore, secret: str) -> None:
    everything = Weights.of(connect(address), experiment=MINE, is_folder_shared=False)
    assert everything.get(secret) == SECRET
    everything.close()


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WORKER])
def test_a_kept_reader_sees_its_own_alone(
    connect: Any, address: str, file: TokenFile, store: DirectoryStore, secret: str, scope: Scope
) -> None:
    token = generate_token()
    file.add(make_grant(scope, token=token, now=time.time(), experiments=(MINE,)))
    own = store.put({"small": tensor(1.0, 5)}, trial=0, experiment=MINE)
    seen = Weights.of(connect(address, token=token.reveal()), experiment=MINE, is_folder_shared=False)
    assert list(seen.get(own)) == ["small"]
    with pytest.raises(NotFoundError):
        seen.get(secret)
    seen.close()
