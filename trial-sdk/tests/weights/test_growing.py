"""Network morphism keeps the function of a network: wider, deeper and with more branches, however it computes."""

import json

import nas_trial as nas
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nas_trial.judging import difference, trained
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


def morphed(parent, child, store, rules=MORPH):
    return inherit(child, save(parent.state_dict(), store, trial=0), store, rules=rules)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("width", [6, 9, 16])
def test_a_wider_network_computes_the_same(store, width, training):
    parent, child = trained(Net(6)), Net(width)
    found = morphed(parent, child, store)
    assert not found.left
    assert difference(parent, child, images(), training=training) < 1e-5


@pytest.mark.parametrize("kernel", [5, 7])
def test_a_larger_kernel_computes_the_same(store, kernel):
    parent, child = trained(Net(6)), Net(8, kernel=kernel)
    assert not morphed(parent, child, store).left
    assert difference(parent, child, images(), training=False) < 1e-5


def test_a_deeper_network_computes_the_same_in_evaluation(store):
    parent, child = trained(Net(6)), Net(6, depth=3)
    found = morphed(parent, child, store)
    assert not found.left
    assert found.uncalibrated == ("blocks.1.1", "blocks.2.1")
    assert difference(parent, child, images(), training=False) < 1e-5


def test_a_deeper_network_computes_the_same_in_training_once_it_is_calibrated(store):
    parent, child = trained(Net(6)), Net(9, depth=3)
    found = morphed(parent, child, store)
    batch = images()
    assert difference(parent, child, batch, training=True) > 0.1
    child.eval()
    calibrate(child, found.uncalibrated, lambda: child(batch))
    assert not child.training
    for training in (True, False):
        assert difference(parent, child, batch, training=training) < 1e-5


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
    assert difference(parent, child, images(), training=False) > 1e-3


class Branched(nn.Module):
    """Paths beside each other, each made of what no layer could be added among: a norm and no idempotent activation."""

    def __init__(self, paths, *, width=6):
        super().__init__()
        self.stem = nn.Conv2d(2, width, 3, padding=1)
        self.paths = nn.ModuleList(
            nas.Branch(
                nn.Sequential(
                    nn.Conv2d(width, 2 * width, 3, padding=1),
                    nn.BatchNorm2d(2 * width),
                    nn.GELU(),
                    nn.Conv2d(2 * width, width, 1),
                )
            )
            for _ in range(paths)
        )
        self.norm = nn.BatchNorm2d(width)
        self.head = nn.Linear(width * 16, 5)

    def forward(self, images):
        x = self.stem(images)
        return self.head(self.norm(sum((path(x) for path in self.paths), x.sin())).flatten(1))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 2), (2, 5)])
def test_a_network_with_more_branches_computes_the_same_to_the_last_bit(store, before, after, training):
    for dtype in (torch.float32, torch.float64):
        parent, child = trained(Branched(before)).to(dtype), trained(Branched(after)).to(dtype)
        found = morphed(parent, child, store)
        assert {found.taken[f"paths.{path}.factor"] for path in range(before)} <= {"exact"}
        assert {found.taken[f"paths.{path}.factor"] for path in range(before, after)} == {"identity"}
        assert difference(parent, child, images().to(dtype), training=training) == 0.0


def test_branches_that_are_added_together_do_not_begin_alike(store):
    child = Branched(3)
    found = morphed(trained(Branched(1)), child, store)
    one, other = (dict(child.paths[path].layer.named_parameters()) for path in (1, 2))
    assert any(not torch.equal(one[name], other[name]) for name in one)
    assert {found.left[key] for key in found.left} == {"its branch is new, and adds nothing yet"}


@pytest.mark.parametrize("training", [False, True])
def test_a_network_that_is_wider_and_has_more_branches_computes_the_same(store, training):
    parent, child = trained(Branched(1)), Branched(3, width=9)
    found = morphed(parent, child, store)
    assert all(key.startswith(("paths.1.layer", "paths.2.layer")) for key in found.left)
    assert difference(parent, child, images(), training=training) < 1e-5
    double = trained(Branched(1)).double(), Branched(3, width=9).double()
    morphed(*double, store)
    assert difference(*double, images().double(), training=training) < 1e-12


def test_a_branch_that_is_there_computes_the_same_with_a_layer_more(store):
    layers = [[nn.Linear(4, 4), nn.ReLU()] for _ in range(3)]
    parent = trained(nas.Branch(nn.Sequential(*layers[0])))
    child = nas.Branch(nn.Sequential(*layers[1], *layers[2]))
    assert not morphed(parent, child, store).left
    assert child.factor == parent.factor != 0
    assert difference(parent, child, torch.randn(16, 4), training=True) < 1e-6


def test_a_branch_that_was_added_learns(store):
    parent, child = trained(Branched(1)), Branched(2)
    morphed(parent, child, store)
    assert child.paths[1].factor == 0
    child(images()).square().sum().backward()
    assert child.paths[1].factor.grad != 0


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
