"""NNI's search spaces as spaces of ours, and back.

A mutable layer is a ``OneOf`` labelled ``block:layer`` and, where it has optional inputs, a ``SomeOf`` labelled
``block:layer:inputs``; a ``layer_choice`` is a ``OneOf`` and an ``input_choice`` a ``SomeOf``, each labelled by its
key. What comes back from a space is what was put into it, except that a ``quniform`` of steps that are no whole numbers
comes back as a ``choice`` of its values, and one in steps of 1 as a ``randint``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from nascore.errors import SpaceError
from nascore.nni.entries import (
    Choice,
    Dialect,
    Entry,
    InputChoice,
    Json,
    LayerChoice,
    MutableLayer,
    Nested,
    Parameter,
    block_and_layer,
    block_and_layer_of_inputs,
    inputs_label,
    layer_label,
)
from nascore.nni.options import candidate_of, input_key, input_name, option_of
from nascore.nni.ranges import node_of, range_of
from nascore.nni.spacefile import NniSpace
from nascore.space import Candidate, Integer, Node, OneOf, Real, SearchSpace, SomeOf
from nascore.space.nodes import is_same


def search_space_of(space: NniSpace) -> SearchSpace:
    """The search space that a file of NNI's describes.

    Raises:
        SpaceError: It is too large to be one.
    """
    names = Counter(labels_within(space.entries))
    return SearchSpace(tuple(node for entry in space.entries for node in _nodes(entry, names)))


def nni_space_of(space: SearchSpace, dialect: Dialect) -> NniSpace:
    """A search space as NNI writes it.

    Args:
        space: The space.
        dialect: How it is written; what is no mutable layer is written flat also in the wrapped dialect.

    Raises:
        SpaceError: NNI cannot express a part of it, which is named.
    """
    if space.constraints:
        raise _inexpressible("its constraints", "Leave them out, and refuse what violates them in the trial.")
    entries = _flat(space.nodes) if dialect is Dialect.FLAT else _layered(space.nodes, dialect)
    written = NniSpace(dialect, tuple(entries))
    _refuse_changed(space.nodes, search_space_of(written).nodes)
    return written


def nested_label(place: str, key: str, names: Counter[str]) -> str:
    """The label of a parameter inside an option: its key where no other has it, else with its place before it."""
    return key if names[key] == 1 and not key.startswith(f"{place}.") else f"{place}.{key}"


def labels_within(entries: Iterable[Entry]) -> Iterator[str]:
    """All keys that may become labels."""
    for entry in entries:
        if isinstance(entry, MutableLayer):
            yield layer_label(entry.block, entry.layer)
            yield inputs_label(entry.block, entry.layer)
            continue
        yield entry.key
        if isinstance(entry, Choice):
            yield from (
                key for each in entry.options if isinstance(each, Nested) for key in labels_within(each.parameters)
            )


def _nodes(entry: Entry, names: Counter[str]) -> Iterator[Node]:
    if isinstance(entry, MutableLayer):
        yield OneOf(layer_label(entry.block, entry.layer), tuple(map(Candidate, entry.layer_choice)))
        if entry.optional_inputs:
            inputs = tuple(map(Candidate, entry.optional_inputs))
            yield SomeOf(inputs_label(entry.block, entry.layer), inputs, *entry.optional_input_size)
    elif isinstance(entry, LayerChoice):
        yield OneOf(entry.key, tuple(map(Candidate, entry.candidates)))
    elif isinstance(entry, InputChoice):
        inputs = tuple(Candidate(input_key(name, place)) for place, name in enumerate(entry.candidates))
        low, high = (0, len(inputs)) if entry.n_chosen is None else (entry.n_chosen, entry.n_chosen)
        yield SomeOf(entry.key, inputs, low, high)
    else:
        yield _parameter_node(entry, entry.key, names)


def _parameter_node(parameter: Parameter, label: str, names: Counter[str]) -> Node:
    if not isinstance(parameter, Choice):
        return node_of(label, parameter)
    candidates: list[Candidate] = []
    for option in parameter.options:
        place = f"{label}.{option.name}" if isinstance(option, Nested) else ""
        inner = option.parameters if isinstance(option, Nested) else ()
        children = tuple(_parameter_node(each, nested_label(place, each.key, names), names) for each in inner)
        candidates.append(candidate_of(option, children))
    return OneOf(label, tuple(candidates))


def _layered(nodes: tuple[Node, ...], dialect: Dialect) -> Iterator[Entry]:
    inputs = {node.label: node for node in nodes if isinstance(node, SomeOf)}
    placed: set[str] = set()
    layers: dict[str, list[MutableLayer]] = {}
    for node in nodes:
        names = block_and_layer(node.label)
        if isinstance(node, OneOf) and names is not None and _is_plain(node):
            found = inputs.get(inputs_label(*names))
            placed.update((node.label, "" if found is None else found.label))
            layers.setdefault(names[0], []).append(_mutable_layer(node, found, names))
    for node in nodes:
        if node.label not in placed:
            yield _other(node, dialect)
        elif isinstance(node, OneOf):
            block, _ = block_and_layer(node.label) or ("", "")
            yield from layers.pop(block, ())  # the layers of a block stand together in a file


def _mutable_layer(node: OneOf, inputs: SomeOf | None, names: tuple[str, str]) -> MutableLayer:
    choice = tuple(candidate.key for candidate in node.candidates)
    if inputs is None:
        return MutableLayer(*names, choice)
    _refuse_odd(inputs)
    keys = tuple(candidate.key for candidate in inputs.candidates)
    return MutableLayer(*names, choice, keys, (inputs.min_chosen, inputs.max_chosen))


def _other(node: Node, dialect: Dialect) -> Entry:
    if block_and_layer_of_inputs(node.label) is not None and isinstance(node, SomeOf):
        raise _inexpressible(f"{node.label!r}", "There is no layer of that name which these inputs are for.")
    if dialect is Dialect.BARE or ":" in node.label:
        hint = f"Write {Dialect.FLAT.value}, or label it block:layer and its inputs block:layer:inputs."
        raise _inexpressible(f"{node.label!r}, which is no mutable layer", hint)
    return _entry(node, node.label)


def _flat(nodes: tuple[Node, ...]) -> Iterator[Entry]:
    return (_entry(node, node.label) for node in nodes)


def _entry(node: Node, key: str) -> Entry:
    if isinstance(node, SomeOf):
        return _input_choice(node, key)
    if isinstance(node, OneOf) and _is_plain(node):
        return LayerChoice(key, tuple(candidate.key for candidate in node.candidates))
    return _parameter(node, key)


def _input_choice(node: SomeOf, key: str) -> InputChoice:
    _refuse_odd(node)
    names = tuple(input_name(candidate.key) for candidate in node.candidates)
    if any(input_key(name, place) != node.candidates[place].key for place, name in enumerate(names)):
        raise _inexpressible(f"{node.label!r}", "Names such as #1 stand for inputs without a name; write others.")
    if node.min_chosen == node.max_chosen:
        return InputChoice(key, names, node.min_chosen)
    if (node.min_chosen, node.max_chosen) == (0, len(names)):
        return InputChoice(key, names, None)
    asked = f"{node.label!r}, which chooses {node.min_chosen} to {node.max_chosen} of {len(names)}"
    raise _inexpressible(asked, "NNI's input_choice has one number, or any number; a mutable layer has a range.")


def _parameter(node: Node, key: str) -> Parameter:
    if isinstance(node, OneOf):
        _refuse_search_only(node)
        return Choice(key, tuple(_option(node, candidate) for candidate in node.candidates))
    if isinstance(node, Integer | Real):
        return range_of(key, node)
    kind = type(node).__name__
    raise _inexpressible(f"{node.label!r}, a {kind}", "Write its decisions out, one by one.")


def _option(node: OneOf, candidate: Candidate) -> Json | Nested:
    is_nested = candidate.children or (candidate.value is None and any(each.children for each in node.candidates))
    if not is_nested:
        return option_of(candidate)
    if candidate.value is not None:
        raise _inexpressible(f"{candidate.key!r} of {node.label!r}, with a value and with parts", "Remove its value.")
    place = f"{node.label}.{candidate.key}."
    inner = (_nested(child, child.label.removeprefix(place)) for child in candidate.children)
    return Nested(candidate.key, tuple(inner))


def _nested(node: Node, key: str) -> Parameter:
    if isinstance(node, SomeOf):
        raise _inexpressible(f"{node.label!r}, which chooses several inside a candidate", "Move it to the top.")
    return _parameter(node, key)


def _is_plain(node: OneOf) -> bool:
    """Whether its candidates are names and nothing else."""
    _refuse_search_only(node)
    return all(candidate.value is None and not candidate.children for candidate in node.candidates)


def _refuse_search_only(node: OneOf | SomeOf) -> None:
    for candidate in node.candidates:
        if candidate.search_only:
            raise _inexpressible(f"{candidate.key!r} of {node.label!r}, which is for search only", "Leave it out.")


def _refuse_odd(node: SomeOf) -> None:
    _refuse_search_only(node)
    if node.ordered or node.with_replacement:
        kind = "in an order" if node.ordered else "with repetitions"
        raise _inexpressible(f"{node.label!r}, which chooses {kind}", "NNI's inputs are subsets.")
    if any(candidate.children or candidate.value is not None for candidate in node.candidates):
        raise _inexpressible(f"{node.label!r}, whose candidates hold more than names", "Let it choose among names.")


def _refuse_changed(nodes: tuple[Node, ...], again: tuple[Node, ...]) -> None:
    """Refuses what would come back as something else: labels that are shared, or that NNI's keys do not give."""
    by_label = {node.label: node for node in again}
    for node in nodes:
        other = by_label.get(node.label)
        if other is None or not is_same(node, other):
            hint = "Give every decision a label of its own, and a decision inside a candidate no dots in its label."
            raise _inexpressible(f"{node.label!r} so that it can be read back", hint)


def _inexpressible(what: str, hint: str) -> SpaceError:
    return SpaceError(f"NNI's search space cannot express {what}.", hint=hint)
