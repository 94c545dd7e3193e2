"""NNI's architectures as architectures of ours, and back; one to one, given the space.

The order of chosen inputs carries no meaning here: inputs are subsets, in the order of the space.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from nascore.nni.architecturefile import NniArchitecture
from nascore.nni.entries import (
    Answer,
    Choice,
    Chosen,
    ChosenLayer,
    InputChoice,
    Json,
    LayerChoice,
    MutableLayer,
    Nested,
    NestedValue,
    Parameter,
    Range,
    Setting,
    inputs_label,
    layer_label,
)
from nascore.nni.mapping import labels_within, nested_label, search_space_of
from nascore.nni.options import input_key, input_name, option_key
from nascore.nni.ranges import value_of
from nascore.nni.spacefile import NniSpace
from nascore.space import Architecture, Value
from nascore.space import path as paths


def architecture_of(chosen: NniArchitecture, space: NniSpace) -> Architecture:
    """The architecture that a file of NNI's chooses in its space.

    Raises:
        ArchitectureError: It does not belong to the space; ``violations`` lists everything with its path.
    """
    names = Counter(labels_within(space.entries))
    by_key = {each.key: each for each in space.entries if isinstance(each, Choice | Range)}
    with_inputs = {(layer.block, layer.layer) for layer in space.layers if layer.optional_inputs}
    decisions: dict[str, object] = {}
    for each in chosen.chosen:
        if isinstance(each, ChosenLayer):
            decisions[paths.escape(layer_label(each.block, each.layer))] = each.chosen_layer
            if (each.block, each.layer) in with_inputs or each.chosen_inputs:
                decisions[paths.escape(inputs_label(each.block, each.layer))] = each.chosen_inputs
        elif isinstance(each, Answer):
            decisions[paths.escape(each.key)] = _answer_value(each)
        else:
            decisions.update(_setting_values(each, by_key.get(each.key), each.key, "", names))
    return search_space_of(space).architecture(decisions)


def chosen_of(architecture: Mapping[str, Value], space: NniSpace) -> NniArchitecture:
    """An architecture as NNI writes it, in the order of its space.

    Raises:
        ArchitectureError: It does not belong to the space; ``violations`` lists everything with its path.
    """
    ours = search_space_of(space)
    ours.check(architecture)
    names = Counter(labels_within(space.entries))
    return NniArchitecture(tuple(_chosen(architecture, space, names)), space.style)


def _answer_value(answer: Answer) -> str | tuple[str, ...]:
    if isinstance(answer.value, str):
        return answer.value
    assert isinstance(answer.index, tuple)
    return tuple(input_key(name, place) for name, place in zip(answer.value, answer.index, strict=True))


def _setting_values(
    setting: Setting, parameter: Parameter | None, label: str, prefix: str, names: Counter[str]
) -> Iterator[tuple[str, object]]:
    """The decisions that a hyper-parameter stands for: its own, and those inside the option that it chose."""
    path = paths.child(prefix, label)
    if isinstance(setting.value, NestedValue):
        yield path, setting.value.name
        options = parameter.options if isinstance(parameter, Choice) else ()
        known = {each.key: each for each in _parameters(options, setting.value.name)}
        for inner in setting.value.parameters:
            inner_label = nested_label(f"{label}.{setting.value.name}", inner.key, names)
            inner_prefix = paths.child(path, setting.value.name)
            yield from _setting_values(inner, known.get(inner.key), inner_label, inner_prefix, names)
    elif isinstance(parameter, Range):
        yield path, value_of(parameter, setting.value)
    else:
        yield path, option_key(setting.value)


def _parameters(options: tuple[Json | Nested, ...], name: str) -> tuple[Parameter, ...]:
    return next((each.parameters for each in options if isinstance(each, Nested) and each.name == name), ())


def _chosen(architecture: Mapping[str, Value], space: NniSpace, names: Counter[str]) -> Iterator[Chosen]:
    for entry in space.entries:
        if isinstance(entry, MutableLayer):
            layer = str(architecture[paths.escape(layer_label(entry.block, entry.layer))])
            inputs = architecture.get(paths.escape(inputs_label(entry.block, entry.layer)), ())
            yield ChosenLayer(entry.block, entry.layer, layer, inputs if isinstance(inputs, tuple) else ())
        elif isinstance(entry, LayerChoice):
            name = str(architecture[paths.escape(entry.key)])
            yield Answer(entry.key, name, entry.candidates.index(name))
        elif isinstance(entry, InputChoice):
            yield _inputs_answer(entry, architecture[paths.escape(entry.key)])
        else:
            yield Setting(entry.key, _setting_value(entry, entry.key, "", architecture, names))


def _inputs_answer(entry: InputChoice, chosen: Value) -> Answer:
    keys = [input_key(name, place) for place, name in enumerate(entry.candidates)]
    assert isinstance(chosen, tuple)
    return Answer(entry.key, tuple(map(input_name, chosen)), tuple(map(keys.index, chosen)))


def _setting_value(
    parameter: Parameter, label: str, prefix: str, architecture: Mapping[str, Value], names: Counter[str]
) -> Json | NestedValue:
    path = paths.child(prefix, label)
    value = architecture[path]
    if isinstance(parameter, Range):
        return float(value) if isinstance(value, str) else value  # a step that is no whole number is a candidate
    for option in parameter.options:
        if option_key(option) == value:
            if not isinstance(option, Nested):
                return option
            place, inside = f"{label}.{option.name}", paths.child(path, option.name)
            inner = (
                Setting(
                    each.key, _setting_value(each, nested_label(place, each.key, names), inside, architecture, names)
                )
                for each in option.parameters
            )
            return NestedValue(option.name, tuple(inner))
    raise AssertionError(f"{value!r} was checked to be an option of {path!r}")
