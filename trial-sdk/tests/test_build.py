import gc
import weakref

import nas_trial as nas
import pytest
import torch
from nascore.errors import ArchitectureError, SpaceError
from torch import nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.op = nas.LayerChoice({"a": lambda: nas.Linear(2, nas.ValueChoice([1, 3], label="w")), "b": nn.Identity})

    def forward(self, x):
        return self.op(x)


def test_only_what_was_chosen_is_created() -> None:
    assert list(nas.build(Net, {"op": "a", "op/a/w": "3"}).state_dict()) == ["op.a.weight", "op.a.bias"]
    assert nas.build(Net, {"op": "b"}).state_dict() == {}


def test_architecture_may_hold_values_for_keys() -> None:
    assert nas.build(Net, {"op": "a", "op/a/w": 3})(torch.ones(2)).shape == (3,)


def test_model_outside_of_any_build_is_the_default() -> None:
    default = nas.build(Net, nas.extract(Net).default())
    assert [(k, v.shape) for k, v in Net().state_dict().items()] == [
        (k, v.shape) for k, v in default.state_dict().items()
    ]
    assert Net()(torch.ones(2)).shape == (1,)


def test_same_seed_makes_the_same_network_whether_the_space_was_known_or_not() -> None:
    def fresh() -> nn.Module:
        return Net()

    weights = []
    for _ in range(2):
        torch.manual_seed(0)
        weights.append(nas.build(fresh, {"op": "a", "op/a/w": "3"}).op(torch.ones(2)))
    assert torch.equal(*weights)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({"op": "c"}, "op"),
        ({"op": "b", "opp": "b"}, "did you mean 'op'"),
        ({"op": "a"}, "op/a/w"),
        ({"op": "b", "op/a/w": "3"}, "op/a/w"),
        ({}, "op"),
    ],
)
def test_architecture_that_does_not_fit_is_refused(architecture, message) -> None:
    with pytest.raises(ArchitectureError, match=message):
        nas.build(Net, architecture)


def test_factory_that_makes_another_model_later_is_read_again() -> None:
    class Trial:
        width = 2

        def build(self) -> nn.Module:
            return nas.Linear(2, nas.ValueChoice(list(range(1, self.width + 1)), label="w"))

    trial = Trial()
    assert nas.build(trial.build, {"w": "2"}).out_features == 2
    trial.width = 3
    assert nas.build(trial.build, {"w": "3"}).out_features == 3
    trial.width = 4
    supernet = nas.build(trial.build, None)
    nas.activate(supernet, {"w": "4"})
    assert supernet(torch.ones(2)).shape == (4,)


def test_space_is_read_once_for_a_method() -> None:
    class Trial:
        calls = 0

        def build(self) -> nn.Module:
            self.calls += 1
            return Net()

    trial = Trial()
    nas.extract(trial.build)
    for _ in range(3):
        nas.build(trial.build, {"op": "b"})
    assert trial.calls == 4


def test_remembered_spaces_do_not_keep_their_factories() -> None:
    class Trial:
        def build(self) -> nn.Module:
            return Net()

    trial = Trial()
    nas.build(trial.build, {"op": "b"})
    gone = weakref.ref(trial)
    del trial
    gc.collect()
    assert gone() is None


def test_factory_without_weak_references_is_taken() -> None:
    class Factory:
        __slots__ = ()

        def __call__(self) -> nn.Module:
            return Net()

    assert nas.build(Factory(), {"op": "b"}).op.chosen == "b"


@pytest.mark.parametrize("first", [1, 2, 3])
def test_factory_that_changes_every_time_is_refused(first) -> None:
    count = [0]

    def choices() -> nn.Module:
        count[0] += 1
        return nn.Sequential(*(nas.LayerChoice([nn.ReLU], label=f"{i}") for i in range(first, first + count[0])))

    architecture = {f"{first}": "0"}
    with pytest.raises(SpaceError, match=r"does not make the same model every time.*was not met"):
        nas.build(choices, architecture)
    with pytest.raises((SpaceError, ArchitectureError)):
        nas.build(choices, architecture)


def test_factory_that_forgets_a_choice_is_refused() -> None:
    made: list[nn.Module] = []

    def forgetful() -> nn.Module:
        made.append(nn.Identity() if made else nas.LayerChoice([nn.ReLU], label="op"))
        return made[-1]

    with pytest.raises(SpaceError, match="'op' was met when the space was read, and now was not"):
        nas.build(forgetful, {"op": "0"})


def test_building_within_building_is_on_its_own() -> None:
    def factory() -> nn.Module:
        teacher = nas.build(Net, {"op": "a", "op/a/w": "3"})
        return nn.Sequential(teacher, nas.LayerChoice({"x": nn.ReLU, "y": nn.Tanh}, label="act"))

    assert [row.path for row in nas.extract(factory).decisions] == ["act"]
    assert nas.build(factory, {"act": "y"})(torch.ones(2)).shape == (3,)
