"""A tuner refuses what it cannot handle in one sentence, before a trial starts."""

from __future__ import annotations

import pytest
from nascore.record import Objective, Outcome, Proposal
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner.contract import Mode, Settings, Setup, Tuner
from nascore.tuner.session import Description
from nascore.tuner.suitability import node_kinds, why_not_together, why_unclaimed, why_unsuitable


class Choosy(Tuner[Settings]):
    name = "choosy"
    node_kinds = frozenset({"one_of", "group"})

    def ask(self, number: int, seed: int) -> Proposal:
        return Proposal(number, self.space.default())

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        pass


def verdict(space: str, *metrics: str) -> str:
    objectives = tuple(Objective(metric) for metric in metrics)
    return why_unsuitable(Choosy, Setup(KNOWN_SPACES[space], objectives, 1), Settings())


def test_what_it_handles_passes() -> None:
    assert verdict("flat28", "accuracy") == ""


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ("nested", "choosy does not handle integer nodes, and 'groups' is one."),
        ("repeats", "choosy does not handle repeat nodes, and 'stage' is one."),
        ("numeric", "choosy does not handle real nodes, and 'rate' is one."),
        ("mixed", "choosy does not handle some_of nodes, and 'order' is one."),
    ],
)
def test_unknown_node_is_named_however_deep(space: str, sentence: str) -> None:
    assert verdict(space, "accuracy") == sentence


def test_several_objectives_are_too_many_for_one() -> None:
    assert verdict("flat28", "accuracy", "latency") == "choosy optimises at most 1 objective; got accuracy, latency."


def test_every_node_of_a_space_is_visited() -> None:
    kinds = {kind for space in KNOWN_SPACES.values() for _, kind in node_kinds(space)}
    assert kinds == {"one_of", "some_of", "integer", "real", "repeat", "group"}


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({}, ""),
        ({"max_objectives": 2}, ""),
        ({"max_objectives": 0}, ""),
        ({"node_kinds": frozenset({"integer"})}, "foreign does not handle one_of nodes, and 'layer00' is one."),
        ({"node_kinds": frozenset({"one_of"})}, ""),
        ({"modes": frozenset({Mode.ONE_SHOT})}, "foreign does not search in the mode multi-trial; it knows one-shot."),
        ({"modes": frozenset()}, ""),
    ],
)
def test_claims_of_a_program_are_held_against_what_it_is_to_tune(claims: dict[str, object], sentence: str) -> None:
    setup = Setup(KNOWN_SPACES["flat28"], (Objective("accuracy"),), 1)
    assert why_unclaimed(Description("foreign", "1", **claims), setup) == sentence  # type: ignore[arg-type]  # any claims


def test_objectives_are_counted_before_there_is_a_space() -> None:
    both = (Objective("accuracy"), Objective("latency"))
    one, any_number = Description("foreign", "1", max_objectives=1), Description("foreign", "1", max_objectives=0)
    assert why_not_together(one, both) == "foreign optimises at most 1 objective; got accuracy, latency."
    assert why_not_together(any_number, both) == ""
    assert why_not_together(any_number, ()) == "foreign needs an objective, and none is given."
