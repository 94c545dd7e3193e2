import math

import nas_trial as nas
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nas_trial.hub.mobilenetv3 import SPACE
from nascore.errors import ArchitectureError, InvalidInputError, StateError, UnsupportedError
from torch import nn
from torch.nn import functional


def test_neither_shape_nor_example_is_refused():
    with pytest.raises(InvalidInputError, match="what goes into the network"):
        nas.profile(nn.Linear(2, 2))


def test_both_shape_and_example_are_refused():
    with pytest.raises(InvalidInputError, match="what goes into the network"):
        nas.profile(nn.Linear(2, 2), input_shape=(2,), example=torch.zeros(1, 2))


@pytest.mark.parametrize("shape", [(0,), (-1, 2), (2.5,)])
def test_what_is_no_shape_is_refused(shape):
    with pytest.raises(InvalidInputError, match="input shape"):
        nas.profile(nn.Linear(2, 2), input_shape=shape)


def test_an_architecture_of_another_space_is_refused():
    with pytest.raises(ArchitectureError, match="ops"):
        nas.profile(Elastic, {"ops": "1"}, input_shape=(3, 8, 8))


def test_an_architecture_with_a_plain_network_is_refused():
    with pytest.raises(InvalidInputError, match="not a supernet"):
        nas.profile(nn.Linear(2, 2), {"op": "1"}, input_shape=(2,))


def test_a_supernet_without_an_active_architecture_is_refused():
    with pytest.raises(StateError, match="no architecture is active"):
        nas.profile(nas.build(Elastic, None), input_shape=(3, 8, 8))


def test_a_network_that_reads_numbers_is_refused():
    class Reads(nn.Module):
        def forward(self, x):
            return x * x.sum().item()

    with pytest.raises(UnsupportedError, match="cannot be profiled"):
        nas.profile(Reads(), input_shape=(2,))


sizes = st.integers(1, 6)


