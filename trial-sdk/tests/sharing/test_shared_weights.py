"""One network trained by several workers over a real server, which may go away or lose the table."""

import logging
import threading

import nas_trial as nas
import pytest
import torch
from nas_trial.failures import NonFiniteError
from nas_trial.sharing import SharedWeights, Statistics
from nascore.errors import ConflictError, InvalidInputError, StateError, UnavailableError
from nascore.weights import DirectoryStore
from nascore.weights.live import Late
from torch import nn


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))


def share(serving, model, **parts):
    client = parts.pop("client", None) or serving.client()
    return SharedWeights(model, "net", **{"client": client, "experiment": "e", **parts})


def learn(model, amount, *, layer=0):
    with torch.no_grad():
        model[layer].weight.add_(amount)


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_the_first_worker_gives_the_beginning_and_others_take_it(serving):
    first, second = network(1), network(2)
    with share(serving, first), share(serving, second):
        assert same(first, second)
        assert torch.equal(first[0].weight, network(1)[0].weight)


@pytest.mark.parametrize("every", [0, -1])
def test_steps_between_exchanges_must_be_counted(serving, every):
    with pytest.raises(InvalidInputError):
        share(serving, network(), every=every)


def test_who_shares_another_network_is_told(serving):
    with share(serving, network()):
        with pytest.raises(ConflictError):
            share(serving, nn.Linear(4, 3))
        with pytest.raises(ConflictError):
            share(serving, network(), max_lag=3)


def test_without_a_server_nothing_begins(serving, monkeypatch):
    monkeypatch.delenv("NASCORE_SERVER", raising=False)
    with pytest.raises(InvalidInputError, match="NASCORE_SERVER"):
        SharedWeights(network(), "net", experiment="e")


def test_everything_that_workers_learn_is_added_up(serving):
    models = [network(), network()]
    start = models[0][0].weight.detach().clone()

    def work(number):
        with share(serving, models[number], every=2) as shared:
            for _ in range(20):
                learn(models[number], 0.25)
                shared.step()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    model = network(5)
    with share(serving, model) as shared:
        assert torch.allclose(model[0].weight, start + 10.0, atol=1e-4)
        assert shared.tally.pushed == 0


def test_an_exchange_is_begun_at_every_so_many_steps(serving):
    model = network()
    with share(serving, model, every=3) as shared:
        assert [shared.step() for _ in range(7)] == [False, False, True, False, False, True, False]


def test_only_the_path_that_was_trained_travels(serving):
    first, second = network(), network()
    with share(serving, first) as one, share(serving, second) as two:
        seen = [p._version for p in second.parameters()]
        learn(first, 1.0, layer=2)
        one.settle()
        two.settle()
        changed = [a != p._version for a, p in zip(seen, second.parameters(), strict=True)]
        assert changed == [False, False, False, False, True, False]
        assert same(first, second)


@pytest.mark.parametrize(
    ("statistics", "expected"), [(Statistics.AVERAGE, 2.0), (Statistics.ASSIGN, 4.0), (Statistics.OWN, 0.0)]
)
def test_running_statistics_are_shared_as_was_said(serving, statistics, expected):
    first, second = network(), network()
    with share(serving, first, statistics=statistics) as one, share(serving, second, statistics=statistics) as two:
        first[1].running_mean.fill_(4.0)
        one.settle()
        two.settle()
        assert second[1].running_mean.tolist() == [expected] * 3


def test_late_updates_are_counted_as_late(serving):
    first, second = network(), network()
    with (
        share(serving, first, max_lag=0, late=Late.DROP) as one,
        share(serving, second, max_lag=0, late=Late.DROP) as two,
    ):
        learn(first, 1.0)
        one.settle()
        learn(second, 1.0)
        two.settle()
        assert (two.tally.dropped, two.tally.most_lag) == (1, 1)
        assert same(first, second)  # What was dropped is not kept by who learnt it, either.


def test_weights_can_come_as_bfloat16(serving):
    first, second = network(1), network(2)
    with share(serving, first) as one, share(serving, second, as_bf16=True) as two:
        learn(first, 0.125)
        one.settle()
        two.settle()
        assert torch.allclose(first[0].weight, second[0].weight, rtol=2**-8)
        assert torch.equal(second[0].weight, first[0].weight.bfloat16().float())
        assert two.tally.pushed == 0  # Rounding is nothing that was learnt.


