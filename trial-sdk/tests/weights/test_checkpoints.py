import nas_trial as nas
import numpy as np
import pytest
import safetensors.torch
import torch
from nascore.errors import InvalidInputError, NotFoundError
from nascore.weights import DirectoryStore
from torch import nn

DTYPES = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
REALS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path)


def network():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 2, dtype=torch.bfloat16))


def test_a_network_comes_back_bit_for_bit(store):
    saved, loaded = network(), network()
    checkpoint = nas.save_weights(saved.state_dict(), store, trial=3, metrics={"accuracy": 0.5})
    keys = nas.load_weights(checkpoint, store, into=loaded)
    assert set(keys) == set(saved.state_dict())
    for key, value in saved.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[key])
    assert store.manifest(checkpoint).trial == 3


@pytest.mark.parametrize("dtype", DTYPES + REALS)
def test_every_element_type_and_layout_is_kept(store, dtype):
    class Holder(nn.Module):
        def __init__(self, fill):
            super().__init__()
            base = torch.full((2, 3, 4, 5), fill).to(dtype)
            self.register_buffer("last", base.to(memory_format=torch.channels_last))
            self.register_buffer("turned", base[0, 0].T)
            self.register_buffer("scalar", base[0, 0, 0, 0].clone())
            self.register_buffer("empty", base[:, :0])

    saved, loaded = Holder(1), Holder(0)
    nas.load_weights(nas.save_weights(saved.state_dict(), store, trial=0), store, into=loaded)
    assert all(torch.equal(value, loaded.state_dict()[key]) for key, value in saved.state_dict().items())


def test_ordinary_tools_open_the_files(store):
    nas.save_weights({"w": torch.arange(65536, dtype=torch.bfloat16)}, store, trial=0)
    found = safetensors.torch.load_file(next(store.folder.glob("blobs/*/*")))
    assert torch.equal(found["tensor"], torch.arange(65536, dtype=torch.bfloat16))


def test_a_checkpoint_of_another_network_is_refused_with_the_keys(store):
    checkpoint = nas.save_weights(network().state_dict(), store, trial=0)
    other = nn.Sequential(nn.Conv2d(3, 9, 3), nn.Identity())
    with pytest.raises(InvalidInputError) as refused:
        nas.load_weights(checkpoint, store, into=other)
    assert "0.weight ([8, 3, 3, 3] stored, [9, 3, 3, 3] in the network)" in str(refused.value)
    assert "1.bias (not in the network)" in str(refused.value)
    assert "more" in str(refused.value)


def test_what_fits_is_loaded_when_asked_for(store):
    saved = network()
    checkpoint = nas.save_weights(saved.state_dict(), store, trial=0)
    other = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(9))
    keys = nas.load_weights(checkpoint, store, into=other, strict=False)
    assert keys == ("0.bias", "0.weight", "1.num_batches_tracked")
    assert torch.equal(other[0].weight, saved[0].weight)


@pytest.mark.parametrize(
    "value",
    [None, {"a": 1}, torch.eye(2).to_sparse(), torch.zeros(2, dtype=torch.complex64), torch.zeros(2, device="meta")],
    ids=str,
)
def test_what_is_no_dense_tensor_is_refused_by_its_key(store, value):
    with pytest.raises(InvalidInputError, match=r"^head\.extra: "):
        nas.save_weights({"head.extra": value}, store, trial=0)


@pytest.mark.parametrize(
    "value",
    [float("nan"), torch.tensor(float("inf")), "0.5", b"1", None, [0.5], torch.ones(2), torch.tensor(1j), 10**400],
)
def test_what_is_no_finite_metric_is_refused_by_its_name(store, value):
    with pytest.raises(InvalidInputError, match=r"metrics: 'the loss' is .*; only finite numbers are kept"):
        nas.save_weights({"w": torch.ones(2)}, store, trial=0, metrics={"accuracy": 1.0, "the loss": value})
    assert store.list() == ()


def test_metrics_may_be_what_training_computes(store):
    metrics = {"torch": torch.tensor(0.5), "one": torch.tensor([0.25]), "numpy": np.float32(0.75), "whole": 3}
    checkpoint = nas.save_weights({"w": torch.ones(2)}, store, trial=0, metrics=metrics)
    assert store.manifest(checkpoint).metrics == {"torch": 0.5, "one": 0.25, "numpy": 0.75, "whole": 3.0}


def test_an_unknown_checkpoint_is_refused(store):
    with pytest.raises(NotFoundError):
        nas.load_weights("0" * 32, store, into=nn.Linear(1, 1))


@pytest.mark.parametrize("store", [None, "weights", DirectoryStore], ids=str)
def test_what_is_no_store_is_refused(store):
    for call in (
        lambda: nas.save_weights({}, store, trial=0),
        lambda: nas.load_weights("0" * 32, store, into=nn.Linear(1, 1)),
    ):
        with pytest.raises(InvalidInputError, match="a store of checkpoints is needed"):
            call()


def test_progress_counts_the_bytes_that_are_loaded(store):
    saved = nn.ModuleList(nn.Linear(2048, 4096, bias=False) for _ in range(3))  # 32 MiB each, and batches have 64
    checkpoint = nas.save_weights(saved.state_dict(), store, trial=0)
    told = []
    nas.load_weights(checkpoint, store, into=saved, progress=lambda done, total: told.append((done, total)))
    assert told == [(2**26, 3 * 2**25), (3 * 2**25, 3 * 2**25)]


def test_a_name_points_to_what_was_saved(store):
    checkpoint = nas.save_weights({"w": torch.zeros(2)}, store, trial=0, name="newest")
    assert store.reference("default", "newest").checkpoint == checkpoint
