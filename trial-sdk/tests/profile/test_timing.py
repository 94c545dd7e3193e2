import itertools

import nas_trial as nas
import pytest
import torch
from nascore.errors import InvalidInputError, SettingsError
from torch import nn


class Plain(nn.Module):
    passes = 0

    def forward(self, x):
        self.passes += 1
        assert not self.training
        return x


@pytest.mark.parametrize(("warm_up", "repeats"), [(0, 1), (-1, 5), (3, 0)])
def test_too_few_passes_are_refused(warm_up, repeats):
    with pytest.raises(SettingsError, match="2 at least"):
        nas.latency(Plain(), input_shape=(4,), warm_up=warm_up, repeats=repeats)


def test_what_is_no_shape_is_refused():
    with pytest.raises(InvalidInputError, match="input shape"):
        nas.latency(Plain(), input_shape=(0,))


def ticking(*durations_ms):
    """A clock that is read twice in each pass, which takes so long."""
    times = itertools.chain.from_iterable((start, start + each / 1e3) for start, each in enumerate(durations_ms))
    return lambda: next(times)


def test_median_and_quarters_are_those_of_the_passes_after_the_warm_up():
    found = nas.latency(Plain(), input_shape=(4,), warm_up=2, repeats=5, clock=ticking(900, 800, 30, 10, 50, 20, 40))
    assert (found.low_ms, found.median_ms, found.high_ms) == pytest.approx((20, 30, 40))
    assert (found.repeats, found.device, found.threads) == (5, "cpu", torch.get_num_threads())


def test_all_passes_run_without_gradients_and_in_evaluation():
    network = nn.Sequential(Plain(), nn.Dropout(0.5), nn.BatchNorm1d(4))
    network[2].eval()
    state = torch.get_rng_state()
    nas.latency(network, input_shape=(4,), warm_up=1, repeats=3)
    assert network[0].passes == 4
    assert [part.training for part in (network, *network)] == [True, True, True, False]
    assert torch.equal(torch.get_rng_state(), state)


def test_a_factory_is_built_and_measured():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nas.Linear(4, nas.ValueChoice([2, 3], label="width"))

        def forward(self, x):
            return self.layer(x)

    assert nas.latency(Net, {"width": "3"}, input_shape=(4,), repeats=2).median_ms > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_named():
    found = nas.latency(nn.Linear(4, 4), input_shape=(4,), device="cuda")
    assert found.device == torch.cuda.get_device_name()
