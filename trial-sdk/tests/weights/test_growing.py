"""Network morphism keeps the function of a network: wider and deeper, in evaluation and in training."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nas_trial.weights import calibrate, inherit, save
from nas_trial.weights.growing import grown
from nascore.errors import InvalidInputError
from nascore.weights import DirectoryStore
from nascore.weights.rules import Grow
from torch import nn

MORPH = '{"preset": "morph"}'


class Net(nn.Module):
    """Convolutions with norms, one depthwise, and a linear reader of every place."""

    def __init__(self, width, *, depth=1, kernel=3, activation=nn.ReLU, norm=True):
        super().__init__()
        self.stem = nn.Conv2d(2, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, kernel, padding=kernel // 2),
                nn.BatchNorm2d(width) if norm else nn.Identity(),
                activation(),
            )
            for _ in range(depth)
        )
        self.each = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm = nn.BatchNorm2d(width)
        self.head = nn.Linear(width * 16, 5)

    def forward(self, images):
        x = self.stem(images).relu()
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(self.each(x)).flatten(1))


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path)


def images():
    return torch.randn(16, 2, 4, 4)


def trained(model):
    """Weights and statistics as after training: nothing is 0 or 1."""
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) + 0.5 if tensor.dim() == 1 else torch.randn_like(tensor) * 0.2)
    return model


def outputs(model, batch, *, training):
    """Of a copy's statistics: computing in training mode changes those of the network."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model.train(training)
    with torch.no_grad():
        found = model(batch)
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
    return found


def morphed(parent, child, store, rules=MORPH):
    return inherit(child, save(parent.state_dict(), store, trial=0), store, rules=rules)


def difference(parent, child, *, training):
    batch = images()
    return (outputs(parent, batch, training=training) - outputs(child, batch, training=training)).abs().max().item()


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("width", [6, 9, 16])
def test_a_wider_network_computes_the_same(store, width, training):
    parent, child = trained(Net(6)), Net(width)
    found = morphed(parent, child, store)
    assert not found.left
    assert difference(parent, child, training=training) < 1e-5


@pytest.mark.parametrize("kernel", [5, 7])
def test_a_larger_kernel_computes_the_same(store, kernel):
    parent, child = trained(Net(6)), Net(8, kernel=kernel)
    assert not morphed(parent, child, store).left
    assert difference(parent, child, training=False) < 1e-5


def test_a_deeper_network_computes_the_same_in_evaluation(store):
    parent, child = trained(Net(6)), Net(6, depth=3)
    found = morphed(parent, child, store)
    assert not found.left
    assert found.uncalibrated == ("blocks.1.1", "blocks.2.1")
    assert difference(parent, child, training=False) < 1e-5


def test_a_deeper_network_computes_the_same_in_training_once_it_is_calibrated(store):
    parent, child = trained(Net(6)), Net(9, depth=3)
    found = morphed(parent, child, store)
    batch = images()
    assert (outputs(parent, batch, training=True) - outputs(child, batch, training=True)).abs().max() > 0.1
    child.eval()
    calibrate(child, found.uncalibrated, lambda: child(batch))
    assert not child.training
    for training in (True, False):
        apart = outputs(parent, batch, training=training) - outputs(child, batch, training=training)
        assert apart.abs().max() < 1e-5


