"""Graphs of NAS-Bench-101 lose their dead vertices and divide channels as the reference code does."""

import itertools
import random

import pytest
from nas_trial.hub.graph101 import EDGES, MAX_EDGES, constraints, graph_of
from nascore.errors import InvalidInputError
from nascore.space.constraint import is_satisfied

PATHS = {edge: f"edge_{edge[0]}_{edge[1]}" for edge in EDGES}


def test_a_graph_without_a_path_to_the_output_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="No path"):
        graph_of(frozenset({(0, 1), (2, 6)}), 128)


def test_more_outputs_than_channels_are_refused() -> None:
    edges = frozenset({(0, 1), (0, 2), (1, 6), (2, 6)})
    with pytest.raises(InvalidInputError, match="2 outputs cannot share 1 channels"):
        graph_of(edges, 1)


def test_vertices_on_no_path_are_gone() -> None:
    graph = graph_of(frozenset({(0, 1), (1, 6), (0, 2), (3, 6)}), 128)
    assert [vertex.number for vertex in graph.vertices] == [1]
    assert graph.outputs == (1,)


def test_the_input_alone_is_projected_to_the_output() -> None:
    graph = graph_of(frozenset({(0, 6)}), 128)
    assert graph.vertices == graph.outputs == ()
    assert graph.has_input


def test_outputs_share_the_channels_and_the_first_get_what_is_left() -> None:
    edges = frozenset({(0, 1), (0, 2), (0, 3), (1, 6), (2, 6), (3, 6), (0, 4), (4, 2), (4, 3)})
    edges = frozenset(edge for edge in edges if edge[0] < edge[1])
    graph = graph_of(edges, 128)
    assert [vertex.width for vertex in graph.vertices] == [43, 43, 42]


def test_a_vertex_is_as_wide_as_the_widest_that_it_leads_to() -> None:
    graph = graph_of(frozenset({(0, 1), (1, 2), (1, 3), (2, 6), (3, 6), (0, 4), (4, 6)}), 128)
    assert graph.vertex(1).width == graph.vertex(2).width == 43
    assert graph.vertex(4).width == 42


def test_the_constraints_hold_for_the_graphs_of_the_benchmark_and_no_other() -> None:
    rng = random.Random(0)
    at_most_nine, is_connected = constraints(PATHS)
    for _ in range(300):
        edges = frozenset(edge for edge in EDGES if rng.random() < 0.4)
        bits = {PATHS[edge]: int(edge in edges) for edge in EDGES}
        assert is_satisfied(at_most_nine, bits.__getitem__) is (len(edges) <= MAX_EDGES)
        try:
            graph_of(edges, 128)
        except InvalidInputError:
            assert not is_satisfied(is_connected, bits.__getitem__)
        else:
            assert is_satisfied(is_connected, bits.__getitem__)


def test_there_are_32_ways_from_input_to_output() -> None:
    _, is_connected = constraints(PATHS)
    routes = is_connected.expression.operands[0].operands
    assert len(routes) == sum(1 for size in range(6) for _ in itertools.combinations(range(5), size))
