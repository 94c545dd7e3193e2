"""Cells choose their connections and operations: alike in every mode, together under one label."""

import math
import random
from collections.abc import Callable, Sequence

import nas_trial as nas
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nascore.errors import InvalidInputError, SpaceError, StateError
from nascore.space import Architecture, SearchSpace
from torch import Tensor, nn


class Scale(nn.Module):
    """Multiplies by a weight; its start tells it from others."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(start))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * x


def placed(node: int, operation: int, input_: int) -> nn.Module:
    return Scale(100.0 * node + 10 * operation + input_)


OPERATIONS = {"skip": nn.Identity, "twice": lambda: Scale(2.0), "placed": placed}


class Net(nn.Module):
    """Two normal cells and a reduction cell, the output of each as wide as it turns out to be."""

    def __init__(self, **options) -> None:
        super().__init__()
        labels = options.pop("labels", ("normal", "normal", "reduce"))
        self.cells = nn.ModuleList(nas.Cell(OPERATIONS, predecessors=2, label=label, **options) for label in labels)
        self.joins = nn.ModuleList(nas.Conv2d(cell.count * 3, 3, 1) for cell in self.cells)

    def forward(self, x: Tensor) -> Tensor:
        states = [x, x + 1]
        for cell, join in zip(self.cells, self.joins, strict=True):
            states = [states[1], join(cell(states))]
        return states[1]


DESIGNS = {
    "any": {"nodes": 3, "operations_per_node": 2},
    "distinct": {"nodes": 3, "operations_per_node": 2, "inputs": "distinct"},
    "loose": {"nodes": 3, "operations_per_node": 2, "merge": "loose_end"},
    "loose-distinct": {"nodes": 3, "operations_per_node": 1, "inputs": "distinct", "merge": "loose_end"},
    "free": {"nodes": 2, "operations_per_node": 2, "merge": "loose_end", "labels": (None, None)},
}


def factory(design: str) -> Callable[[], nn.Module]:
    return lambda: Net(**dict(DESIGNS[design]))


def images() -> Tensor:
    return torch.randn(2, 3, 4, 4, dtype=torch.double, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"nodes": 0}, "nodes is 0"),
        ({"nodes": True}, "nodes is True"),
        ({"nodes": 1, "operations_per_node": 0}, "operations_per_node is 0"),
        ({"nodes": 1, "predecessors": 0}, "predecessors is 0"),
        ({"nodes": 1, "merge": "some"}, "merge is 'some'"),
        ({"nodes": 1, "inputs": "all"}, "inputs is 'all'"),
        ({"nodes": 1, "operations_per_node": 2, "inputs": "distinct"}, "cannot choose more different inputs"),
        ({"nodes": 1, "label": ""}, "label of the Cell"),
        ({"nodes": 1, "search_only": ("nothing",)}, "search_only names 'nothing'"),
        ({"nodes": 1, "search_only": ("skip",)}, "candidate"),
    ],
)
def test_what_makes_no_cell_is_refused_with_its_name(options: dict[str, object], says: str) -> None:
    with pytest.raises(SpaceError, match=says):
        nas.Cell({"skip": nn.Identity}, **{"label": "cell", **options})


@pytest.mark.parametrize(
    ("operations", "says"),
    [
        ({}, "the operations are {}"),
        ("conv", "the operations are 'conv'"),
        ({"conv": nn.Identity()}, "operation 'conv' is Identity"),
        ({"conv": 3}, "operation 'conv' is int 3"),
        ({"conv": lambda node: nn.Identity()}, "neither without arguments nor with three"),
        ({"conv": lambda node, operation, input_: 3}, "operation 'conv' made 3, no module, for node 1"),
        ({"conv": lambda: 3}, "made 3, no module"),
    ],
)
def test_operations_that_make_no_modules_are_refused(operations: object, says: str) -> None:
    with pytest.raises(SpaceError, match=says):
        nas.Cell(operations, nodes=1, label="cell")


def test_operations_of_a_list_are_named_by_their_places() -> None:
    space = nas.extract(lambda: nas.Cell([nn.Identity, nn.ReLU], nodes=1, label="cell"))
    assert dict(space.default()) == {"cell.input_1_0": "0", "cell.op_1_0": "0"}


@pytest.mark.parametrize(("given_", "says"), [([], "0 of them"), (torch.zeros(2, 3), "a Tensor")])
def test_a_cell_takes_one_list_of_as_many_inputs_as_it_has(given_: object, says: str) -> None:
    cell = nas.Cell(OPERATIONS, nodes=1, predecessors=2)
    with pytest.raises(InvalidInputError, match=f"2 inputs is given {says}"):
        cell(given_)


def test_a_preprocessor_that_gives_another_number_of_states_is_refused() -> None:
    class First(nn.Module):
        def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
            return [inputs[0]]

    cell = nas.Cell(OPERATIONS, nodes=1, predecessors=2, preprocessor=First())
    with pytest.raises(InvalidInputError, match="gets from its preprocessor 1 of them"):
        cell([torch.zeros(1, 1), torch.zeros(1, 1)])


def test_a_postprocessor_takes_the_output_and_the_inputs_as_they_were() -> None:
    class Older(nn.Module):
        def forward(self, output: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
            return [inputs[1], output]

    cell = nas.Cell({"skip": nn.Identity}, nodes=2, predecessors=2, postprocessor=Older())
    first, second = torch.zeros(1, 2), torch.ones(1, 2)
    older, output = cell([first, second])
    assert older is second
    assert output.shape == (1, 4)


@pytest.mark.parametrize(
    ("design", "cells", "size"),
    [
        ("any", 2, math.prod((n * 3) ** 2 for n in (2, 3, 4))),
        ("distinct", 2, math.prod(math.comb(n, 2) * 3**2 for n in (2, 3, 4))),
        ("loose-distinct", 2, math.prod(n * 3 for n in (2, 3, 4))),
        ("free", 2, math.prod((n * 3) ** 2 for n in (2, 3))),
    ],
)
def test_cells_of_one_label_are_counted_once_and_free_ones_each(design: str, cells: int, size: int) -> None:
    assert nas.extract(factory(design)).size().low == size**cells


def test_paths_name_the_node_and_what_it_computes_from() -> None:
    assert {"normal.input_2_0", "normal.op_2_1", "reduce.op_4_0"} <= set(nas.extract(factory("any")).default())
    distinct = nas.extract(factory("distinct")).default()
    assert distinct["normal.inputs_3"] == ("0", "1")
    assert distinct["normal.inputs_3/1/normal.op_3_1"] == "skip"


def test_cells_without_a_label_are_named_after_their_places() -> None:
    assert "cells.1.node2.input0" in nas.extract(factory("free")).default()


def test_only_what_was_chosen_is_created() -> None:
    architecture = dict(nas.extract(factory("any")).default())
    architecture |= {"normal.op_4_1": "placed", "normal.input_4_1": "3"}
    network = nas.build(factory("any"), architecture)
    weights = {name: value.item() for name, value in network.cells.named_parameters()}
    assert weights == {"0.node4.1.placed.3.weight": 413.0, "1.node4.1.placed.3.weight": 413.0}


def test_an_operation_without_arguments_has_one_module_for_all_inputs() -> None:
    supernet = nas.build(factory("any"), None)
    names = {name for name, _ in supernet.cells[0].node3.named_parameters()}
    assert {name for name in names if "twice" in name} == {"0.twice.weight", "1.twice.weight"}
    assert {name for name in names if "placed" in name and name.startswith("0")} == {
        f"0.placed.{i}.weight" for i in range(3)
    }


def test_operations_for_search_only_are_never_chosen_but_in_the_supernet() -> None:
    def make() -> nn.Module:
        operations = {"none": lambda: Scale(0.0), "skip": nn.Identity}
        return nas.Cell(operations, nodes=2, inputs="distinct", search_only=("none",), label="cell")

    space = nas.extract(make)
    assert space.size().low == 2
    assert "node1.0.none.weight" in nas.build(make, None).state_dict()
    assert not nas.build(make, space.default()).state_dict()


def test_loose_ends_are_the_nodes_that_no_node_uses() -> None:
    architecture = dict(nas.extract(factory("loose")).default()) | {"normal.input_4_0": "2"}
    network = nas.build(factory("loose"), architecture)
    assert network.cells[0].outputs == (3, 4)
    assert network.cells[2].outputs == (2, 3, 4)
    assert network.joins[0].weight.shape == (3, 6, 1, 1)
    assert nas.build(factory("loose"), None).joins[0].weight.shape == (3, 9, 1, 1)


def test_a_supernet_has_no_outputs_before_an_architecture_is_active() -> None:
    supernet = nas.build(factory("loose"), None)
    with pytest.raises(StateError):
        _ = supernet.cells[0].outputs


def test_a_cell_outside_of_a_search_is_its_default() -> None:
    cell = nas.Cell(OPERATIONS, nodes=2, operations_per_node=2, predecessors=2, merge="loose_end")
    assert cell.count == 2
    assert torch.equal(cell([torch.ones(1, 1), torch.zeros(1, 1)]), torch.full((1, 2), 2.0))


@pytest.mark.parametrize("design", DESIGNS)
def test_the_supernet_computes_what_the_built_network_computes(design: str) -> None:
    make = factory(design)
    space = nas.extract(make)
    supernet = nas.build(make, None).double()
    rng = random.Random(7)
    for _ in range(10):
        architecture = nas.activate(supernet, space.sample(rng))
        network = nas.build(make, architecture).double()
        slices = nas.slices(supernet, architecture)
        assert slices.keys() == network.state_dict().keys()
        nas.copy_weights(supernet.state_dict(), network, slices=slices)
        expected = network(images()).detach()
        assert torch.allclose(supernet(images()), expected, rtol=0, atol=1e-10 * float(expected.abs().max()))


@pytest.mark.parametrize("design", DESIGNS)
def test_a_cell_computes_what_is_written_by_hand(design: str) -> None:
    make = factory(design)
    space = nas.extract(make)
    rng = random.Random(3)
    for _ in range(10):
        cell = nas.build(make, space.sample(rng)).cells[0].double()
        states = [images(), images() + 1]
        used = set()
        for node in cell.nodes:
            edges = node.edges()
            used |= {source for _, source in edges}
            states.append(sum(node.get_submodule(name)(states[source]) for name, source in edges))
        ends = [i for i in cell.numbers if i not in used] if "loose" in design or design == "free" else cell.numbers
        expected = torch.cat([states[i] for i in ends], dim=1)
        assert torch.allclose(cell([images(), images() + 1]), expected, rtol=1e-12)


@settings(max_examples=12, deadline=None)
@given(design=st.sampled_from(sorted(DESIGNS)), seed=st.integers(0, 2**32))
def test_a_space_through_json_gives_networks_with_the_same_keys(design: str, seed: int) -> None:
    make = factory(design)
    space = nas.extract(make)
    read = SearchSpace.from_json(space.to_json())
    architecture = Architecture.from_json(read.sample(random.Random(seed)).to_json())
    keys = nas.build(make, architecture).state_dict().keys()
    assert keys == nas.build(make, space.architecture(architecture)).state_dict().keys()
    assert keys <= nas.build(make, None).state_dict().keys()


def test_choices_within_operations_are_the_same_whichever_input_is_chosen() -> None:
    def inner(node: int, operation: int, input_: int) -> nn.Module:
        return nas.LayerChoice({"relu": nn.ReLU, "tanh": nn.Tanh})

    def make() -> nn.Module:
        return nas.Cell({"inner": inner}, nodes=1, predecessors=3, label="cell")

    space = nas.extract(make)
    assert space.size().low == 6
    for architecture in space.enumerate():
        assert len(list(nas.build(make, architecture).node3.get_submodule("0").modules())) == 4


def test_free_copies_of_a_cell_decide_each_for_itself() -> None:
    def make(*, tied: bool) -> nn.Module:
        return nas.Repeat(lambda i: nas.Cell(OPERATIONS, nodes=1, label="cell"), 2, label="depth", tied=tied)

    assert nas.extract(lambda: make(tied=False)).size().low == 9
    assert nas.extract(lambda: make(tied=True)).size().low == 3