@given(sizes, sizes, st.integers(1, 4), st.sampled_from([1, 3, 5]), st.integers(1, 2), st.booleans())
def test_a_convolution_counts_by_its_formula(inputs, outputs, groups, kernel, stride, bias):
    inputs, outputs = inputs * groups, outputs * groups
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=bias)
    side = (9 - 1) // stride + 1
    found = nas.profile(layer, input_shape=(inputs, 9, 9))
    assert found.parameters == outputs * (inputs // groups) * kernel**2 + outputs * bias
    assert found.macs == outputs * side**2 * (inputs // groups) * kernel**2
    assert found.activation_bytes == 4 * (inputs * 81 + outputs * side**2)


def test_a_depthwise_convolution_counts_one_channel_each():
    assert nas.profile(nn.Conv2d(32, 32, 3, padding=1, groups=32), input_shape=(32, 10, 10)).macs == 32 * 9 * 100


@given(sizes, sizes)
def test_a_linear_layer_counts_by_its_formula(inputs, outputs):
    found = nas.profile(nn.Linear(inputs, outputs), input_shape=(inputs,))
    assert (found.parameters, found.macs) == (inputs * outputs + outputs, inputs * outputs)


@given(st.integers(1, 4), st.integers(1, 8), st.integers(1, 12))
def test_attention_counts_projections_scores_and_mixtures(heads, width, places):
    width *= heads
    layer = nn.MultiheadAttention(width, heads, batch_first=True)
    tokens = torch.zeros(1, places, width)
    found = nas.profile(layer, example=(tokens, tokens, tokens))
    assert found.parameters == 4 * width**2 + 4 * width
    assert found.macs == 4 * places * width**2 + 2 * places**2 * width


def test_fused_attention_counts_like_its_products():
    class Fused(nn.Module):
        def forward(self, x):
            return functional.scaled_dot_product_attention(x, x, x)

    assert nas.profile(Fused(), input_shape=(2, 7, 4)).macs == 2 * 2 * 7 * 7 * 4


def test_normalisation_and_activation_count_no_multiplications():
    layers = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
    assert nas.profile(layers, input_shape=(4, 8, 8)).macs == 0


def test_a_parameter_in_two_places_counts_once():
    layer = nn.Linear(4, 4, bias=False)
    found = nas.profile(nn.Sequential(layer, layer), input_shape=(4,))
    assert (found.parameters, found.macs) == (16, 32)


def test_activations_are_counted_while_they_live():
    # 100 in, 100 after each layer: in a row, the input and two neighbours are alive at once.
    found = nas.profile(nn.Sequential(*(nn.Linear(100, 100, bias=False) for _ in range(5))), input_shape=(100,))
    assert found.activation_bytes == 3 * 400


def test_an_activation_in_place_needs_no_memory():
    layers = nn.Sequential(nn.Conv2d(1, 4, 1, bias=False), nn.ReLU(inplace=True), nn.Flatten())
    assert nas.profile(layers, input_shape=(1, 5, 5)).activation_bytes == 4 * 25 * (1 + 4)


def test_what_a_shortcut_keeps_counts_until_it_is_used():
    class Shortcut(nn.Module):
        def forward(self, x):
            kept = x * 2  # alive to the end
            for _ in range(4):
                x = x + 1
            return x + kept

    # The input, what is kept, and two of the row.
    assert nas.profile(Shortcut(), input_shape=(10,)).activation_bytes == 4 * 40


def test_views_of_weights_are_no_activations():
    class Views(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(8, 8))

        def forward(self, x):
            return x * self.weight[:1, :4].expand(1, 4)

    assert nas.profile(Views(), input_shape=(4,)).activation_bytes == 4 * (4 + 4)


def test_a_profile_changes_nothing_of_the_network():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = torch.get_rng_state()
    nas.profile(network, input_shape=(3, 8, 8))
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert all(parameter.device.type == "cpu" for parameter in network.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_without_an_architecture_the_default_one_is_measured():
    default = nas.extract(Elastic).default()
    shape = (3, 8, 8)
    assert nas.profile(Elastic, input_shape=shape) == nas.profile(Elastic, default, input_shape=shape)


class Elastic(nn.Module):
    """A depthwise convolution, attention and a choice, all of widths to be chosen."""

    def __init__(self):
        super().__init__()
        width = nas.ValueChoice([8, 4, 16], label="width")
        kernel = nas.ValueChoice([3, 5], label="kernel")
        self.stem = nas.Conv2d(3, width, 1)
        self.depthwise = nas.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nas.BatchNorm2d(width)
        self.blocks = nas.Repeat(lambda i: nas.Conv2d(width, width, 1), (1, 3), label="depth")
        self.op = nas.LayerChoice({"wide": lambda: nas.Linear(width, width * 4), "none": nn.Identity}, label="op")

    def forward(self, x):
        return self.op(self.blocks(self.norm(self.depthwise(self.stem(x)))).mean((2, 3)))


@pytest.mark.parametrize("number", range(12))
def test_a_supernet_costs_what_the_network_costs_that_is_built(number):
    space = nas.extract(Elastic)
    architecture = space.at(number * 3)
    supernet = nas.build(Elastic, None)
    nas.activate(supernet, architecture)
    built = nas.profile(Elastic, architecture, input_shape=(3, 8, 8))
    active = nas.profile(supernet, input_shape=(3, 8, 8))
    # Slices of weights that are no views of one piece are laid out anew, so memory may differ.
    assert (active.parameters, active.macs) == (built.parameters, built.macs)
    network = nas.build(Elastic, architecture)
    assert built.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert built == nas.profile(network, input_shape=(3, 8, 8))


def test_another_architecture_of_a_supernet_is_measured_without_activating_it():
    space = nas.extract(Elastic)
    supernet = nas.build(Elastic, None)
    nas.activate(supernet, space.at(0))
    output = supernet(torch.ones(1, 3, 8, 8))
    found = nas.profile(supernet, space.at(30), input_shape=(3, 8, 8))
    assert found.parameters == nas.profile(Elastic, space.at(30), input_shape=(3, 8, 8)).parameters
    assert supernet(torch.ones(1, 3, 8, 8)).shape == output.shape


def test_a_large_elastic_supernet_costs_what_is_active():
    def make():
        return SPACE.make(classes=10, channels=3, width=0.25, downsampling=4)

    known = SPACE.known["mobilenetv3-large-1.0"].decisions
    built = nas.profile(make, known, input_shape=(3, 16, 16))
    active = nas.profile(nas.build(make, None), known, input_shape=(3, 16, 16))
    assert (active.parameters, active.macs) == (built.parameters, built.macs)


def test_a_network_larger_than_memory_is_measured():
    found = nas.profile(lambda: nn.Linear(10**6, 10**6, bias=False), input_shape=(10**6,))
    assert (found.parameters, found.macs) == (10**12, 10**12)
    assert math.log10(found.activation_bytes) == pytest.approx(math.log10(8e6))
