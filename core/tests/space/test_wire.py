"""Messages from strangers. That good ones come back unchanged is a property in test_space."""

from __future__ import annotations

import pytest
from nascore.errors import ArchitectureError, SpaceError
from nascore.space import (
    Candidate,
    Constraint,
    DecisionValue,
    LiteralValue,
    MixedDecision,
    Mixture,
    OneOf,
    Operation,
    Operator,
    SearchSpace,
    wire,
)
from nascore.space.limits import MAX_CANDIDATES, MAX_DECISIONS, MAX_NODES, MAX_WEIGHTS
from nascore.testing import KNOWN_SPACES, choice
from nascore.v1 import architecture_pb2, space_pb2


def refused(message):
    with pytest.raises(SpaceError) as caught:
        wire.space_from_message(message)
    return caught.value


@pytest.mark.parametrize("name", KNOWN_SPACES)
def test_known_spaces_survive_bytes(name):
    sent = wire.space_to_message(KNOWN_SPACES[name]).SerializeToString()
    assert wire.space_from_message(space_pb2.SearchSpace.FromString(sent)) == KNOWN_SPACES[name]


def test_everything_unset_is_listed_with_its_field():
    message = space_pb2.SearchSpace(spec_version=1)
    message.nodes.add(label="no kind")
    inner = message.nodes.add(label="x").one_of.candidates.add(key="a")
    inner.literal.SetInParent()
    inner.children.add(label="n").integer.low = 1
    inner.children.add(label="r").real.SetInParent()
    message.nodes.add(label="s").some_of.min_chosen = 0
    message.nodes.add(label="d").repeat.SetInParent()
    message.constraints.add(name="c").expression.SetInParent()
    operation = message.constraints.add(name="d").expression.operation
    operation.operands.add().literal.SetInParent()
    fields = [violation.field for violation in refused(message).violations]
    candidate = "nodes[1].one_of.candidates[0]"
    assert fields == [
        "nodes[0]",
        f"{candidate}.literal",
        f"{candidate}.children[0].integer.high",
        f"{candidate}.children[1].real.low",
        f"{candidate}.children[1].real.high",
        "nodes[2].some_of.max_chosen",
        "nodes[3].repeat.min_count",
        "nodes[3].repeat.max_count",
        "constraints[0].expression",
        "constraints[1].expression.operation.operands[0].literal",
        "constraints[1].expression.operation.operator",
    ]


def test_unknown_operator_of_a_newer_peer_is_refused():
    message = space_pb2.SearchSpace(spec_version=1)
    message.constraints.add(name="c").expression.operation.operator = 99
    assert "is 99; choose one of OPERATOR_ADD" in str(refused(message))


@pytest.mark.parametrize("version", [0, 2])
def test_other_versions_are_refused(version):
    assert f"spec_version is {version}" in str(refused(space_pb2.SearchSpace(spec_version=version)))


def test_too_many_nodes_are_refused():
    message = space_pb2.SearchSpace(spec_version=1)
    for _ in range(MAX_NODES + 1):
        message.nodes.add().group.SetInParent()
    assert "at most 20,000 nodes" in str(refused(message))


def test_too_many_candidates_are_refused():
    message = space_pb2.SearchSpace(spec_version=1)
    message.nodes.add(label="x").one_of.candidates.extend([space_pb2.Candidate()] * (MAX_CANDIDATES + 1))
    message.nodes.add(label="y").group.SetInParent()
    assert "and 200,000 candidates" in str(refused(message))


def test_too_deep_nodes_are_refused():
    message = space_pb2.SearchSpace(spec_version=1)
    level = message.nodes
    for index in range(31):
        group = level.add(label=f"g{index}").group
        group.SetInParent()
        level = group.children
    assert "nested more than 30 deep" in str(refused(message))


def test_too_deep_expressions_are_refused():
    message = space_pb2.SearchSpace(spec_version=1)
    expression = message.constraints.add(name="c").expression
    for _ in range(40):
        expression.operation.operator = space_pb2.OPERATOR_NOT
        expression = expression.operation.operands.add()
    assert "nested more than 30 deep" in str(refused(message))


