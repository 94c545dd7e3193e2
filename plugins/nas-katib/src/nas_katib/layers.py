"""Experiments of networks (Katib's ``nasConfig``): a chain of layers, each with an operation and earlier inputs.

A trial is given two assignments, in the form that Katib's own ENAS service writes, so that its training images run as
they are: ``architecture`` has a row for each layer, the number of its operation and then for each earlier layer 1 if it
feeds this one; ``nn_config`` describes the network and the operations that were used. Operations are numbered as Katib
does: in the order of the experiment, and each with all its parameters' values, the last parameter fastest.

See Pham et al., Efficient Neural Architecture Search via Parameter Sharing, 2018 (arXiv:1802.03268), section 2.3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from nascore.errors import ArchitectureError, SpaceError
from nascore.space import Architecture, Candidate, OneOf, SearchSpace, SomeOf, Value
from nascore.space.path import child

from nas_katib.parameters import Parameter, read_parameters
from nas_katib.v1beta1 import api_pb2

ARCHITECTURE, NETWORK = "architecture", "nn_config"
MOST_LAYERS = 512


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation and what can be set of it.

    Attributes:
        key: Its name as a candidate.
        type: Katib's word for it.
        parameters: What can be set.
        first: Number of its first setting among those of all operations.
    """

    key: str
    type: str
    parameters: tuple[Parameter, ...]
    first: int

    @property
    def size(self) -> int:
        """How many settings it has."""
        return prod(parameter.size or 0 for parameter in self.parameters)

    def number(self, values: tuple[Value, ...]) -> int:
        """Return the number of a setting; see `layers`."""
        place = 0
        for parameter, value in zip(self.parameters, values, strict=True):
            place = place * (parameter.size or 0) + parameter.place(value)
        return self.first + place

    def values(self, number: int) -> tuple[Value, ...]:
        """Return the setting of a number."""
        place, found = number - self.first, []
        for parameter in reversed(self.parameters):
            place, rest = divmod(place, parameter.size or 1)
            found.append(parameter.at(rest))
        return tuple(reversed(found))

    def described(self, number: int) -> dict[str, object]:
        """Return what the trial is told of a setting."""
        pairs = zip(self.parameters, self.values(number), strict=True)
        values = {parameter.name: _json_value(parameter, value) for parameter, value in pairs}
        return {"opt_id": number, "opt_type": self.type, "opt_params": values}


class LayerForm:
    """The space of a ``nasConfig``, and its architectures as Katib writes them.

    Args:
        config: What Katib says of the network.

    Raises:
        SpaceError: It describes no network; everything wrong with the operations' parameters is listed.
    """

    def __init__(self, config: api_pb2.NasConfig) -> None:
        self._count = config.graph_config.num_layers
        if not 1 <= self._count <= MOST_LAYERS:
            raise SpaceError(f"nas_config.graph_config.num_layers: {self._count} is not within 1 and {MOST_LAYERS}.")
        self._network = {
            "num_layers": self._count,
            "input_sizes": list(config.graph_config.input_sizes),
            "output_sizes": list(config.graph_config.output_sizes),
        }
        self._operations = _operations(config)
        self.space = SearchSpace(tuple(node for layer in range(self._count) for node in self._nodes(layer)))

    def assignments(self, architecture: Architecture) -> dict[str, str]:
        """Return what a trial is given."""
        rows = [self._row(architecture, layer) for layer in range(self._count)]
        used = {row[0]: self._operation_of(row[0]).described(row[0]) for row in rows}
        # Katib's images read these texts with single quotes.
        network = json.dumps({**self._network, "embedding": used}).replace('"', "'")
        return {ARCHITECTURE: json.dumps(rows), NETWORK: network}

    def architecture(self, assignments: Mapping[str, str]) -> Architecture:
        """Return what a trial was given.

        Raises:
            ArchitectureError: It is not of this space.
        """
        values: dict[str, Value] = {}
        for layer, row in enumerate(self._rows(assignments.get(ARCHITECTURE, ""))):
            operation = self._operation_of(row[0])
            values[_label(layer)] = operation.key
            for parameter, value in zip(operation.parameters, operation.values(row[0]), strict=True):
                values[_path(layer, operation, parameter)] = value
            if layer:
                values[_skip(layer)] = tuple(str(place) for place, bit in enumerate(row[1:]) if bit)
        self.space.check(found := Architecture(values))
        return found

    def _nodes(self, layer: int) -> tuple[OneOf | SomeOf, ...]:
        # Each has a label of its own, for two nodes of one label would be one decision.
        candidates = tuple(
            Candidate(
                each.key,
                children=tuple(replace(one.node, label=_own_label(layer, each, one)) for one in each.parameters),
            )
            for each in self._operations
        )
        choice = OneOf(_label(layer), candidates)
        inputs = tuple(Candidate(str(place)) for place in range(layer))
        return (choice, SomeOf(_skip(layer), inputs, 0, layer)) if layer else (choice,)

    def _row(self, architecture: Architecture, layer: int) -> list[int]:
        key = architecture[_label(layer)]
        operation = next(each for each in self._operations if each.key == key)
        values = tuple(architecture[_path(layer, operation, parameter)] for parameter in operation.parameters)
        fed_by = architecture[_skip(layer)] if layer else ()
        assert isinstance(fed_by, tuple)
        return [operation.number(values), *(int(str(place) in fed_by) for place in range(layer))]

    def _rows(self, text: str) -> list[list[int]]:
        try:
            rows = json.loads(text.replace("'", '"'))
        except (ValueError, RecursionError):
            rows = None
        is_whole = isinstance(rows, list) and len(rows) == self._count
        if not is_whole or not all(map(_is_row, rows, range(self._count))):
            raise ArchitectureError(f"{ARCHITECTURE}: {text[:60]!r} does not describe {self._count} layers.")
        return rows  # type: ignore[no-any-return]  # just checked

    def _operation_of(self, number: int) -> Operation:
        for operation in self._operations:
            if operation.first <= number < operation.first + operation.size:
                return operation
        raise ArchitectureError(f"{ARCHITECTURE}: there is no operation number {number}.")


def _operations(config: api_pb2.NasConfig) -> tuple[Operation, ...]:
    found: list[Operation] = []
    first = 0
    for place, each in enumerate(config.operations.operation):
        where = f"nas_config.operations[{place}]"
        if not each.operation_type:
            raise SpaceError(f"{where}.operation_type: it is not given.")
        parameters = read_parameters(each.parameter_specs.parameters, f"{where}.parameters", may_be_continuous=False)
        taken = {operation.key for operation in found}
        key = f"{each.operation_type} {place}" if each.operation_type in taken else each.operation_type
        found.append(Operation(key, each.operation_type, parameters, first))
        first += found[-1].size
    if not found:
        raise SpaceError("nas_config.operations: there is none.")
    return tuple(found)


def _json_value(parameter: Parameter, value: Value) -> object:
    if parameter.scale is not None:
        return float(parameter.text(value))
    return value


def _is_row(row: object, layer: int) -> bool:
    return isinstance(row, list) and len(row) == layer + 1 and all(type(each) is int for each in row)


def _label(layer: int) -> str:
    return f"layer{layer}"


def _own_label(layer: int, operation: Operation, parameter: Parameter) -> str:
    return f"{_label(layer)} {operation.key} {parameter.name}"


def _path(layer: int, operation: Operation, parameter: Parameter) -> str:
    chosen = child(_label(layer), operation.key)
    return child(chosen, _own_label(layer, operation, parameter))


def _skip(layer: int) -> str:
    return f"inputs{layer}"
