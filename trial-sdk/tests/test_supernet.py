"""The proof of the SDK: three models with nested choices, each against a reference written by hand.

For 200 random architectures of each, the network that was built, the supernet with this architecture active, and a
function in plain torch that reads the supernet's state with slices written by hand compute the same in float64.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass

import nas_trial as nas
import pytest
import torch
from nas_trial.build import Blueprint
from nas_trial.layers.elastic import Elastic
from nascore.errors import ArchitectureError, InvalidInputError, StateError
from nascore.space import Architecture, Candidate, Integer, OneOf, Real, Repeat, SearchSpace, SomeOf
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 -- the name everybody knows

State = Mapping[str, Tensor]


# Convolutions: coupled widths, kernel sizes, choices in choices in free copies.


class Convolution(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        kernel = nas.ValueChoice([3, 5, 1], label="kernel")
        self.conv = nas.Conv2d(width, width, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Bottleneck(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = nas.ValueChoice([2, 6], label="hidden")
        self.down = nas.Conv2d(width, hidden, 1)
        self.act = nas.LayerChoice([nn.ReLU, nn.Tanh], label="act")
        self.up = nas.Conv2d(hidden, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.act(self.down(x)))


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        candidates = {"conv": lambda: Convolution(width), "mix.1": lambda: Bottleneck(width), "skip": nn.Identity}
        self.op = nas.LayerChoice(candidates, label="op")
        self.norm = nas.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.op(x))


class ConvNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width = nas.ValueChoice([8, 4, 6], label="width")
        self.stem = nas.Conv2d(3, width, 3, padding=1)
        self.stage = nas.Repeat(lambda i: Block(width), (1, 3), label="depth")
        self.head = nas.Linear(width, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stage(self.stem(x)).mean((2, 3)))


def numbers(label: str, *values: int | float | str) -> OneOf:
    return OneOf(label, tuple(Candidate(str(v), None if isinstance(v, str) else v) for v in values))


CONV_SPACE = SearchSpace(
    (
        numbers("width", 8, 4, 6),
        Repeat(
            "depth",
            (
                OneOf(
                    "op",
                    (
                        Candidate("conv", children=(numbers("kernel", 3, 5, 1),)),
                        Candidate("mix.1", children=(numbers("hidden", 2, 6), numbers("act", "0", "1"))),
                        Candidate("skip"),
                    ),
                ),
            ),
            1,
            3,
        ),
    )
)


def norm2d(state: State, key: str, x: Tensor, n: int) -> Tensor:
    parts = [state[f"{key}.{name}"][:n] for name in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *parts)


def conv_reference(state: State, a: Architecture, x: Tensor) -> Tensor:
    w = int(a["width"])
    x = F.conv2d(x, state["stem.weight"][:w], state["stem.bias"][:w], padding=1)
    for i in range(a["depth"]):
        key, path = f"stage.{i}.op.", f"depth[{i}]/op"
        y = x
        if a[path] == "conv":
            k = int(a[f"{path}/conv/kernel"])
            edge = {1: 2, 3: 1, 5: 0}[k]
            weight = state[key + "conv.conv.weight"][:w, :w, edge : edge + k, edge : edge + k]
            y = F.conv2d(x, weight, padding=k // 2)
        elif a[path] == "mix.1":
            h = int(a[f"{path}/mix.1/hidden"])
            y = F.conv2d(x, state[key + "mix%2E1.down.weight"][:h, :w], state[key + "mix%2E1.down.bias"][:h])
            y = F.relu(y) if a[f"{path}/mix.1/act"] == "0" else torch.tanh(y)
            y = F.conv2d(y, state[key + "mix%2E1.up.weight"][:w, :h], state[key + "mix%2E1.up.bias"][:w])
        x = x + norm2d(state, f"stage.{i}.norm", y, w)
    return F.linear(x.mean((2, 3)), state["head.weight"][:, :w], state["head.bias"])


# Inputs: subsets that are concatenated or averaged, depthwise layers, tied copies, a kernel shared by label.


class Depthwise(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        kernel = nas.ValueChoice([1, 3], label="kernel")
        self.conv = nas.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x))


class CellNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        c = nas.ValueChoice([4, 2], label="channels")
        self.wide = nas.Conv2d(2, c, (3, 1), padding=(1, 0))
        self.point = nas.Conv2d(2, c, 1)
        self.joined = nas.InputChoice(["wide", "point", "both"], n_chosen=(1, 3), reduction="concat", label="joined")
        self.mix = nas.Conv2d(self.joined.count * c, c * 2, 1)
        self.norm = nas.GroupNorm(2, c * 2)
        self.layers = nas.Repeat(lambda i: Depthwise(c * 2), (0, 2), label="layers", tied=True)
        self.skips = nas.InputChoice(2, n_chosen=None, reduction="mean", label="skips")
        kernel = nas.ValueChoice([1, 3], label="kernel")
        self.last = nas.InputChoice(2, label="last")
        self.head = nas.ConvTranspose2d(c * 2, 3, kernel, stride=2, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        wide, point = self.wide(x), self.point(x)
        x = self.norm(self.mix(self.joined([wide, point, wide * point])))
        mean = self.skips([x, self.layers(x)])
        return self.head(self.last([mean, x + mean]))


CELL_SPACE = SearchSpace(
    (
        numbers("channels", 4, 2),
        SomeOf("joined", (Candidate("wide"), Candidate("point"), Candidate("both")), 1, 3),
        Repeat("layers", (numbers("kernel", 1, 3),), 0, 2, tied=True),
        SomeOf("skips", (Candidate("0"), Candidate("1")), 0, 2),
        numbers("kernel", 1, 3),
        numbers("last", "0", "1"),
    )
)


def cell_reference(state: State, a: Architecture, x: Tensor) -> Tensor:
    c, k = int(a["channels"]), int(a["kernel"])
    crop = slice(0, 3) if k == 3 else slice(1, 2)
    wide = F.conv2d(x, state["wide.weight"][:c], state["wide.bias"][:c], padding=(1, 0))
    point = F.conv2d(x, state["point.weight"][:c], state["point.bias"][:c])
    inputs = {"wide": wide, "point": point, "both": wide * point}
    joined = torch.cat([inputs[key] for key in a["joined"]], 1)
    x = F.conv2d(joined, state["mix.weight"][: c * 2, : joined.shape[1]], state["mix.bias"][: c * 2])
    x = F.group_norm(x, 2, state["norm.weight"][: c * 2], state["norm.bias"][: c * 2])
    y = x
    for i in range(a["layers"]):
        weight, bias = state[f"layers.{i}.conv.weight"][: c * 2, :, crop, crop], state[f"layers.{i}.conv.bias"][: c * 2]
        y = F.relu(F.conv2d(y, weight, bias, padding=k // 2, groups=c * 2))
    mean = {(): x * 0, ("0",): x, ("1",): y, ("0", "1"): (x + y) / 2}[a["skips"]]
    last = mean if a["last"] == "0" else x + mean
    weight = state["head.weight"][: c * 2, :, crop, crop]
    return F.conv_transpose2d(last, weight, state["head.bias"], stride=2, padding=k // 2)


# Sequences: ranges of numbers, repeats in repeats, a text, a number used in forward.


class Encoder(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        ratio = nas.ValueChoice([1, 2.5], label="ratio")
        hidden = round(dim * ratio)
        self.act = nas.ValueChoice(["relu", "gelu"], label="act")
        self.norm = nas.LayerNorm(dim)
        self.up = nas.Linear(dim, hidden)
        self.slope = nas.PReLU(hidden)
        self.down = nas.Linear(hidden, dim)
        mixers = {"linear": lambda: nas.Linear(dim, dim, bias=False), "train": nn.Tanh}
        self.inner = nas.Repeat(lambda j: nas.LayerChoice(mixers, label="mixer"), (0, 2), label="inner")

    def forward(self, x: Tensor) -> Tensor:
        y = getattr(F, nas.current(self.act))(self.slope(self.up(self.norm(x)).mT).mT)
        return x + self.inner(self.down(y))


class SequenceNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        dim = nas.Integer(4, 10, step=2, label="dim")
        self.scale = nas.Real(0.5, 2.0, label="scale")
        self.embed = nas.Embedding(11, nas.minimum(dim, 8))
        self.widen = nas.Linear(nas.minimum(dim, 8), dim)
        self.blocks = nas.Repeat(lambda i: Encoder(dim), (1, 2), label="blocks")
        self.conv = nas.Conv1d(dim, dim, nas.ValueChoice([5, 3], label="taps"), padding="same", padding_mode="circular")
        self.norm = nas.BatchNorm1d(dim, momentum=None)
        self.drop = nas.Dropout(nas.ValueChoice([0.0, 0.5], label="rate"))
        self.head = nas.Linear(dim, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.widen(self.embed(x)))
        x = self.norm(self.conv(x.mT)).mT * self.scale
        return self.head(self.drop(x))


SEQUENCE_SPACE = SearchSpace(
    (
        Integer("dim", 4, 10, 2),
        Real("scale", 0.5, 2.0),
        Repeat(
            "blocks",
            (
                numbers("ratio", 1, 2.5),
                numbers("act", "relu", "gelu"),
                Repeat("inner", (numbers("mixer", "linear", "train"),), 0, 2),
            ),
            1,
            2,
        ),
        numbers("taps", 5, 3),
        numbers("rate", 0.0, 0.5),
    )
)


def sequence_reference(state: State, a: Architecture, x: Tensor) -> Tensor:
    d = a["dim"]
    e = min(d, 8)
    x = F.embedding(x, state["embed.weight"][:, :e])
    x = F.linear(x, state["widen.weight"][:d, :e], state["widen.bias"][:d])
    for i in range(a["blocks"]):
        key, path = f"blocks.{i}.", f"blocks[{i}]/"
        h = round(d * float(a[path + "ratio"]))
        y = F.layer_norm(x, (d,), state[key + "norm.weight"][:d], state[key + "norm.bias"][:d])
        y = F.linear(y, state[key + "up.weight"][:h, :d], state[key + "up.bias"][:h])
        y = torch.where(y > 0, y, y * state[key + "slope.weight"][:h])
        y = F.relu(y) if a[path + "act"] == "relu" else F.gelu(y)
        y = F.linear(y, state[key + "down.weight"][:d, :h], state[key + "down.bias"][:d])
        for j in range(a[path + "inner"]):
            is_linear = a[f"{path}inner[{j}]/mixer"] == "linear"
            y = F.linear(y, state[f"{key}inner.{j}.linear.weight"][:d, :d]) if is_linear else torch.tanh(y)
        x = x + y
    k = int(a["taps"])
    weight = state["conv.weight"][:d, :d, 1:4] if k == 3 else state["conv.weight"][:d, :d]
    x = F.conv1d(F.pad(x.mT, (k // 2, k // 2), mode="circular"), weight, state["conv.bias"][:d])
    x = norm2d(state, "norm", x, d).mT * a["scale"]
    return F.linear(x, state["head.weight"][:, :d], state["head.bias"])


@dataclass(frozen=True)
class Case:
    factory: Callable[[], nn.Module]
    space: SearchSpace
    reference: Callable[[State, Architecture, Tensor], Tensor]
    batch: Callable[[], Tensor]


CASES = {
    "convolutions": Case(ConvNet, CONV_SPACE, conv_reference, lambda: torch.randn(2, 3, 5, 5, dtype=torch.float64)),
    "cell": Case(CellNet, CELL_SPACE, cell_reference, lambda: torch.randn(2, 2, 5, 5, dtype=torch.float64)),
    "sequence": Case(SequenceNet, SEQUENCE_SPACE, sequence_reference, lambda: torch.randint(11, (3, 6))),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    torch.manual_seed(0)
    return request.param


@pytest.fixture(autouse=True, scope="module")
def single_thread() -> Iterator[None]:
    """Networks this small only lose by threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def supernet_of(case: Case) -> nn.Module:
    """A supernet in double precision whose parameters and statistics are all different."""
    supernet = nas.build(case.factory, None).double()
    with torch.no_grad():
        for name, tensor in supernet.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(
                    torch.rand_like(tensor) + 0.5 if name.endswith("running_var") else torch.randn_like(tensor)
                )
    return supernet


