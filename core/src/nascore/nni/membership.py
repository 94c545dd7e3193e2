"""Whether what an architecture of NNI's chose is on offer in its space; every finding with line and column."""

from __future__ import annotations

from nascore.nni.entries import (
    Answer,
    Choice,
    Entry,
    InputChoice,
    Json,
    LayerChoice,
    MutableLayer,
    Nested,
    NestedValue,
    Parameter,
    Setting,
)
from nascore.nni.faults import Faults
from nascore.nni.located import Located
from nascore.nni.options import option_key
from nascore.nni.ranges import has_value
from nascore.nni.spacefile import NniSpace
from nascore.space.nearest import nearest

_MOST_SHOWN = 10


class Offers:
    """What a space has to choose from.

    Args:
        space: The space.
        faults: Where to note what is wrong.
    """

    def __init__(self, space: NniSpace, faults: Faults) -> None:
        self._faults = faults
        self._open: dict[tuple[str, ...], Entry] = {_keys(entry): entry for entry in space.entries}
        self._entries = dict(self._open)

    def check_layer(self, node: Located, block: str, layer: str, chosen: Located, inputs: Located | None) -> None:
        """Checks what was chosen of a layer."""
        entry = self._take(node, (block, layer))
        if not isinstance(entry, MutableLayer):
            return
        self._check_name(chosen, entry.layer_choice, "layer choice")
        items = inputs.value if inputs is not None and isinstance(inputs.value, list) else []
        for item in items:
            self._check_name(item, entry.optional_inputs, "optional input")
        low, high = entry.optional_input_size
        count = len({item.value for item in items if isinstance(item.value, str)})
        is_list = inputs is None or isinstance(inputs.value, list)
        if is_list and not low <= count <= high:
            size = f"{low}" if low == high else f"{low} to {high}"
            self._faults.wrong(inputs or node, f"{count} inputs are chosen; the space asks for {size}")

    def check_answer(self, node: Located, answer: Answer) -> None:
        """Checks a name and its place, or names and their places."""
        entry = self._take(node, (answer.key,))
        if isinstance(entry, LayerChoice | InputChoice):
            pairs = _pairs(answer)
            if isinstance(answer.value, str) is isinstance(entry, InputChoice):
                kind = "a list of names" if isinstance(entry, InputChoice) else "one name"
                self._faults.wrong(node, f"the answer to {answer.key!r} must be {kind}")
            for name, place in pairs:
                if place >= len(entry.candidates) or entry.candidates[place] != name:
                    at = entry.candidates.index(name) if name in entry.candidates else None
                    message = f"{name!r} is no candidate" if at is None else f"{name!r} stands at {at}, not at {place}"
                    self._faults.wrong(node, message)
            if len({place for _, place in pairs}) < len(pairs):
                self._faults.wrong(node, "the same candidate is chosen twice")
            if isinstance(entry, InputChoice) and entry.n_chosen not in (None, len(pairs)):
                self._faults.wrong(node, f"{len(pairs)} inputs are chosen; the space asks for {entry.n_chosen}")
        elif entry is not None:
            self._faults.wrong(node, f"{answer.key!r} is a hyper-parameter; write its value alone")

    def check_setting(self, node: Located, setting: Setting) -> None:
        """Checks the value of a hyper-parameter."""
        entry = self._take(node, (setting.key,))
        if isinstance(entry, LayerChoice | InputChoice):
            self._faults.wrong(node, f'{setting.key!r} is no hyper-parameter; write {{"_value": ..., "_idx": ...}}')
        elif entry is not None and not isinstance(entry, MutableLayer):
            self._check_value(node, setting, entry)

    def refuse_missing(self, root: Located) -> None:
        """Notes what nothing was chosen of."""
        for keys in self._open:
            if not _is_there(root, keys):
                self._faults.wrong(root, f"nothing is chosen for {'/'.join(keys)!r}; the space asks for it")

    def _take(self, node: Located, keys: tuple[str, ...]) -> Entry | None:
        entry = self._entries.get(keys)
        self._open.pop(keys, None)
        if entry is None:
            name = "/".join(keys)
            near = nearest(name, ("/".join(known) for known in self._entries), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            self._faults.wrong(node, f"the space has no {name!r}{hint}")
        return entry

    def _check_name(self, node: Located, offered: tuple[str, ...], noun: str) -> None:
        if not isinstance(node.value, str) or node.value in offered:
            return
        near = nearest(node.value, offered, n=1)
        listed = ", ".join(offered[:_MOST_SHOWN]) + (", ..." if len(offered) > _MOST_SHOWN else "")
        write = f"did you mean {near[0]!r}?" if near else f"there are {listed}" if offered else "there are none"
        self._faults.wrong(node, f"there is no {noun} {node.value!r}; {write}")

    def _check_value(self, node: Located, setting: Setting, entry: Parameter) -> None:
        value = setting.value
        if not isinstance(entry, Choice):
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not has_value(entry, value):
                bounds = ", ".join(map(str, entry.bounds))
                self._faults.wrong(node, f"{value!r} is no value of {entry.key!r}, a {entry.kind} of [{bounds}]")
            return
        if isinstance(value, NestedValue):
            self._check_nested(node, value, entry)
        elif option_key(value) not in {option_key(each) for each in entry.options if not isinstance(each, Nested)}:
            listed = ", ".join(option_key(each) for each in entry.options[:_MOST_SHOWN])
            self._faults.wrong(node, f"{_written(value)} is no option of {entry.key!r}; there are {listed}")

    def _check_nested(self, node: Located, value: NestedValue, entry: Choice) -> None:
        options = {each.name: each for each in entry.options if isinstance(each, Nested)}
        if value.name not in options:
            self._check_name(Located(value.name, node.offset, node.path), tuple(options), f"option of {entry.key!r}:")
            return
        assert isinstance(node.value, dict)
        asked = {parameter.key: parameter for parameter in options[value.name].parameters}
        given = {each.key: each for each in value.parameters}
        for key in given.keys() - asked.keys():
            self._faults.wrong(node.value[key], f"the option {value.name!r} has no parameter {key!r}")
        for key in asked.keys() - given.keys():
            self._faults.wrong(node, f"the option {value.name!r} has a parameter {key!r}, which is not given")
        for key in asked.keys() & given.keys():
            self._check_value(node.value[key], given[key], asked[key])


def _is_there(root: Located, keys: tuple[str, ...]) -> bool:
    """Whether something stands at keys, be it right or wrong."""
    node: Located | None = root
    for key in keys:
        node = node.value.get(key) if node is not None and isinstance(node.value, dict) else None
    return node is not None


def _keys(entry: Entry) -> tuple[str, ...]:
    return (entry.block, entry.layer) if isinstance(entry, MutableLayer) else (entry.key,)


def _pairs(answer: Answer) -> tuple[tuple[str, int], ...]:
    names = (answer.value,) if isinstance(answer.value, str) else answer.value
    places = (answer.index,) if isinstance(answer.index, int) else answer.index
    return tuple(zip(names, places, strict=True))


def _written(value: Json) -> str:
    return option_key(value)
