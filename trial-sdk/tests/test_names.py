import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nas_trial import LayerChoice
from nas_trial.names import RESERVED, candidate_key, module_name
from nascore.errors import InvalidInputError
from torch import nn

KEYS = st.text() | st.sampled_from([*sorted(RESERVED), "a.b", "%", "%25", "_x", "%74rain"])


@settings(max_examples=60)
@given(KEYS)
def test_any_key_comes_back_from_its_name(key: str) -> None:
    assert candidate_key(module_name(key)) == key


@settings(max_examples=60)
@given(KEYS, KEYS)
def test_different_keys_have_different_names(first: str, second: str) -> None:
    assert (module_name(first) == module_name(second)) == (first == second)


@settings(max_examples=60)
@given(KEYS)
def test_torch_takes_every_name(key: str) -> None:
    holder = LayerChoice({"only": nn.Identity})
    holder.add_module(module_name(key), nn.Linear(1, 1))
    assert f"{module_name(key)}.weight" in holder.state_dict()
    assert holder.get_submodule(module_name(key)) is holder._modules[module_name(key)]


def test_ordinary_keys_stay_as_they_are() -> None:
    for key in ("conv3", "0", "conv(ch=0.5)".replace(".", ""), "größer", "a/b", "lambda"):
        assert module_name(key) == key


def test_every_attribute_of_a_module_is_reserved() -> None:
    assert {name for name in dir(LayerChoice({"only": nn.Identity})) if not name.startswith("_")} - {"only"} <= RESERVED


@pytest.mark.parametrize("name", ["", "train", "_x", "%61", "a.b", "%zz", "%e2%82"])
def test_names_that_were_not_written_here_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="module_name"):
        candidate_key(name)
