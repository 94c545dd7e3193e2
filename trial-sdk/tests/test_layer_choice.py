import nas_trial as nas
import pytest
import torch
from nas_trial.choice import computed
from nascore.errors import SpaceError
from torch import nn
from torch.nn import functional

STRANGE = ["conv(ch=0.5)", "train", "a.b", "50%", "_private", "chosen", "forward", "é/ü", "0"]


def strange() -> nn.Module:
    return nas.LayerChoice({key: lambda i=i: nn.Linear(1, i + 1) for i, key in enumerate(STRANGE)}, label="op")


def test_default_is_the_first_candidate() -> None:
    choice = nas.LayerChoice({"relu": nn.ReLU, "none": nn.Identity})
    assert choice.chosen == "relu"
    assert torch.equal(choice(torch.tensor([-1.0, 1.0])), torch.tensor([0.0, 1.0]))


@pytest.mark.parametrize("key", STRANGE)
def test_any_text_is_a_key_and_the_tensor_has_one_name_in_both_modes(key: str) -> None:
    built, supernet = nas.build(strange, {"op": key}), nas.build(strange, None)
    nas.activate(supernet, {"op": key})
    assert set(built.state_dict()) == set(nas.slices(supernet, {"op": key})) <= set(supernet.state_dict())
    assert built(torch.ones(1)).shape == supernet(torch.ones(1)).shape == (STRANGE.index(key) + 1,)


def test_only_the_chosen_factory_is_called() -> None:
    called: list[str] = []

    def make(key: str):
        return lambda: called.append(key) or nn.Identity()

    def factory() -> nn.Module:
        return nas.LayerChoice({key: make(key) for key in "abc"}, label="op")

    nas.extract(factory)
    nas.build(factory, {"op": "b"})
    called.clear()
    nas.build(factory, {"op": "b"})
    assert called == ["b"]
    nas.build(factory, None)
    assert called == ["b", "a", "b", "c"]


def test_candidates_of_a_sequence_are_numbered() -> None:
    assert list(nas.build(lambda: nas.LayerChoice([nn.ReLU, nn.PReLU], label="op"), {"op": "1"}).state_dict()) == [
        "1.weight"
    ]


def test_modules_are_candidates_in_every_mode() -> None:
    def factory() -> nn.Module:
        return nas.LayerChoice(
            {"a": nn.Linear(2, 2), "b": nas.Linear(2, nas.ValueChoice([1, 3], label="w"))}, label="op"
        )

    assert list(nas.build(factory, {"op": "b", "w": "3"}).state_dict()) == ["b.weight", "b.bias"]
    assert len(nas.build(factory, None).state_dict()) == 4


def test_all_arguments_go_to_the_candidate() -> None:
    class Scale(nn.Module):
        def forward(self, x, factor, *, shift):
            return x * factor + shift

    assert nas.LayerChoice([Scale])(2, 3, shift=1) == 7


def test_same_label_is_one_decision_in_the_scope_around_all_its_uses() -> None:
    def inner() -> nn.Module:
        return nas.LayerChoice(
            {"a": lambda: nas.Linear(1, nas.ValueChoice([1, 2], label="w")), "b": nn.Identity}, label="in"
        )

    def factory() -> nn.Module:
        return nas.LayerChoice(
            {"x": inner, "y": lambda: nn.Sequential(inner(), inner()), "z": nn.Identity}, label="out"
        )

    space = nas.extract(factory)
    assert [row.path for row in space.decisions] == ["in", "in/a/w", "out"]
    built = nas.build(factory, {"out": "y", "in": "a", "in/a/w": "2"})
    assert list(built.state_dict()) == ["y.0.a.weight", "y.0.a.bias", "y.1.a.weight", "y.1.a.bias"]
    supernet = nas.build(factory, None)
    for architecture in space.enumerate():
        nas.activate(supernet, architecture)
        built = nas.build(factory, architecture)
        assert set(built.state_dict()) == set(nas.slices(supernet, architecture))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: nas.LayerChoice({}, label="op"), "'op'.*candidate"),
        (lambda: nas.LayerChoice({"": nn.ReLU}, label="op"), "'op'.*0 characters"),
        (lambda: nas.LayerChoice({1: nn.ReLU}), "1 of a candidate is not text"),
        (lambda: nas.LayerChoice({"a": "conv"}), "'a' is 'conv'.*callable"),
        (lambda: nas.LayerChoice({"a": functional.relu}), "'a' needs arguments.*nn.ReLU"),
        (lambda: nas.LayerChoice({"a": lambda: 3}), "'a' made 3.*nn.ReLU"),
        (lambda: nas.LayerChoice([nn.Sequential(nas.LayerChoice([nn.ReLU]))]), "'0'.*factory"),
    ],
)
def test_wrong_choices_of_layers_are_refused_with_their_line(write, message) -> None:
    with pytest.raises((SpaceError, TypeError), match=message) as caught:
        write()
    assert "test_layer_choice.py:" in str(caught.value)


def test_any_candidate_can_be_computed_whatever_is_active() -> None:
    supernet = nas.build(lambda: nas.LayerChoice({"a": nn.Identity, "b": nn.ReLU}, label="op"), None)
    x = torch.tensor([-1.0, 2.0])
    assert (computed(supernet, "a", x) + computed(supernet, "b", x)).tolist() == [-1.0, 4.0]
    nas.activate(supernet, {"op": "b"})
    assert computed(supernet, "a", x) is x