def test_too_many_expressions_are_refused_once():
    message = space_pb2.SearchSpace(spec_version=1)
    operation = message.constraints.add(name="c").expression.operation
    operation.operator = space_pb2.OPERATOR_AND
    for _ in range(MAX_NODES + 1):
        operation.operands.add().literal.boolean = True
    error = refused(message)
    assert [str(each) for each in error.violations] == [
        "constraints: the constraints have more than 20,000 parts; at most so many are read"
    ]


def test_long_labels_are_refused():
    message = space_pb2.SearchSpace(spec_version=1)
    message.nodes.add(label="l" * 257).group.SetInParent()
    assert "257 characters" in str(refused(message))


def test_deepest_space_survives_bytes_and_json():
    node = choice("leaf", "a", "b")
    for index in range(29):
        node = OneOf(f"n{index}", (Candidate("k", 1, (node,)), Candidate("other", "text")))
    claim = DecisionValue("n28")
    expression = Operation(Operator.EQUAL, (claim, LiteralValue(1)))
    for _ in range(28):
        expression = Operation(Operator.NOT, (expression,))
    space = SearchSpace((node,), (Constraint("deep", expression),))
    sent = wire.space_to_message(space).SerializeToString()
    assert wire.space_from_message(space_pb2.SearchSpace.FromString(sent)) == space
    assert SearchSpace.from_json(space.to_json()) == space
    assert space.size().low == 30


def architecture_message(*decisions):
    return architecture_pb2.Architecture(decisions=[architecture_pb2.Decision(**each) for each in decisions])


@pytest.mark.parametrize(
    ("decisions", "fault"),
    [
        ([{"path": "a"}], r"decisions\[0\] \('a'\): its choice is unset"),
        ([{"path": "a", "real": float("nan")}], "nan, which is not finite"),
        ([{"path": "b", "integer": 1}, {"path": "a", "integer": 1}], r"decisions\[1\]: 'a' comes after 'b'"),
        ([{"path": "a", "integer": 1}, {"path": "a", "integer": 1}], "'a' comes after 'a'. Sort"),
    ],
)
def test_faulty_architecture_is_refused(decisions, fault):
    with pytest.raises(ArchitectureError, match=fault):
        wire.architecture_from_message(architecture_message(*decisions))


def test_too_many_decisions_are_refused():
    message = architecture_pb2.Architecture()
    message.decisions.extend([architecture_pb2.Decision()] * (MAX_DECISIONS + 1))
    with pytest.raises(ArchitectureError, match="200,001 decisions"):
        wire.architecture_from_message(message)


def test_choice_of_nothing_is_not_unset():
    space = KNOWN_SPACES["mixed"]
    message = wire.architecture_to_message(space.default())
    assert message.decisions[0].WhichOneof("choice") == "candidates"
    assert wire.architecture_from_message(message) == space.default()


def test_mixture_comes_back():
    mixture = Mixture((MixedDecision("b", (0.5, 0.0, -1.5), (0, 2)), MixedDecision("a", (1.0,))))
    assert wire.mixture_from_message(wire.mixture_to_message(mixture)) == mixture


@pytest.mark.parametrize(("weights", "graded", "fault"), [([], [], "no weights"), ([1.0], [1], "below 1")])
def test_faulty_mixture_is_refused(weights, graded, fault):
    message = architecture_pb2.Mixture()
    message.decisions.add(path="a", weights=weights, graded=graded)
    with pytest.raises(ArchitectureError, match=fault):
        wire.mixture_from_message(message)


def test_too_many_weights_are_refused():
    message = architecture_pb2.Mixture()
    message.decisions.add(path="a", weights=[0.0] * (MAX_WEIGHTS + 1))
    with pytest.raises(ArchitectureError, match="1,000,001 weights"):
        wire.mixture_from_message(message)


def test_names_of_a_thousand_trials_are_kept_once():
    data = wire.architecture_to_message(KNOWN_SPACES["flat28"].default()).SerializeToString()
    first, second = (wire.architecture_from_message(architecture_pb2.Architecture.FromString(data)) for _ in range(2))
    third = type(first)({path + "": value for path, value in second.items()})
    for path, again, written in zip(first, second, third, strict=True):
        assert path is again is written
        assert first[path] is second[again] is third[written]
