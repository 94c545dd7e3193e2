import runpy
from collections import namedtuple
from pathlib import Path

import nas_trial as nas
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nas_trial.oneshot import gathered
from nas_trial.oneshot.gathered import gather
from nas_trial.oneshot.splits import training_halves, validation_halves
from nas_trial.oneshot.stream import Stream
from nas_trial.training import train
from nascore.errors import InvalidInputError, UnsupportedError
from nascore.record import TEST_PREFIX
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

DIGITS = Path(__file__).parents[3] / "examples" / "digits" / "trial.py"
Pair = namedtuple("Pair", "inputs extra")


class Given(nas.Trial):
    device = "cpu"
    epochs = 0

    def __init__(self, batches):
        self.batches = batches

    def build(self):
        return nn.Linear(1, 2)

    def train_batches(self):
        return self.batches()

    def validation_batches(self):
        return self.batches()


def numbers(batches):
    return [int(value) for batch in batches for value in batch[0].reshape(-1)]


def shuffled(count=40, size=8):
    def batches():
        for part in torch.randperm(count).split(size):
            yield part[:, None].float(), part

    return batches


@pytest.mark.parametrize("hostile", [lambda: [], lambda: iter(())])
def test_no_batches_are_refused(hostile):
    with pytest.raises(InvalidInputError, match="yielded no batch"):
        training_halves(Given(hostile))


@pytest.mark.parametrize("batch", [{"text": ["a", "b"], "x": torch.zeros(2)}, 3, (torch.zeros(2), torch.zeros(3))])
def test_what_cannot_be_split_says_which_method_to_define(batch):
    with pytest.raises(UnsupportedError) as refused:
        training_halves(Given(lambda: [batch]))
    assert "search_batches()" in refused.value.hint
    with pytest.raises(UnsupportedError) as refused:
        validation_halves(Given(lambda: [batch]))
    assert "test_batches()" in refused.value.hint


def test_too_much_to_be_held_is_refused(monkeypatch):
    monkeypatch.setattr(gathered, "MAX_GATHERED", 100)
    with pytest.raises(UnsupportedError, match="too much to be held"):
        training_halves(Given(shuffled()))


def test_a_single_example_cannot_be_split():
    with pytest.raises(InvalidInputError, match="too few"):
        training_halves(Given(lambda: [(torch.zeros(1, 1), torch.zeros(1))]))


@given(st.integers(2, 50), st.integers(1, 9), st.integers(0, 2**32))
def test_halves_share_nothing_and_do_not_depend_on_the_order_of_batches(count, size, seed):
    torch.manual_seed(seed)
    before = torch.get_rng_state()
    halves = training_halves(Given(shuffled(count, size)))
    assert torch.equal(before, torch.get_rng_state())
    first, second = numbers(halves.first.whole()), numbers(halves.second.whole())
    assert sorted(first + second) == list(range(count))
    assert 0 <= len(first) - len(second) <= 1
    ordered = Given(lambda: [(torch.arange(count)[:, None].float(), torch.arange(count))])
    assert first == numbers(training_halves(ordered).first.whole())


def test_structures_stay_what_they_are():
    batches = [{"pair": Pair(torch.ones(4, 2), [torch.arange(4)])} for _ in range(3)]
    batch = gather(batches, source="train_batches", remedy="search_batches").take(torch.tensor([0, 1]))
    assert batch["pair"].inputs.shape == (2, 2)
    assert isinstance(batch["pair"], Pair)
    assert isinstance(batch["pair"].extra, list)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_is_split_by_indices_and_keeps_its_settings(workers):
    data = TensorDataset(torch.arange(40.0)[:, None], torch.arange(40))
    loader = DataLoader(data, batch_size=8, shuffle=True, drop_last=True, num_workers=workers)
    halves = training_halves(Given(lambda: loader))
    assert halves.first.count() == 2
    first, second = numbers(halves.first.whole()), numbers(halves.second.whole())
    assert sorted(first + second) == list(range(40))
    assert first == numbers(training_halves(Given(lambda: loader)).first.whole())
    stream = Stream(halves.first, seed=1, name="weights")
    assert numbers(stream.take(4)) != numbers(Stream(halves.first, seed=2, name="weights").take(4))


def test_a_loader_of_a_stream_of_data_is_gathered():
    class Counting(IterableDataset):
        def __iter__(self):
            return iter((torch.tensor([float(n)]), n) for n in range(10))

    halves = training_halves(Given(lambda: DataLoader(Counting(), batch_size=4)))
    assert sorted(numbers(halves.first.whole()) + numbers(halves.second.whole())) == list(range(10))


def test_a_trial_that_defines_the_parts_is_taken_at_its_word():
    class Defining(Given):
        def search_batches(self):
            return [(torch.full((1, 1), 7.0), torch.zeros(1))]

        def test_batches(self):
            return [(torch.full((1, 1), 8.0), torch.zeros(1))]

    trial = Defining(shuffled())
    assert sorted(numbers(training_halves(trial).first.epoch())) == list(range(40))
    assert numbers(training_halves(trial).second.whole()) == [7]
    assert numbers(validation_halves(trial).second.whole()) == [8]


@given(st.integers(0, 25), st.integers(1, 12))
def test_a_stream_goes_on_exactly_where_it_was_left(taken, more):
    def drawing():
        for part in torch.randperm(40).split(8):
            yield part[:, None].float() + torch.rand(()).mul(1000).floor(), part

    class Drawn(Given):
        def search_batches(self):
            return self.batches()

    for source in (training_halves(Given(shuffled())).first, training_halves(Drawn(drawing)).second):
        stream = Stream(source, seed=3, name="search")
        stream.take(taken)
        ahead = stream.peek()
        position = stream.position
        expected = numbers(stream.take(more))
        assert numbers([ahead]) == expected[: len(ahead[0])]
        torch.rand(5)
        other = Stream(source, seed=3, name="search")
        other.go_to(position)
        assert numbers(other.take(more)) == expected


def test_the_digits_demo_is_split_as_it_is():
    trial = runpy.run_path(str(DIGITS))["Digits"]()
    halves = training_halves(trial)
    assert halves.first.count() == halves.second.count() == 10
    assert [len(batch[0]) for batch in validation_halves(trial).second.whole()] == [225]


def test_trials_of_a_one_shot_experiment_report_on_the_test_split_as_well():
    trial = Given(lambda: [(torch.arange(8.0)[:, None], torch.zeros(8, dtype=torch.long))])
    assert train(trial, nn.Linear(1, 2), report=lambda *_: None).metrics.keys() == {"accuracy", "loss"}
    trial.reports_on_test = True
    metrics = train(trial, nn.Linear(1, 2), report=lambda *_: None).metrics
    assert metrics.keys() == {"accuracy", "loss", f"{TEST_PREFIX}accuracy", f"{TEST_PREFIX}loss"}