def test_calibration_changes_nothing_but_the_norms_that_were_added(store):
    parent, child = trained(Net(6)), Net(6, depth=2)
    found = morphed(parent, child, store)
    before = {key: value.clone() for key, value in child.state_dict().items()}
    calibrate(child, found.uncalibrated, lambda: child(images()))
    changed = {key for key, value in child.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {f"blocks.1.1.{name}" for name in ("weight", "bias", "running_mean", "running_var")}
    assert all(parameter.grad is None for parameter in child.parameters())


def test_calibration_of_what_is_no_norm_or_is_not_met_is_refused():
    child = Net(6)
    with pytest.raises(InvalidInputError, match="'stem' is no batch norm"):
        calibrate(child, ["stem"], lambda: child(images()))
    with pytest.raises(InvalidInputError, match=r"did not pass through blocks\.0\.1"):
        calibrate(child, ["blocks.0.1"], lambda: child.stem(images()))
    assert child.training


def test_an_activation_that_is_not_idempotent_does_change_the_function(store):
    """The limit of the method, so that nobody takes it for a promise of this code."""
    parent, child = trained(Net(6, activation=nn.GELU, norm=False)), Net(6, depth=2, activation=nn.GELU, norm=False)
    assert not morphed(parent, child, store).left
    assert difference(parent, child, training=False) > 1e-3


def test_copies_of_a_unit_drift_apart_in_training(store):
    parent, child = trained(Net(4)), Net(8)
    morphed(parent, child, store)
    stem = child.stem.weight
    assert torch.equal(stem[:4], stem[4:])
    child.eval()
    child(images()).square().sum().backward()
    assert not torch.allclose(stem.grad[:4], stem.grad[4:], rtol=1e-3)


@pytest.mark.parametrize(
    ("layer", "wider", "reason"),
    [
        (lambda w: nn.Conv2d(4, w, 3, groups=2), 8, "groups"),
        (lambda w: nn.Embedding(3, w), 8, "Embedding"),
        (nn.LayerNorm, 8, "LayerNorm"),
        (lambda w: nn.ConvTranspose2d(2, w, 3), 8, "ConvTranspose2d"),
        (lambda w: nn.Linear(3, w), 2, "does not grow to"),
    ],
)
def test_what_cannot_be_repeated_is_left_with_the_reason(store, layer, wider, reason):
    child = nn.Sequential(layer(wider))
    before = child[0].weight.detach().clone()
    found = morphed(nn.Sequential(layer(4)), child, store)
    assert reason in found.left["0.weight"]
    assert torch.equal(child[0].weight, before)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.Conv2d(4, 4, 3, padding=1, stride=2),
        lambda: nn.Conv2d(4, 4, 3),
        lambda: nn.Conv2d(4, 4, 2, padding="same"),
        lambda: nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"),
        lambda: nn.Conv2d(4, 8, 1),
        lambda: nn.Linear(4, 3),
        lambda: nn.BatchNorm2d(4, affine=True, track_running_stats=False),
        lambda: nn.InstanceNorm2d(4, affine=True),
        lambda: nn.LayerNorm(4),
    ],
)
def test_a_layer_that_cannot_pass_on_its_input_is_left_as_it_is(store, layer):
    child = nn.Sequential(nn.Identity(), layer())
    before = {key: value.clone() for key, value in child.state_dict().items()}
    found = morphed(nn.Sequential(nn.Identity()), child, store)
    assert found.left["1.weight"]
    assert torch.equal(child.state_dict()["1.weight"], before["1.weight"])


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 4, 5, padding="same"),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2),
        nn.Conv2d(4, 4, (1, 3), padding=(0, 1)),
        nn.Conv2d(4, 4, 3, padding=1, groups=2),
        nn.Conv2d(4, 4, 3, padding=1, groups=4),
        nn.BatchNorm2d(4, eps=0.1),
    ],
    ids=str,
)
def test_an_identity_passes_on_what_it_is_given(store, layer):
    model = nn.Sequential(layer)
    assert not inherit(model, save({}, store, trial=0), store, rules=MORPH).left
    x = torch.randn(2, 4, 6, 6)
    model.eval()
    with torch.no_grad():
        assert torch.allclose(model(x), x, atol=1e-5)


@given(data=st.data())
def test_overlap_keeps_what_both_have_and_pads_kernels_with_nothing(data):
    sizes = st.integers(1, 5)
    kernels = st.sampled_from([1, 3, 5])
    old, new = ([data.draw(sizes), data.draw(sizes), data.draw(kernels)] for _ in range(2))
    parent, child = (nn.Conv1d(shape[1], shape[0], shape[2], padding="same") for shape in (old, new))
    own = child.weight.detach().clone()
    with torch.no_grad():
        child.weight.copy_(grown(Grow.OVERLAP, own, parent.weight.detach(), layer=child, name="weight"))
    out, width = min(old[0], new[0]), min(old[1], new[1])
    signal = torch.randn(2, width, 20)
    both = [nn.functional.conv1d(signal, conv.weight[:out, :width], padding="same") for conv in (parent, child)]
    if new[2] >= old[2]:
        assert torch.allclose(*both, atol=1e-5)
    else:
        begin = (old[2] - new[2]) // 2
        assert torch.equal(child.weight[:out, :width], parent.weight[:out, :width, begin : begin + new[2]])
    assert torch.equal(child.weight[out:], own[out:])
    assert torch.equal(child.weight[:out, width:], own[:out, width:])


def test_gather_takes_rows_with_their_scales_one_axis_after_the_other(store):
    parent, child = nn.Linear(2, 2), nn.Linear(3, 3)
    steps = [
        {"keys": "weight", "name": "gather", "axis": 0, "indices": [0, 1, 1]},
        {"keys": "weight", "name": "gather", "axis": 1, "indices": [0, 1, 0], "scales": [0.25, 1, 0.75]},
        {"keys": "bias", "name": "gather", "indices": [0, 1, 1]},
    ]
    found = morphed(parent, child, store, json.dumps({"initialisations": steps}))
    assert found.taken == {"weight": "gather", "bias": "gather"}
    x = torch.randn(4, 2)
    with torch.no_grad():
        assert torch.allclose(child(x[:, [0, 1, 0]]), parent(x)[:, [0, 1, 1]], atol=1e-6)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ({"keys": "weight", "name": "gather", "axis": 2, "indices": [0]}, "none with number 2"),
        ({"keys": "weight", "name": "gather", "axis": 0, "indices": [0, 7, 1]}, "none with number 7"),
        ({"keys": "weight", "name": "gather", "axis": 0, "indices": [0]}, r"shape \[1, 2\], not \[3, 2\]"),
        ({"keys": "weight", "name": "identity"}, "cannot pass on its input"),
    ],
)
def test_an_initialisation_that_does_not_fit_leaves_the_tensor_with_the_reason(store, step, reason):
    child = nn.Linear(2, 3)
    before = child.weight.detach().clone()
    found = morphed(nn.Linear(2, 2), child, store, json.dumps({"initialisations": [step]}))
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(found.left["weight"])
    assert torch.equal(child.weight, before)