def test_weights_that_are_not_finite_stay_with_their_worker(serving):
    model, other = network(), network()
    with share(serving, other) as watching:
        shared = share(serving, model)
        learn(model, float("nan"))
        with pytest.raises(NonFiniteError):
            shared.sync()
        shared.close(is_given=False)
        watching.settle()
        assert torch.isfinite(other[0].weight).all()


def test_an_error_in_the_loop_gives_nothing(serving):
    model, other = network(), network()
    with share(serving, other) as watching:
        before = other[0].weight.detach().clone()
        with pytest.raises(ZeroDivisionError):
            fail_while_sharing(serving, model)
        watching.settle()
        assert torch.equal(other[0].weight, before)


def test_a_dropped_copy_is_forgotten(serving):
    model = network(1)
    shared = share(serving, model)
    learn(model, 1.0)
    shared.drop()
    other = network(2)
    with share(serving, other):
        assert torch.equal(other[0].weight, network(2)[0].weight)


def fail_while_sharing(serving, model):
    with share(serving, model):
        learn(model, 1.0)
        raise ZeroDivisionError


def test_closed_weights_say_so(serving):
    shared = share(serving, network())
    shared.close()
    shared.close()
    for call in (shared.sync, shared.settle, shared.snapshot):
        with pytest.raises(StateError):
            call()


def test_a_lost_table_goes_on_from_its_snapshot(serving, caplog):
    models = [network(), network()]
    shared = [share(serving, model, client=serving.client(patience_s=20)) for model in models]
    learn(models[0], 1.0)
    checkpoint = shared[0].snapshot()
    stored = models[0][0].weight.detach().clone()
    learn(models[1], 8.0)
    shared[1].settle()
    with caplog.at_level(logging.WARNING):
        serving.stop()
        serving.start()
        for one in (*shared, *shared):
            one.settle()
    assert same(*models)
    assert torch.allclose(models[0][0].weight, stored)
    assert [one.tally.lost for one in shared] == [1, 1]
    assert "lost the table" in caplog.text
    learn(models[0], 0.5)
    for one in shared:
        one.settle()
    assert torch.allclose(models[1][0].weight, stored + 0.5)
    for one in shared:
        one.close()
    with DirectoryStoreOf(serving) as store:
        assert store.reference("e", "live/net").checkpoint == checkpoint


class DirectoryStoreOf:
    def __init__(self, serving):
        self._store = DirectoryStore(serving._folder / "weights")

    def __enter__(self):
        return self._store

    def __exit__(self, *_):
        self._store.close()


def test_a_lost_table_without_a_snapshot_goes_on_from_a_worker(serving):
    model = network()
    shared = share(serving, model, client=serving.client(patience_s=20))
    learn(model, 2.0)
    shared.settle()
    before = model[0].weight.detach().clone()
    serving.stop()
    serving.start()
    learn(model, 1.0)
    shared.settle()
    assert torch.allclose(model[0].weight, before + 1.0, atol=1e-5)
    shared.close()
    other = network(3)
    with share(serving, other):
        assert torch.equal(other[0].weight, model[0].weight)


def test_training_goes_on_while_the_server_is_away_and_nothing_is_lost(serving, caplog):
    model = network()
    start = model[0].weight.detach().clone()
    shared = share(serving, model, snapshot_every_s=0)
    serving.stop()
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            learn(model, 1.0)
            shared.sync()
    assert shared.tally.failed >= 2
    assert "goes on alone" in caplog.text
    with pytest.raises(UnavailableError):
        shared.settle()
    serving.start()
    while not shared._exchange.join():
        shared._exchange.go_on()
    shared.settle()
    shared.close()
    assert torch.allclose(model[0].weight, start + 4.0, atol=1e-4)


def test_a_server_that_stays_away_ends_it(serving):
    model = network()
    shared = share(serving, model, away_limit_s=0)
    serving.stop()
    with pytest.raises(UnavailableError):
        train_for(shared, model, steps=50)
    shared.close(is_given=False)
    serving.start()


def train_for(shared, model, *, steps):
    for _ in range(steps):
        learn(model, 1.0)
        shared.sync()


def test_the_sdk_names_it():
    assert nas.SharedWeights is SharedWeights
