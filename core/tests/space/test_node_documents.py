"""The documents written by hand are those that protobuf's own mapping gives, to the last byte and in the same order."""

import json

import pytest
from google.protobuf import json_format
from hypothesis import given
from nascore.space import Candidate, Group, Integer, OneOf, Real, Repeat, SearchSpace, SomeOf
from nascore.space.node_documents import node_document
from nascore.space.node_messages import to_message
from nascore.testing.spaces import KNOWN_SPACES, search_spaces


def by_protobuf(space):
    return json_format.MessageToDict(to_message(space.nodes, space.constraints))


@given(search_spaces())
def test_space_file_is_what_protobuf_writes(space):
    assert space.to_json() == json.dumps(by_protobuf(space), indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", sorted(KNOWN_SPACES))
def test_known_space_is_what_protobuf_writes(name):
    space = KNOWN_SPACES[name]
    assert space.to_json() == json.dumps(by_protobuf(space), indent=2, ensure_ascii=False) + "\n"


EDGES = (
    OneOf("o", (Candidate("a", "", search_only=True), Candidate("b", False), Candidate("c", 0), Candidate("d", -0.0))),
    OneOf("p", (Candidate("big", 2**63 - 1), Candidate("real", 1e300), Candidate("whole", 3.0), Candidate("é", "ü"))),
    SomeOf("s", (Candidate("a"), Candidate("b")), 0, 0),
    SomeOf("t", (Candidate("a"), Candidate("b")), 0, 2, ordered=True, with_replacement=True),
    Integer("i", -(2**63), 2**63 - 1),
    Integer("j", 0, 0, 3),
    Integer("k", 1, 9, log=True),
    Real("r", 0, 0),
    Real("u", 1e-5, 1.5, log=True),
    Repeat("w", (), 0, 0),
    Repeat("x", (Integer("y", 0, 1),), 0, 2, tied=True),
    Group("g", ()),
    Group("h", (OneOf("z", (Candidate("a", children=(Group("q", ()),)),)),)),
)


@pytest.mark.parametrize("node", EDGES, ids=lambda node: node.label)
def test_edge_is_what_protobuf_writes(node):
    space = SearchSpace((node,))
    (written,) = by_protobuf(space)["nodes"]
    assert json.dumps(node_document(node)) == json.dumps(written)
    assert SearchSpace.from_json(space.to_json()).equals(space)


def test_empty_space_is_what_protobuf_writes():
    assert json.loads(SearchSpace(()).to_json()) == by_protobuf(SearchSpace(())) == {"specVersion": 1}
