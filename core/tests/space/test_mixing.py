"""What a mixture must hold, on nested and conditional spaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from nascore.errors import ArchitectureError
from nascore.space import Candidate, Integer, MixedDecision, Mixture, MixtureRules, OneOf, Repeat, SearchSpace, SomeOf
from nascore.space.mixing import weights_of
from nascore.testing import search_spaces

INNER = OneOf("kernel", (Candidate("3"), Candidate("5")))
SPACE = SearchSpace(
    (
        OneOf("op", (Candidate("conv", children=(INNER,)), Candidate("skip"), Candidate("none", search_only=True))),
        Integer("width", 1, 9),
        SomeOf("inputs", (Candidate("x"), Candidate("y")), 1, 1),
        Repeat("depth", (), 1, 3),
    )
)
RULES = MixtureRules(SPACE, {"inputs": "The outputs have different shapes."})
OP = MixedDecision("op", (0.5, 0.3, 0.2))
DEPTH = MixedDecision("depth", (0.2, 0.3, 0.5))
KERNEL = MixedDecision("op/conv/kernel", (0.5, 0.5))
FIXED = {"width": 4, "inputs": ("x",)}


def refused(mixture: Mixture, sentence: str) -> None:
    with pytest.raises(ArchitectureError, match=sentence):
        RULES.check(mixture)


def test_complete_mixture_is_taken() -> None:
    RULES.check(Mixture((OP, DEPTH, KERNEL), FIXED))


def test_decision_that_is_left_out_is_named() -> None:
    refused(Mixture((OP, KERNEL), FIXED), "depth: is neither mixed nor fixed")
    refused(Mixture((OP, DEPTH), FIXED), "op/conv/kernel: is neither")
    refused(Mixture((OP, DEPTH, KERNEL), {"inputs": ("x",)}), "width: is neither")


def test_decision_beneath_what_is_not_computed_may_be_left_out() -> None:
    RULES.check(Mixture((MixedDecision("op", (0.0, 1.0, 0.0)), DEPTH), FIXED))
    RULES.check(Mixture((DEPTH,), {**FIXED, "op": "skip"}))


def test_weight_of_zero_that_is_graded_is_computed() -> None:
    refused(Mixture((MixedDecision("op", (0.0, 1.0, 0.0), (0,)), DEPTH), FIXED), "op/conv/kernel: is neither")


def test_wrong_number_of_weights_is_refused() -> None:
    refused(Mixture((MixedDecision("op", (1.0,)), DEPTH), FIXED), "has 1 weights; it needs 3")


def test_what_cannot_be_mixed_must_be_fixed() -> None:
    fixed = {"width": 4}
    refused(
        Mixture((OP, DEPTH, KERNEL, MixedDecision("inputs", (0.5, 0.5))), fixed), "cannot be mixed; fix it: The out"
    )
    refused(Mixture((OP, DEPTH, KERNEL, MixedDecision("width", (1.0,))), {"inputs": ("x",)}), "range of numbers")


def test_fixed_values_must_be_of_the_space() -> None:
    refused(Mixture((OP, DEPTH, KERNEL), {**FIXED, "width": 10}), "width")
    refused(Mixture((OP, DEPTH, KERNEL), {**FIXED, "height": 1}), "height: is no decision")
    refused(Mixture((OP, DEPTH, KERNEL, MixedDecision("other", (1.0,))), FIXED), "other: is no decision")


@given(search_spaces())
def test_mixture_of_everything_fits_every_space(space: SearchSpace) -> None:
    mixed = tuple(MixedDecision(row.path, (1.0,) * count) for row in space.decisions if (count := weights_of(row.node)))
    numbers = {row.path: row.node.low for row in space.decisions if not weights_of(row.node)}  # type: ignore[union-attr]
    fixed = {
        path: value if isinstance(space_node(space, path), Integer) else float(value) for path, value in numbers.items()
    }
    MixtureRules(space, {}).check(Mixture(mixed, fixed))


def space_node(space: SearchSpace, path: str) -> object:
    return next(row.node for row in space.decisions if row.path == path)
