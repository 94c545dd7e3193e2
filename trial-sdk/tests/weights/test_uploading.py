import threading

import pytest
import torch
from nas_trial.weights import Uploader, load
from nascore.errors import ExhaustedResourceError, InvalidInputError, StateError
from nascore.weights import DirectoryStore
from torch import nn


class Gated:
    """A real store whose puts wait until they are let through, and fail while they are told to."""

    def __init__(self, folder):
        self.store = DirectoryStore(folder)
        self.gate = threading.Event()
        self.failure = None

    def put(self, tensors, **options):
        assert self.gate.wait(60)
        if self.failure is not None:
            raise self.failure
        return self.store.put(tensors, **options)

    def get(self, checkpoint, *, keys=None):
        return self.store.get(checkpoint, keys=keys)

    def manifest(self, checkpoint):
        return self.store.manifest(checkpoint)


@pytest.fixture
def store(tmp_path):
    return Gated(tmp_path)


def full_disk():
    return ExhaustedResourceError("The disk is full.")


def test_what_is_no_state_or_no_store_is_refused(store):
    with pytest.raises(InvalidInputError, match="a store of checkpoints"):
        Uploader(None)
    with Uploader(store) as uploader:
        with pytest.raises(InvalidInputError, match=r"model\.state_dict"):
            uploader.save(nn.Linear(1, 1), trial=0)
        with pytest.raises(InvalidInputError, match=r"^head: "):
            uploader.save({"head": None}, trial=0)
        with pytest.raises(InvalidInputError, match=r"^metrics: 'loss' is tensor"):
            uploader.save({"head": torch.ones(1)}, trial=0, metrics={"loss": torch.tensor(float("nan"))})


def test_training_goes_on_and_the_checkpoint_is_of_the_moment_of_the_call(store):
    model = nn.Linear(3, 2)
    before = model.weight.detach().clone()
    with Uploader(store) as uploader:
        uploader.save(model.state_dict(), trial=4, metrics={"accuracy": 0.5}, name="newest")
        with torch.no_grad():
            model.weight.zero_()
        assert uploader.is_busy
        store.gate.set()
        checkpoint = uploader.wait()
        assert not uploader.is_busy
    assert store.manifest(checkpoint).trial == 4
    load(checkpoint, store, into=model)
    assert torch.equal(model.weight, before)


def test_one_is_in_flight_and_the_memory_is_used_again(store):
    store.gate.set()
    state = {"w": torch.zeros(1000), "turned": torch.arange(6.0).reshape(2, 3).T}
    checkpoints = []
    with Uploader(store) as uploader:
        places = set()
        for step in range(3):
            state["w"].fill_(step)
            uploader.save(state, trial=step)
            checkpoints.append(uploader.wait())
            places.add(uploader._host["w"].data_ptr())
    assert len(places) == 1
    for step, checkpoint in enumerate(checkpoints):
        into = nn.Module()
        into.w, into.turned = nn.Buffer(torch.empty(1000)), nn.Buffer(torch.empty(3, 2))
        load(checkpoint, store, into=into)
        assert torch.equal(into.w, torch.full((1000,), float(step)))
        assert torch.equal(into.turned, state["turned"])


def test_a_failure_surfaces_at_the_next_call_once(store):
    store.gate.set()
    store.failure = full_disk()
    with Uploader(store) as uploader:
        uploader.save({"w": torch.zeros(1)}, trial=0)
        with pytest.raises(ExhaustedResourceError):
            uploader.save({"w": torch.ones(1)}, trial=1)
        store.failure = None
        uploader.save({"w": torch.ones(1)}, trial=2)
    assert [store.manifest(one).trial for one in store.store.list()] == [2]


def test_a_failure_surfaces_at_close(store):
    store.gate.set()
    store.failure = full_disk()
    uploader = Uploader(store)
    uploader.save({"w": torch.zeros(1)}, trial=0)
    with pytest.raises(ExhaustedResourceError):
        uploader.close()
    with pytest.raises(StateError, match="closed"):
        uploader.save({"w": torch.zeros(1)}, trial=1)
    assert uploader.close() == ""


def test_a_failure_does_not_hide_the_error_of_training(store, caplog):
    store.gate.set()
    store.failure = full_disk()

    def train():
        with Uploader(store) as uploader:
            uploader.save({"w": torch.zeros(1)}, trial=0)
            raise KeyError("training")

    with pytest.raises(KeyError, match="training"):
        train()
    assert "The disk is full." in caplog.text


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_from_a_gpu_through_pinned_memory(store):
    store.gate.set()
    model, loaded = (nn.Linear(512, 512, device="cuda") for _ in range(2))
    with Uploader(store) as uploader:
        uploader.save(model.state_dict(), trial=0)
        expected = model.weight.detach().clone()
        with torch.no_grad():
            model.weight.add_(1)  # on the same stream, so after the copy
        assert uploader._host["weight"].is_pinned()
        checkpoint = uploader.wait()
    load(checkpoint, store, into=loaded)
    assert torch.equal(loaded.weight, expected)