def prove(case: Case, *, count: int) -> None:
    torch.manual_seed(0)
    supernet = supernet_of(case).eval()
    state, rng = supernet.state_dict(), random.Random(0)
    for _ in range(count):
        architecture = case.space.sample(rng)
        batch = case.batch()
        nas.activate(supernet, architecture)
        built = nas.build(case.factory, architecture).double().eval()
        slices = nas.slices(supernet, architecture)
        assert list(built.state_dict()) == list(slices)
        assert set(slices) <= set(state)
        nas.copy_weights(state, built, slices=slices)
        expected = case.reference(state, architecture, batch)
        torch.testing.assert_close(built(batch), expected, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(supernet(batch), expected, rtol=1e-10, atol=1e-10)


def test_extracted_space_is_the_one_written_by_hand(case: Case) -> None:
    assert nas.extract(case.factory).diff(case.space) == ()
    assert nas.extract(case.factory).fingerprint == case.space.fingerprint


def test_built_network_and_activated_supernet_are_the_reference(case: Case) -> None:
    prove(case, count=200)


def test_proof_fails_where_kernels_are_cut_from_the_start(monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    monkeypatch.setattr(Elastic, "_cut", lambda self, name, shape: tuple(slice(0, n) for n in shape))
    with pytest.raises(AssertionError, match="not close"):
        prove(case, count=40)


@pytest.mark.parametrize("name", ["convolutions", "sequence"])
def test_proof_fails_where_copies_take_the_decisions_of_another(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    inside = Blueprint.inside
    monkeypatch.setattr(
        Blueprint,
        "inside",
        lambda self, decision, branch: inside(self, decision, branch if isinstance(branch, str) else 0),
    )
    with pytest.raises((AssertionError, InvalidInputError, StateError)):
        prove(CASES[name], count=40)


def test_training_steps_agree_and_change_the_same_statistics(case: Case) -> None:
    supernet, rng = supernet_of(case), random.Random(1)
    for _ in range(20):
        architecture = case.space.sample(rng)
        nas.activate(supernet, architecture)
        slices = nas.slices(supernet, architecture)
        built = nas.build(case.factory, architecture).double()
        nas.copy_weights(supernet.state_dict(), built, slices=slices)
        batch = case.batch()
        outputs = []
        for network in (supernet, built):
            torch.manual_seed(5)  # the same dropout
            network.zero_grad()
            outputs.append(network(batch))
            outputs[-1].square().sum().backward()
        torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-9, atol=1e-9)
        for key, tensor in built.state_dict().items():
            torch.testing.assert_close(supernet.state_dict()[key][slices[key]], tensor, rtol=1e-9, atol=1e-9)
        gradients = {key: p.grad for key, p in supernet.named_parameters()}
        for key, parameter in built.named_parameters():
            if parameter.grad is not None:
                part = gradients.pop(key)
                torch.testing.assert_close(part[slices[key]], parameter.grad, rtol=1e-8, atol=1e-8)
        assert all(gradient is None or not gradient.any() for gradient in gradients.values())


def test_gradient_is_zero_outside_of_the_slice() -> None:
    supernet = nas.build(lambda: nas.Linear(nas.ValueChoice([2, 5], label="in"), 3), None)
    nas.activate(supernet, {"in": "2"})
    supernet(torch.ones(1, 2)).sum().backward()
    assert supernet.weight.grad[:, :2].all()
    assert not supernet.weight.grad[:, 2:].any()


def called_in(network: nn.Module, batch: Tensor) -> list[str]:
    called: list[str] = []
    handles = [
        module.register_forward_pre_hook(lambda _, __, name=name: called.append(name))
        for name, module in network.named_modules()
    ]
    network(batch)
    for handle in handles:
        handle.remove()
    return called


def test_supernet_calls_only_what_the_built_network_calls(case: Case) -> None:
    supernet, rng = supernet_of(case), random.Random(2)
    for _ in range(20):
        architecture = case.space.sample(rng)
        nas.activate(supernet, architecture)
        batch = case.batch()
        assert called_in(supernet, batch) == called_in(nas.build(case.factory, architecture).double(), batch)


def test_no_parameter_is_copied_or_added_by_activation(case: Case) -> None:
    supernet = supernet_of(case)
    before = {key: tensor.data_ptr() for key, tensor in supernet.state_dict().items()}
    nas.activate(supernet, case.space.sample(random.Random(3)))
    supernet(case.batch())
    assert {key: tensor.data_ptr() for key, tensor in supernet.state_dict().items()} == before


def test_copied_supernet_switches_by_itself(case: Case) -> None:
    supernet, rng = supernet_of(case).eval(), random.Random(4)
    first, second = case.space.sample(rng), case.space.sample(rng)
    nas.activate(supernet, first)
    copied = deepcopy(supernet)
    nas.activate(copied, second)
    batch = case.batch()
    torch.testing.assert_close(supernet(batch), case.reference(supernet.state_dict(), first, batch))
    torch.testing.assert_close(copied(batch), case.reference(supernet.state_dict(), second, batch))


def test_state_of_a_supernet_goes_round(case: Case) -> None:
    first, second = supernet_of(case).eval(), supernet_of(case).eval()
    second.load_state_dict(first.state_dict(), strict=True)
    architecture, batch = case.space.sample(random.Random(5)), case.batch()
    nas.activate(first, architecture)
    nas.activate(second, architecture)
    torch.testing.assert_close(first(batch), second(batch), rtol=0, atol=0)


def test_dtype_device_and_mode_reach_everything_in_a_supernet(case: Case) -> None:
    supernet = nas.build(case.factory, None).to(torch.bfloat16).eval()
    assert {t.dtype for t in supernet.state_dict().values() if t.is_floating_point()} == {torch.bfloat16}
    assert not any(module.training for module in supernet.modules())
    nas.activate(supernet, case.space.default())
    assert supernet.double().to("meta")(case.batch().to("meta")).is_meta


def test_what_the_active_architecture_does_not_reach_is_not_decided() -> None:
    def factory() -> nn.Module:
        candidates = {"a": lambda: nas.Linear(4, nas.ValueChoice([2, 3], label="out")), "b": nn.Identity}
        return nas.LayerChoice(candidates, label="op")

    supernet = nas.build(factory, None)
    nas.activate(supernet, {"op": "a", "op/a/out": "2"})
    nas.activate(supernet, {"op": "b"})
    with pytest.raises(StateError, match="'op/a/out'"):
        supernet.a(torch.ones(1, 4))


def test_supernet_within_a_module_is_found_with_its_prefix() -> None:
    holder = nn.Sequential(nn.Flatten(), nas.build(lambda: nas.Linear(4, nas.ValueChoice([2, 3], label="out")), None))
    nas.activate(holder, {"out": "2"})
    assert holder(torch.ones(1, 2, 2)).shape == (1, 2)
    assert nas.slices(holder, {"out": "2"}) == {"1.weight": (slice(0, 2), slice(0, 4)), "1.bias": (slice(0, 2),)}


def test_slices_of_a_supernet_on_the_meta_device_are_the_same(case: Case) -> None:
    with torch.device("meta"):
        supernet = nas.build(case.factory, None)
    architecture = case.space.sample(random.Random(6))
    assert nas.slices(supernet, architecture) == nas.slices(nas.build(case.factory, None), architecture)


def test_tensor_in_two_places_has_slices_under_both_keys() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nas.Linear(nas.ValueChoice([2, 3], label="in"), 2)
            self.second = self.first

    supernet = nas.build(Shared, None)
    assert list(nas.slices(supernet, {"in": "2"})) == list(nas.build(Shared, {"in": "2"}).state_dict())


def test_supernet_computes_nothing_before_activation(case: Case) -> None:
    with pytest.raises(StateError, match=r"nas\.activate"):
        nas.build(case.factory, None)(case.batch())


def test_activation_of_what_is_no_supernet_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"nas\.build\(factory, None\)"):
        nas.activate(nn.Linear(1, 1), {})
    with pytest.raises(InvalidInputError, match="not a supernet"):
        nas.activate(nas.build(CellNet, nas.extract(CellNet).default()), {})


def test_wrong_architecture_leaves_the_active_one() -> None:
    supernet = nas.build(lambda: nas.Linear(4, nas.ValueChoice([2, 3], label="out")), None)
    nas.activate(supernet, {"out": "2"})
    with pytest.raises(ArchitectureError, match="out"):
        nas.activate(supernet, {"out": "7"})
    assert supernet(torch.ones(1, 4)).shape == (1, 2)


def test_weights_of_another_architecture_are_refused_and_nothing_is_copied() -> None:
    def factory() -> nn.Module:
        return nn.Sequential(nn.Linear(4, 4), nas.Linear(4, nas.ValueChoice([2, 3], label="out")))

    supernet, built = nas.build(factory, None), nas.build(factory, {"out": "2"})
    before = deepcopy(built.state_dict())
    with pytest.raises(InvalidInputError, match=r"1\.weight.*\(3, 4\).*\(2, 4\)"):
        nas.copy_weights(supernet.state_dict(), built, slices=nas.slices(supernet, {"out": "3"}))
    with pytest.raises(InvalidInputError, match=r"'0\.weight'"):
        nas.copy_weights({}, built, slices=nas.slices(supernet, {"out": "2"}))
    torch.testing.assert_close(built.state_dict(), before)
