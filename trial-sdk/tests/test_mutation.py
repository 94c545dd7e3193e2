"""A residual network as one finds it, written without choices, and spaces made of it."""

import random

import nas_trial as nas
import pytest
import torch
from nascore.errors import InvalidInputError, SpaceError, StateError
from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, width: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = None
        if stride != 1 or width != out:
            self.downsample = nn.Sequential(nn.Conv2d(width, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, extra: int = 0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.extra = nn.Sequential(*[nn.Conv2d(4, 4, 1) for _ in range(extra)])
        self.layer1 = nn.Sequential(BasicBlock(4, 4), BasicBlock(4, 4))
        self.layer2 = nn.Sequential(BasicBlock(4, 8, 2), BasicBlock(8, 8))
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = self.layer2(self.layer1(self.extra(self.conv1(x))))
        return self.fc(x.mean((2, 3)))


def kernel_choice(conv: nn.Conv2d) -> nn.Module:
    wide = {"padding": 2, "stride": conv.stride, "bias": False}
    return nas.LayerChoice({"conv": conv, "wide": lambda: nn.Conv2d(conv.in_channels, conv.out_channels, 5, **wide)})


class Squeezed(nn.Module):
    """A choice of width that only its layers hold, and one that nothing holds."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        hidden = nas.ValueChoice([2, 3])
        nas.ValueChoice([1, 2])
        self.down = nas.Conv2d(conv.in_channels, hidden, 1, bias=False)
        self.up = nas.Conv2d(hidden, conv.out_channels, 3, padding=1, stride=conv.stride, bias=False)

    def forward(self, x):
        return self.up(self.down(x))


RULES = {
    "layer*.conv1": kernel_choice,
    "layer*.conv2": Squeezed,
    nn.BatchNorm2d: lambda norm: nas.LayerChoice([norm, nn.Identity]),
    lambda name, module: name == "layer1.1": lambda block: block,
}
X = torch.randn(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def paths(factory) -> list[str]:
    return [row.path for row in nas.extract(factory).decisions]


def test_labels_are_the_places_of_what_is_replaced() -> None:
    assert set(paths(nas.mutate(ResNet, {"layer2.*.conv?": Squeezed}))) == {
        "layer2.0.conv1.down.out_channels",
        "layer2.0.conv1.ValueChoice-1",
        "layer2.0.conv2.down.out_channels",
        "layer2.0.conv2.ValueChoice-1",
        "layer2.1.conv1.down.out_channels",
        "layer2.1.conv1.ValueChoice-1",
        "layer2.1.conv2.down.out_channels",
        "layer2.1.conv2.ValueChoice-1",
    }


def test_labels_stay_when_the_model_or_the_rules_are_edited_elsewhere() -> None:
    edited = nas.mutate(lambda: ResNet(extra=2), {"extra.*": kernel_choice, **RULES, nn.Linear: lambda fc: fc})
    assert set(paths(nas.mutate(ResNet, RULES))) < set(paths(edited))
    assert paths(nas.mutate(ResNet, RULES)) == paths(nas.mutate(ResNet, RULES))


def test_every_mode_computes_the_same_with_the_same_keys() -> None:
    factory = nas.mutate(ResNet, RULES)
    space, supernet, rng = nas.extract(factory), nas.build(factory, None).double().eval(), random.Random(0)
    for _ in range(10):
        architecture = space.sample(rng)
        built = nas.build(factory, architecture).double().eval()
        nas.activate(supernet, architecture)
        slices = nas.slices(supernet, architecture)
        assert list(slices) == list(built.state_dict())
        nas.copy_weights(supernet.state_dict(), built, slices=slices)
        torch.testing.assert_close(built(X), supernet(X), rtol=1e-10, atol=1e-10)


def test_original_where_all_choices_keep_it_is_the_original() -> None:
    factory = nas.mutate(ResNet, {"layer*.conv1": kernel_choice})
    torch.manual_seed(0)
    built = nas.build(factory, nas.extract(factory).default()).double().eval()
    torch.manual_seed(0)
    original = ResNet().double().eval()
    assert torch.equal(built(X), original(X))
    assert "layer1.0.conv1.conv.weight" in built.state_dict()


def test_first_pattern_counts_and_replaced_parts_are_not_looked_through() -> None:
    rules = {"layer1.0": nn.Sequential, BasicBlock: lambda block: nn.Identity()}
    model = nas.mutate(ResNet, rules)()
    assert isinstance(model.layer1[0][0].conv1, nn.Conv2d)
    assert isinstance(model.layer1[1], nn.Identity)


def test_module_in_two_places_is_replaced_by_one() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(2, 2)
            self.second = self.first

    model = nas.mutate(Shared, {nn.Linear: lambda line: nas.LayerChoice({"line": line, "skip": nn.Identity})})()
    assert model.first is model.second
    assert isinstance(model.first, nas.LayerChoice)


def test_model_itself_may_be_replaced() -> None:
    factory = nas.mutate(lambda: nn.Linear(2, 2), {nn.Linear: lambda line: nas.LayerChoice({"a": line, "b": Wrapped})})
    assert [row.path for row in nas.extract(factory).decisions] == ["LayerChoice", "LayerChoice/b/b.0.out_features"]
    assert nas.build(factory, {"LayerChoice": "b", "LayerChoice/b/b.0.out_features": "3"})(torch.ones(1, 2)).shape == (
        1,
        3,
    )


class Wrapped(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nas.Linear(2, nas.ValueChoice([2, 3])))


class Branching(nn.Module):
    """A model that has choices already, also in candidates and copies."""

    def __init__(self) -> None:
        super().__init__()
        self.op = nas.LayerChoice({"conv": lambda: nn.Sequential(nn.Conv2d(3, 3, 3, padding=1)), "skip": nn.Identity})
        self.stage = nas.Repeat(
            lambda i: nn.Sequential(nn.Conv2d(3, 3, 1), nas.LayerChoice([nn.ReLU, nn.Tanh])), (1, 3)
        )

    def forward(self, x):
        return self.stage(self.op(x))


def test_what_is_put_into_a_candidate_or_a_copy_depends_on_its_choice() -> None:
    factory = nas.mutate(Branching, {nn.Conv2d: Squeezed})
    assert {"op", "op/conv/op.conv.0.down.out_channels", "op/conv/op.conv.0.ValueChoice-1"} < set(paths(factory))
    assert {"stage[2]/stage.*.0.down.out_channels", "stage[2]/stage.*.1"} < set(paths(factory))
    space, supernet, rng = nas.extract(factory), nas.build(factory, None).double(), random.Random(0)
    for _ in range(20):
        architecture = space.sample(rng)
        built = nas.build(factory, architecture).double()
        nas.activate(supernet, architecture)
        nas.copy_weights(supernet.state_dict(), built, slices=nas.slices(supernet, architecture))
        torch.testing.assert_close(built(X), supernet(X), rtol=1e-10, atol=1e-10)


def test_mutated_model_may_be_mutated_again_also_in_the_same_place() -> None:
    first = nas.mutate(ResNet, {"layer1.0.conv1": Squeezed})
    second = nas.mutate(
        first, {"layer1.0.conv1": lambda part: nas.LayerChoice({"old": part, "new": lambda: Squeezed(part.up)})}
    )
    assert len(paths(second)) == 5
    nas.build(second, nas.extract(second).sample(random.Random(1)))


def test_pattern_for_a_copy_that_an_architecture_lacks_is_no_error_there() -> None:
    factory = nas.mutate(Branching, {"stage.2.0": lambda conv: conv, "op.conv.0": lambda conv: conv})
    assert len(nas.build(factory, {**nas.extract(factory).default(), "op": "skip"}).stage) == 1


def test_slot_is_filled_by_what_it_holds() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nas.Slot(width=4, stride=2)
            self.second = nas.Slot(width=4, stride=1)

        def forward(self, x):
            return self.second(self.first(x))

    def fill(slot: nas.Slot) -> nn.Module:
        width, stride = slot.given["width"], slot.given["stride"]
        return nas.LayerChoice({f"conv{k}": lambda k=k: nn.Conv2d(width, width, k, stride, k // 2) for k in (3, 5)})

    factory = nas.mutate(Net, {nas.Slot: fill})
    assert paths(factory) == ["first", "second"]
    assert nas.build(factory, {"first": "conv5", "second": "conv3"})(torch.ones(1, 4, 6, 6)).shape == (1, 4, 3, 3)
    with pytest.raises(StateError, match=r"slot \(width=4, stride=2\) is not filled.*nas\.mutate"):
        Net()(torch.ones(1))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: nas.mutate(ResNet, {}), "rules"),
        (lambda: nas.mutate(ResNet, [nn.Conv2d]), "Map patterns to functions"),
        (lambda: nas.mutate(ResNet, {"": Squeezed}), "'' is no pattern"),
        (lambda: nas.mutate(ResNet, {int: Squeezed}), "is no pattern.*nn.Conv2d"),
        (lambda: nas.mutate(ResNet, {"fc": nn.Linear(1, 1)}), "'fc' is to be replaced by Linear.*lambda conv"),
        (
            nas.mutate(ResNet, {"layer1.conv1": Squeezed}),
            r"'layer1.conv1'.* matches no module.*layer1.\d.conv1",
        ),
        (nas.mutate(ResNet, {nn.Conv3d: Squeezed}), "Conv3d.* matches no module"),
        (nas.mutate(ResNet, {"fc": lambda fc: None}), "replacement of 'fc' .Linear. is None"),
        (lambda: nas.extract(nas.mutate(Branching, {"stage.7.0": Squeezed})), "'stage.7.0'.* matches no module"),
    ],
)
def test_wrong_rules_are_refused(write, message) -> None:
    with pytest.raises(SpaceError, match=message):
        write()


def test_model_instead_of_a_factory_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="callable that makes the model"):
        nas.mutate(ResNet(), RULES)
