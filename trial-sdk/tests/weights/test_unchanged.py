"""What has not changed is not stored again, and every change is seen, however it is made."""

import pytest
import torch
from nas_trial.weights import Uploader, inherit, load, save
from nas_trial.weights.tensors import to_data
from nas_trial.weights.unchanged import SMALLEST, Unchanged, marks_of
from nascore.weights import DirectoryStore
from torch import nn


class Watched:
    """A real store that notes which tensors it is told not to read."""

    def __init__(self, folder):
        self.store = DirectoryStore(folder)
        self.passed = []

    def put(self, tensors, *, digests=None, **options):
        self.passed.append(set(digests or ()))
        return self.store.put(tensors, digests=digests, **options)

    def get(self, checkpoint, *, keys=None):
        return self.store.get(checkpoint, keys=keys)

    def manifest(self, checkpoint):
        return self.store.manifest(checkpoint)


@pytest.fixture
def store(tmp_path):
    watched = Watched(tmp_path / "weights")
    yield watched
    watched.store.close()


def network():
    return nn.Sequential(nn.Linear(200, 200, bias=False), nn.Linear(200, 200, bias=False), nn.Linear(2, 2))


def stored(store, checkpoint):
    loaded = network()
    load(checkpoint, store, into=loaded)
    return loaded.state_dict()


def by_data(weight):
    weight.data.mul_(2)


def by_numpy(weight):
    weight.detach().numpy()[3, 4] += 1


def by_replacement(weight):
    weight.data = weight.data * 2


def by_round_trip(weight):
    weight.data = weight.data.half()
    weight.data = weight.data.float()


def by_optimizer(weight):
    weight.grad = torch.ones_like(weight)
    torch.optim.SGD([weight], lr=0.1).step()
    weight.grad = None


def by_view(weight):
    with torch.no_grad():
        weight[5].zero_()


def by_one_bit(weight):
    weight.detach().numpy().view("uint8")[199, -1] ^= 1


def by_transposition(weight):
    weight.data = weight.data.t()


WAYS = [by_data, by_numpy, by_replacement, by_round_trip, by_optimizer, by_view, by_one_bit, by_transposition]


@pytest.mark.parametrize("change", WAYS)
@pytest.mark.parametrize("rounds", [1, 3])
def test_every_change_is_seen(store, change, rounds):
    model = network()
    for trial in range(rounds):
        save(model.state_dict(), store, trial=trial)
    change(model[0].weight)
    found = stored(store, save(model.state_dict(), store, trial=9))
    assert all(torch.equal(value, found[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("change", WAYS)
def test_every_change_is_seen_by_the_uploader(store, change):
    model = network()
    with Uploader(store) as uploader:
        uploader.save(model.state_dict(), trial=0)
        uploader.wait()
        change(model[0].weight)
        uploader.save(model.state_dict(), trial=1)
        found = stored(store, uploader.wait())
    assert all(torch.equal(value, found[key]) for key, value in model.state_dict().items())
    assert "1.weight" in store.passed[1]
    assert "0.weight" not in store.passed[1]


def test_what_is_saved_again_is_not_read_again_but_what_changed_is(store):
    model = network()
    save(model.state_dict(), store, trial=0)
    by_optimizer(model[1].weight)
    save(model.state_dict(), store, trial=1)
    assert store.passed == [set(), {"0.weight"}]


def test_what_changed_once_is_known_again_two_saves_later(store):
    model = network()
    save(model.state_dict(), store, trial=0)
    by_optimizer(model[1].weight)
    for trial in range(1, 4):
        save(model.state_dict(), store, trial=trial)
    assert store.passed == [set(), {"0.weight"}, {"0.weight"}, {"0.weight", "1.weight"}]


def test_what_was_loaded_or_inherited_is_not_read_again(store):
    checkpoint = save(network().state_dict(), store, trial=0)
    loaded, heir = network(), network()
    load(checkpoint, store, into=loaded)
    inherit(heir, checkpoint, store)
    assert save(loaded.state_dict(), store, trial=0) == save(heir.state_dict(), store, trial=0) == checkpoint
    assert store.passed[1:] == [{"0.weight", "1.weight"}] * 2


def test_what_was_loaded_as_another_type_is_stored_as_it_is(store):
    checkpoint = save(network().state_dict(), store, trial=0)
    half = network().bfloat16()
    load(checkpoint, store, into=half)
    save(half.state_dict(), store, trial=1)
    assert store.passed[1] == set()


def test_another_store_is_given_everything(store, tmp_path):
    model = network()
    save(model.state_dict(), store, trial=0)
    elsewhere = DirectoryStore(tmp_path / "elsewhere")
    checkpoint = save(model.state_dict(), elsewhere, trial=0)
    assert elsewhere.get(checkpoint) == store.get(checkpoint)
    elsewhere.close()


def test_gone_tensors_are_forgotten():
    known = Unchanged()
    for _ in range(3000):
        state = {"w": torch.empty(SMALLEST // 4)}
        known.remember(marks_of(state), {"w": to_data(state["w"], key="w")}, {"w": "0" * 64})
    assert len(known) <= 1025
