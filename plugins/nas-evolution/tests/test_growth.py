"""What grows, grows by one step, keeps all else, and never leaves the space; what cannot grow is left alone."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nas_evolution.growth import Growth, Rule
from nascore.space import (
    Architecture,
    Candidate,
    Constraint,
    DecisionValue,
    Integer,
    LiteralValue,
    OneOf,
    Operation,
    Operator,
    Repeat,
    SearchSpace,
    Value,
)
from nascore.testing.spaces import KNOWN_SPACES, choice, search_spaces

WIDTH = Integer("width", 8, 64, 8)
KERNEL = OneOf("kernel", (Candidate("k3", 3), Candidate("k1", 1), Candidate("k7", 7), Candidate("k5", 5)))
OP = choice("op", "skip", "conv", "pool")


def growth(*nodes: object, **rule: tuple[str, ...]) -> Growth:
    return Growth(SearchSpace(nodes), Rule(**rule))  # type: ignore[arg-type]  # nodes of any kind


def reached(search: Growth, **start: Value) -> set[Value]:
    """Values of the one decision after a step, over many seeds."""
    (path,) = start
    found = (search.grown(Architecture(start), Random(seed)) for seed in range(100))
    return {step[1][path] for step in found if step is not None}


def test_nothing_that_is_no_size_grows() -> None:
    assert not growth(choice("act", "relu", "gelu")).axes
    assert not growth(OneOf("rate", (Candidate("a", 0.1), Candidate("b", 0.2)))).axes
    assert not growth(OneOf("flag", (Candidate("a", True), Candidate("b", False)))).axes
    assert not growth(OneOf("index", (Candidate("a", 0), Candidate("b", 1)))).axes
    assert not growth(Integer("offset", -4, 4)).axes
    assert not growth(Integer("fixed", 4, 7, step=4)).axes
    assert not growth(Repeat("depth", (), 2, 2)).axes
    assert growth(choice("act", "relu", "gelu")).grown(Architecture({"act": "relu"}), Random(0)) is None


def test_an_integer_grows_up_to_twice_its_value() -> None:
    assert reached(growth(WIDTH), width=8) == {16}
    assert reached(growth(WIDTH), width=24) == {32, 40, 48}
    assert reached(growth(WIDTH), width=56) == {64}
    assert not reached(growth(WIDTH), width=64)


def test_an_integer_whose_step_is_wider_takes_one_step() -> None:
    assert reached(growth(Integer("width", 1, 100, 33)), width=1) == {34}


def test_a_huge_range_costs_nothing() -> None:
    assert len(reached(growth(Integer("width", 1, 2**62)), width=2**61)) == 100


def test_a_choice_of_sizes_grows_by_value_in_whatever_order_it_is_written() -> None:
    assert reached(growth(KERNEL), kernel="k1") == {"k3"}
    assert reached(growth(KERNEL), kernel="k3") == {"k5"}
    assert reached(growth(KERNEL), kernel="k5") == {"k7"}
    assert not reached(growth(KERNEL), kernel="k7")


def test_a_repeat_grows_by_one_copy_which_is_like_the_one_before() -> None:
    search = growth(Repeat("stage", (WIDTH, OP, Repeat("inner", (KERNEL,), 0, 2)), 1, 3), grows=("stage",))
    first: dict[str, Value] = {"stage[0]/width": 24, "stage[0]/op": "pool", "stage[0]/inner": 1}
    path, child = search.grown(Architecture({"stage": 1, **first, "stage[0]/inner[0]/kernel": "k5"}), Random(0)) or (
        "",
        Architecture({}),
    )
    assert path == "stage"
    assert child["stage"] == 2
    copies = [{p[8:]: v for p, v in child.items() if p.startswith(f"stage[{copy}]")} for copy in (0, 1)]
    assert copies[0] == copies[1] == {"/width": 24, "/op": "pool", "/inner": 1, "/inner[0]/kernel": "k5"}


def test_the_first_copy_of_a_repeat_has_defaults() -> None:
    search = growth(Repeat("stage", (KERNEL,), 0, 3), grows=("stage",))
    assert search.grown(Architecture({"stage": 0}), Random(0)) == (
        "stage",
        Architecture({"stage": 1, "stage[0]/kernel": "k3"}),
    )


def test_copies_that_decide_together_grow_by_one() -> None:
    search = growth(Repeat("tail", (OP,), 0, 2, tied=True), grows=("tail",))
    one = search.grown(Architecture({"tail": 0}), Random(0))
    assert one is not None
    two = search.grown(one[1], Random(0))
    assert two is not None
    assert two[1]["tail"] == 2
    assert search.grown(two[1], Random(0)) is None


def test_a_skip_gives_way_to_the_named_layers_only() -> None:
    search = growth(OP, layers=("conv",), skips=("skip", "identity"))
    assert reached(search, op="skip") == {"conv"}
    assert not reached(search, op="pool")
    assert not growth(OP, skips=("skip",)).axes
    assert not growth(OP, layers=("conv",)).axes


def test_zeros_give_way_to_the_named_branches_only() -> None:
    node = choice("op", "pool", "none", "conv", "wide")
    search = growth(node, branches=("conv", "wide"), zeros=("none", "zero"))
    assert reached(search, op="none") == {"conv", "wide"}
    assert not reached(search, op="pool")
    assert not reached(search, op="conv")
    assert search.smallest(Architecture({"op": "conv"})) == Architecture({"op": "none"})
    assert not growth(node, zeros=("none",)).axes
    assert not growth(node, branches=("conv",)).axes
    assert not growth(node, layers=("conv",), zeros=("none",)).axes


def test_a_skip_and_zeros_of_one_choice_grow_each_in_its_own_way() -> None:
    node = choice("op", "none", "skip", "conv", "branch")
    search = growth(node, layers=("conv",), skips=("skip",), branches=("branch",), zeros=("none",))
    assert reached(search, op="skip") == {"conv"}
    assert reached(search, op="none") == {"branch"}
    assert search.smallest(Architecture({"op": "conv"})) == Architecture({"op": "skip"})
    assert growth(node, layers=("conv",), skips=("skip",)).grown(Architecture({"op": "none"}), Random(0)) is None


def test_only_what_is_named_grows_by_label_or_path() -> None:
    nodes = Repeat("stage", (WIDTH, KERNEL), 1, 2), Integer("head", 1, 4)
    for names, expected in {
        ("kernel",): {"stage[0]/kernel", "stage[1]/kernel"},
        ("stage[1]/*",): {"stage[1]/kernel", "stage[1]/width"},
        ("h??d", "stage"): {"head", "stage"},
        (): set(),
    }.items():
        assert {axis.path for axis in growth(*nodes, grows=names).axes} == expected


def test_constraints_are_kept_and_a_shorter_step_is_taken_where_a_long_one_breaks_them() -> None:
    small = Constraint("small", Operation(Operator.LESS_OR_EQUAL, (DecisionValue("width"), LiteralValue(32))))
    search = Growth(SearchSpace((WIDTH,), (small,)), Rule())
    assert reached(search, width=24) == {32}
    assert not reached(search, width=32)


def test_the_smallest_is_kept_where_constraints_forbid_it() -> None:
    large = Constraint("large", Operation(Operator.GREATER_OR_EQUAL, (DecisionValue("width"), LiteralValue(32))))
    start = Architecture({"width": 48})
    assert Growth(SearchSpace((WIDTH,), (large,)), Rule()).smallest(start) == start


def test_the_smallest_keeps_what_does_not_grow() -> None:
    search = growth(
        Repeat("stage", (OP, KERNEL), 1, 3), choice("act", "relu", "gelu"), skips=("skip",), layers=("conv",)
    )
    start = {
        "stage": 2,
        "act": "gelu",
        **{f"stage[{copy}]/{key}": value for copy in (0, 1) for key, value in [("op", "pool"), ("kernel", "k7")]},
    }
    assert dict(search.smallest(Architecture(start))) == {
        "act": "gelu",
        "stage": 1,
        "stage[0]/kernel": "k1",
        "stage[0]/op": "skip",
    }


@pytest.mark.parametrize("name", sorted(KNOWN_SPACES))
def test_growth_stays_in_the_space_changes_one_decision_and_ends(name: str) -> None:
    space = KNOWN_SPACES[name]
    search = Growth(space, Rule(layers=("conv", "conv3"), skips=("skip",)))
    current = search.smallest(space.default())
    space.check(current)
    for seed in range(2000):
        step = search.grown(current, Random(seed))
        if step is None:
            break
        path, child = step
        space.check(child)
        assert [each for each in current if each in child and child[each] != current[each]] == [path]
        assert current.keys() <= child.keys() or name in ("nested", "mixed", "flat28")
        current = child
    else:
        pytest.fail("it grows for ever")


@given(st.data())
def test_growth_stays_in_spaces_that_nobody_thought_of(data: st.DataObject) -> None:
    space = data.draw(search_spaces())
    search = Growth(space, Rule())
    if space.size().high < 1:
        return
    current = search.smallest(space.default())
    for seed in range(5):
        space.check(current)
        if (step := search.grown(current, Random(seed))) is None:
            break
        assert step[1] != current
        current = step[1]
