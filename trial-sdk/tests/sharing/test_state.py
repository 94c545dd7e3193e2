"""Tensors beside the table's: what was learnt is given once, what others learnt is taken, nothing is lost between."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nas_trial.failures import NonFiniteError
from nas_trial.sharing import Statistics
from nas_trial.sharing.state import State
from nascore.errors import InvalidInputError
from nascore.weights.live import Rule
from torch import nn


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))


def numbers(share):
    return np.frombuffer(share.data, np.float32)


def come(state, index, tensor):
    raw = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data
    half = len(raw) // 2
    state.take(index, half, raw[half:])
    state.take(index, 0, raw[:half])


@pytest.mark.parametrize("source", [{}, {"n": torch.zeros(3, dtype=torch.int64)}, nn.ReLU()])
def test_without_tensors_nothing_is_shared(source):
    with pytest.raises(InvalidInputError, match="no floating-point"):
        State(source, statistics=Statistics.AVERAGE)


def test_only_f32_comes_as_bfloat16():
    with pytest.raises(InvalidInputError, match="as_bf16"):
        State({"w": torch.zeros(2, dtype=torch.float64)}, statistics=Statistics.AVERAGE, as_bf16=True)


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.1, float("nan")])
def test_a_fraction_that_is_none_is_refused(fraction):
    with pytest.raises(InvalidInputError, match="fraction"):
        State({"w": torch.zeros(2)}, statistics=Statistics.AVERAGE, fraction=fraction)


def test_a_fraction_of_what_was_learnt_counts_here_as_there():
    weight, mean = torch.full((2,), 1.0, requires_grad=True), torch.full((2,), 5.0)
    state = State({"w": weight, "mean": mean}, statistics=Statistics.AVERAGE, fraction=0.25)
    with torch.no_grad():
        weight.add_(4)
    mean.add_(4)
    learnt, measured = state.renew(())
    assert numbers(learnt).tolist() == [1, 1]
    assert numbers(measured).tolist() == [9, 9]
    assert weight.tolist() == [2, 2]
    with torch.no_grad():
        weight.add_(8)
    come(state, 0, torch.full((2,), 7.0))
    (learnt,) = state.renew({0})
    assert numbers(learnt).tolist() == [2, 2]
    assert weight.tolist() == [9, 9]
    assert state.renew(()) == []


def test_parameters_and_running_statistics_are_shared_and_counters_are_not():
    keys = [slot.key for slot in State(network(), statistics=Statistics.AVERAGE).slots]
    assert {"0.weight", "1.bias", "1.running_mean", "1.running_var"} <= set(keys)
    assert "1.num_batches_tracked" not in keys
    own = [slot.key for slot in State(network(), statistics=Statistics.OWN).slots]
    assert set(keys) - set(own) == {"1.running_mean", "1.running_var"}


def test_a_tensor_with_two_keys_is_shared_once():
    tied = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    tied["b"].weight = tied["a"].weight
    assert len(State(tied, statistics=Statistics.OWN).slots) == 3
    weight = torch.zeros(2)
    assert len(State({"a": weight, "b": weight}, statistics=Statistics.AVERAGE).slots) == 1


def test_only_what_changed_is_given():
    model = network()
    state = State(model, statistics=Statistics.AVERAGE)
    assert state.renew(()) == []
    with torch.no_grad():
        model[3].bias.add_(1.0)
    (share,) = state.renew(())
    assert state.slots[share.tensor].key == "3.bias"
    assert numbers(share).tolist() == [1.0, 1.0]
    assert state.renew(()) == []


@pytest.mark.parametrize(("statistics", "rule"), [(Statistics.AVERAGE, Rule.EMA), (Statistics.ASSIGN, Rule.ASSIGN)])
def test_of_statistics_the_value_is_given_and_of_parameters_the_difference(statistics, rule):
    model = network()
    state = State(model, statistics=statistics)
    with torch.no_grad():
        model[1].running_mean.add_(5.0)
        model[3].bias.copy_(model[3].bias + 0.5)
    given = {state.slots[share.tensor].key: share for share in state.renew(())}
    assert given.keys() == {"1.running_mean", "3.bias"}
    assert given["1.running_mean"].rule is rule
    assert numbers(given["1.running_mean"]).tolist() == [5.0] * 3
    assert given["3.bias"].rule is None


def test_what_is_not_finite_is_not_given():
    for value in (float("nan"), float("inf")):
        model = network()
        state = State(model, statistics=Statistics.AVERAGE)
        before = model[0].weight.detach().clone()
        with torch.no_grad():
            model[3].bias.fill_(value)
        with pytest.raises(NonFiniteError, match=r"3\.bias"):
            state.renew(())
        assert torch.equal(model[0].weight, before)


def test_a_sum_that_overflows_is_no_reason_to_refuse():
    tensor = torch.zeros(4, requires_grad=True)
    state = State({"w": tensor}, statistics=Statistics.AVERAGE)
    with torch.no_grad():
        tensor.fill_(3e38)
    assert len(state.renew(())) == 1


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_what_comes_is_added_to_what_was_learnt_meanwhile(layout):
    model = network().to(memory_format=layout)
    state = State(model, statistics=Statistics.OWN)
    weight = model[0].weight
    before = weight.detach().clone()
    table = torch.randn(weight.shape)
    come(state, 0, table)
    with torch.no_grad():
        weight.add_(0.25)
    (share,) = state.renew({0})
    assert torch.allclose(weight, table + 0.25, atol=1e-6)
    assert np.allclose(numbers(share), 0.25, atol=1e-6)
    assert weight.stride() == before.stride()
    assert weight.requires_grad
    assert state.renew(()) == []


def test_tensors_are_changed_in_place():
    model = network()
    state = State(model, statistics=Statistics.AVERAGE)
    places = [tensor.data_ptr() for tensor in model.state_dict().values()]
    for index, slot in enumerate(state.slots):
        come(state, index, torch.ones(slot.shape))
    state.adopt()
    assert [tensor.data_ptr() for tensor in model.state_dict().values()] == places
    assert (model[0].weight == 1.0).all()


STEPS = st.lists(st.tuples(st.integers(0, 1), st.integers(-8, 8)), min_size=1, max_size=20)


@settings(deadline=None)
@given(STEPS)
def test_any_order_of_learning_and_exchanging_ends_with_the_sum(steps):
    """Two workers and a table of sums, with exchanges that are answered one exchange later: dyadic, so exact."""
    tensors = [torch.zeros(2, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    states = [State({"w": tensor}, statistics=Statistics.AVERAGE) for tensor in tensors]
    table, learnt = torch.zeros(2, dtype=torch.float64), 0.0
    pending = [False, False]

    def exchange(who):
        nonlocal table
        if pending[who]:
            raw = taken[who].view(torch.uint8).numpy().data
            states[who].take(0, 0, raw)
        for share in states[who].renew({0} if pending[who] else ()):
            table = table + torch.frombuffer(bytearray(share.data), dtype=torch.float64)
        taken[who], pending[who] = table.clone(), True

    taken = [table, table]
    for who, value in steps:
        with torch.no_grad():
            tensors[who].add_(value / 4)
        learnt += value / 4
        exchange(who)
    for who in (0, 1, 0, 1):
        exchange(who)
    assert table.tolist() == [learnt, learnt]
    assert all(tensor.tolist() == [learnt, learnt] for tensor in tensors)
