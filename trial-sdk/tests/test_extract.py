import random

import nas_trial as nas
import numpy as np
import pytest
import torch
from nascore.errors import InvalidInputError, SpaceError
from nascore.space import SearchSpace
from torch import nn


def choice(label: str | None = "op") -> nn.Module:
    return nas.LayerChoice({"a": nn.ReLU, "b": nn.Tanh}, label=label)


def test_model_without_choices_has_the_space_of_one_architecture() -> None:
    assert nas.extract(lambda: nn.Linear(1, 1)).nodes == ()


def test_parameters_cost_no_memory() -> None:
    seen: list[nn.Module] = []

    def factory() -> nn.Module:
        seen.append(nas.LayerChoice({"a": lambda: nn.Linear(200_000, 200_000), "b": nn.Identity}, label="op"))
        return seen[-1]

    nas.extract(factory)
    assert all(parameter.is_meta for parameter in seen[0].parameters())


def test_generators_are_left_as_they_were() -> None:
    def factory() -> nn.Module:
        torch.randn(3, device="cpu")
        np.random.rand()
        random.random()
        return nn.Linear(3, 3)

    for generator in (torch.manual_seed, np.random.seed, random.seed):
        generator(3)
    expected = torch.randn(2, device="cpu").tolist(), np.random.rand(), random.random()
    for generator in (torch.manual_seed, np.random.seed, random.seed):
        generator(3)
    nas.extract(factory)
    assert (torch.randn(2).tolist(), np.random.rand(), random.random()) == expected


def test_extraction_ends_with_an_error_too() -> None:
    def factory() -> nn.Module:
        raise KeyError("mine")

    with pytest.raises(KeyError):
        nas.extract(factory)
    assert choice().chosen == "a"
    assert not torch.empty(1).is_meta


def test_errors_of_the_model_say_in_which_candidate() -> None:
    def broken() -> nn.Module:
        raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        nas.extract(lambda: nas.LayerChoice({"x": lambda: nas.Repeat(lambda i: broken(), 2)}, label="op"))
    notes = " / ".join(caught.value.__notes__)
    assert "copy 0 of the choice at test_extract.py:" in notes
    assert "candidate 'x' of the choice at test_extract.py:" in notes


def test_reading_numbers_of_tensors_is_refused_with_what_to_write() -> None:
    with pytest.raises(SpaceError, match=r"reads the numbers in a tensor.*device='cpu'"):
        nas.extract(lambda: nn.Dropout(torch.linspace(0, 1, 3)[1].item()))


def test_value_in_a_layer_of_torch_is_refused_with_what_to_write() -> None:
    for make in (nn.Linear, lambda n, m: nn.Conv2d(n, m, 1)):
        with pytest.raises(SpaceError, match=r"nas\.Linear for nn\.Linear"):
            nas.extract(lambda make=make: make(nas.ValueChoice([1, 2]), 2))


def test_same_label_with_another_definition_is_refused_with_both_places() -> None:
    def factory() -> nn.Module:
        first = choice()
        return nn.Sequential(first, nas.LayerChoice({"c": nn.ReLU}, label="op"))

    with pytest.raises(
        SpaceError,
        match=r"'op' \(test_extract.py:\d+\) and the choice at test_extract.py:\d+.*'c'.*'a', 'b'.*another label",
    ):
        nas.extract(factory)


def test_errors_in_shared_choices_below_are_found_by_the_space() -> None:
    def factory() -> nn.Module:
        with_inner = nas.LayerChoice({"a": lambda: choice("inner"), "b": nn.Tanh}, label="op")
        return nn.Sequential(choice(), with_inner)

    with pytest.raises(SpaceError, match="'op'"):
        nas.extract(factory)


def test_same_label_twice_in_one_place_is_one_node() -> None:
    space = nas.extract(lambda: nn.Sequential(choice(), choice()))
    assert len(space.nodes) == 1
    assert space.size().low == 2


def test_space_goes_through_its_file() -> None:
    space = nas.extract(lambda: nas.Repeat(lambda i: choice(None), (0, 2), label="n"))
    assert SearchSpace.from_json(space.to_json()).fingerprint == space.fingerprint


@pytest.mark.parametrize("factory", [nn.Linear(1, 1), 3, None])
def test_what_makes_no_model_is_refused(factory) -> None:
    for use in (nas.extract, lambda factory: nas.build(factory, {})):
        with pytest.raises(InvalidInputError, match=r"lambda: Net\(10\)"):
            use(factory)


def test_factory_that_returns_no_module_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="None, which is not a module"):
        nas.extract(lambda: None)
