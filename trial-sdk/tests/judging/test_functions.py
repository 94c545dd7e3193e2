"""What a proof that networks compute the same rests on: nothing is trivial, nothing changes, and no gap is missed."""

import pytest
import torch
from nas_trial.judging import difference, outputs, trained
from torch import nn


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def network():
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def test_nothing_of_a_trained_network_is_zero_or_one_and_counts_stay_counts():
    made = trained(network())
    for tensor in made.state_dict().values():
        if tensor.is_floating_point():
            assert not bool(((tensor == 0) | (tensor == 1)).any())
    assert made[1].num_batches_tracked == 0
    assert bool((made[1].running_var >= 0.5).all())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in made.parameters())


def test_the_spread_is_that_of_the_weights():
    assert trained(nn.Linear(200, 200)).weight.std().item() == pytest.approx(0.2, rel=0.05)
    assert trained(nn.Linear(200, 200), spread=3.0).weight.std().item() == pytest.approx(3.0, rel=0.05)


@pytest.mark.parametrize("training", [False, True])
def test_asking_for_outputs_changes_no_number_and_sets_the_mode(training):
    made = trained(network())
    before = {key: value.clone() for key, value in made.state_dict().items()}
    batch = torch.randn(6, 4)
    found = outputs(made, batch, training=training)
    assert not found.requires_grad
    assert made.training is training
    assert all(torch.equal(value, before[key]) for key, value in made.state_dict().items())
    assert torch.equal(found, outputs(made, batch, training=training))
    assert not torch.equal(found, outputs(made, batch, training=not training))


def test_a_difference_is_the_largest_and_is_seen_in_a_single_output():
    first, second = nn.Linear(4, 3), nn.Linear(4, 3)
    second.load_state_dict(first.state_dict())
    batch = torch.randn(6, 4)
    assert difference(first, second, batch, training=True) == 0.0
    with torch.no_grad():
        second.bias[1] -= 0.5
        second.bias[2] += 0.25
    assert difference(first, second, batch, training=False) == pytest.approx(0.5, abs=1e-6)
