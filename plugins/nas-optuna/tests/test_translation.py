"""What trials suggest is matched with the space, or refused with both shown."""

from __future__ import annotations

import pytest
from nas_optuna.translation import Translator, choices_of
from nascore.errors import SpaceError, UnsupportedError
from nascore.space import Candidate, Integer, OneOf, Real, SearchSpace
from nascore.testing.spaces import KNOWN_SPACES, choice
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

KERNEL = OneOf("kernel", (Candidate("k3", 3), Candidate("k5", 5)))
WIDTH, RATE = Integer("width", 8, 64, 8), Real("rate", 1e-4, 1e-1, log=True)
SPACE = SearchSpace((KERNEL, choice("op", "conv", "skip"), WIDTH, RATE, choice("a/b", "x", "y")))


def translated(name: str, distribution: BaseDistribution) -> dict[object, object]:
    translator = Translator(SPACE)
    found = translator.translation(name, distribution)
    decision = translator.decision(name)
    return {key: found.theirs(key) for key in choices_of(decision.distributions[name]) if key is not None}


@pytest.mark.parametrize("name", ["kernal", "block/op", ""])
def test_unknown_name_is_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(SpaceError, match="has no decision at this path") as caught:
        Translator(SPACE).name_of(name)
    assert ("Did you mean 'kernel'?" in str(caught.value)) == (name == "kernal")


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("kernel", CategoricalDistribution([3, 5, 7])),
        ("kernel", CategoricalDistribution([3])),
        ("kernel", CategoricalDistribution([3, True])),
        ("kernel", CategoricalDistribution(["k3", 5])),
        ("kernel", FloatDistribution(3, 5)),
        ("op", CategoricalDistribution(["conv", "pool"])),
        ("width", IntDistribution(8, 64, step=4)),
        ("width", IntDistribution(8, 32, step=8)),
        ("width", FloatDistribution(8, 64, step=8)),
        ("rate", FloatDistribution(1e-4, 1e-1)),
        ("rate", FloatDistribution(1e-4, 1, log=True)),
    ],
)
def test_other_distribution_is_refused_with_both_shown(name: str, distribution: BaseDistribution) -> None:
    with pytest.raises(SpaceError, match=f"suggests '{name}' from .*Distribution.* but the space has ") as caught:
        Translator(SPACE).translation(name, distribution)
    if name == "kernel":
        assert "['k3', 'k5'], which stand for [3, 5]" in str(caught.value)


def test_numbers_that_optuna_cannot_hold_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="'n' goes beyond"):
        Translator(SearchSpace((Integer("n", 0, 2**60),)))


def test_keys_or_what_they_stand_for_may_be_written_in_any_order() -> None:
    assert translated("kernel", CategoricalDistribution(["k5", "k3"])) == {"k3": "k3", "k5": "k5"}
    assert translated("kernel", CategoricalDistribution([5, 3])) == {"k3": 3, "k5": 5}
    assert translated("kernel", IntDistribution(3, 5, step=2)) == {"k3": 3, "k5": 5}
    assert translated("kernel", FloatDistribution(3, 5, step=2)) == {"k3": 3.0, "k5": 5.0}


def test_what_a_trial_wrote_is_read_back() -> None:
    found = Translator(SPACE).translation("kernel", CategoricalDistribution([5, 3]))
    assert [found.ours(value) for value in (3, 5)] == ["k3", "k5"]


def test_truth_values_are_no_numbers() -> None:
    flags = SearchSpace((OneOf("flag", (Candidate("off", value=False), Candidate("on", value=True))),))
    found = Translator(flags).translation("flag", CategoricalDistribution([True, False]))
    assert found.theirs("on") is True
    with pytest.raises(SpaceError):
        Translator(flags).translation("flag", CategoricalDistribution([1, 0]))


def test_flat_name_may_have_signs_that_paths_escape() -> None:
    assert Translator(SPACE).name_of("a/b") == "a%2Fb"


def test_decision_may_be_suggested_by_its_label_where_that_is_unique() -> None:
    nested = Translator(KNOWN_SPACES["nested"])
    assert [nested.name_of(name) for name in ("block/op", "op", "kernel")] == [
        "block/op",
        "block/op",
        "block/op/conv/kernel",
    ]
    with pytest.raises(SpaceError, match="has no decision"):
        Translator(KNOWN_SPACES["repeats"]).name_of("act")
