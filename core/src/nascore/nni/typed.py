"""Reading entries ``{key: {"_type": ..., "_value": ...}}``: choices of layers and inputs, and hyper-parameters.

Sources: NNI's classic NAS search space (``layer_choice``, ``input_choice``) and its search space of hyper-parameters.
Not here: ``mutable_layer`` (``mutable``), and ranges (``ranges``).
"""

from __future__ import annotations

from nascore.nni.entries import Choice, Entry, InputChoice, Json, LayerChoice, Nested, Parameter
from nascore.nni.faults import Faults
from nascore.nni.located import Located
from nascore.nni.options import UNNAMED, option_key
from nascore.nni.ranges import KINDS, read_range, replaced_distribution
from nascore.nni.texts import dictionary, kind_of, plain, read_text, read_texts, refuse_others, shown
from nascore.space.constraint import INTEGER_HIGH, INTEGER_LOW
from nascore.space.limits import MAX_CHOSEN, MAX_LABEL, MAX_TEXT
from nascore.space.nearest import nearest

TYPE, VALUE, NAME = "_type", "_value", "_name"
MUTABLE_LAYER = "mutable_layer"
LAYER_CHOICE = "layer_choice"
INPUT_CHOICE = "input_choice"
CHOICE = "choice"
_TYPES = (MUTABLE_LAYER, LAYER_CHOICE, INPUT_CHOICE, CHOICE, *KINDS)


def type_and_value(node: Located, faults: Faults) -> tuple[str, Located] | None:
    """The two members of an entry; ``None``, and a note, if it has no such two."""
    fields = dictionary(node, faults, '{"_type": ..., "_value": ...}')
    if fields is None:
        return None
    refuse_others(node, (TYPE, VALUE), faults)
    for field in (TYPE, VALUE):
        if field not in fields:
            faults.wrong(node, f'the entry has no {field}; write {{"_type": "choice", "_value": [...]}}')
    kind = fields.get(TYPE)
    if kind is None or VALUE not in fields:
        return None
    if not isinstance(kind.value, str):
        faults.wrong(kind, f"{shown(kind)} is {kind_of(kind.value)}; write the name of a type")
        return None
    return kind.value, fields[VALUE]


def read_entry(key: str, node: Located, faults: Faults) -> Entry | None:
    """An entry of any type but ``mutable_layer``; ``None``, and a note, if nothing can be made of it."""
    found = type_and_value(node, faults)
    if found is None or not _is_key(key, node, faults):
        return None
    kind, value = found
    if kind == LAYER_CHOICE:
        names = read_texts(value, "candidate", faults)
        if isinstance(value.value, list) and not value.value:
            faults.wrong(value, "there is no candidate to choose; name at least one")
        return LayerChoice(key, names)
    if kind == INPUT_CHOICE:
        return _read_input_choice(key, value, faults)
    return _read_parameter(key, kind, node, value, faults)


def _is_key(key: str, node: Located, faults: Faults) -> bool:
    if 1 <= len(key) <= MAX_LABEL:
        return True
    faults.wrong(node, f"the key has {len(key)} characters; write 1 to {MAX_LABEL}")
    return False


def _read_input_choice(key: str, node: Located, faults: Faults) -> InputChoice | None:
    fields = dictionary(node, faults, '{"candidates": [...], "n_chosen": 1}')
    if fields is None:
        return None
    refuse_others(node, ("candidates", "n_chosen"), faults)
    for field in ("candidates", "n_chosen"):
        if field not in fields:
            example = "[...]" if field == "candidates" else "1, or null for any number"
            faults.wrong(node, f'the input_choice has no {field}; write "{field}": {example}')
    if len(fields.keys() & {"candidates", "n_chosen"}) < 2:
        return None
    names = _read_candidates(fields["candidates"], faults)
    number = fields["n_chosen"]
    if number.value is None:
        return InputChoice(key, names, None)
    if isinstance(number.value, bool) or not isinstance(number.value, int) or number.value < 0:
        faults.wrong(number, f"n_chosen is {shown(number)}; write a whole number of 0 or more, or null for any number")
        return None
    if number.value > len(names):
        message = f"n_chosen is {number.value}, but there are {len(names)} candidates"
        faults.forgive(number, message, write=f"write {len(names)}", read=f"read as {len(names)}")
    return InputChoice(key, names, min(number.value, len(names)))


def _read_candidates(node: Located, faults: Faults) -> tuple[str, ...]:
    """Names of inputs; NNI writes ``""`` for each input without a name."""
    if not isinstance(node.value, list):
        return read_texts(node, "candidate", faults)
    named = [item for item in node.value if item.value != ""]
    names = set(read_texts(Located(named, node.offset, node.path), "candidate", faults))
    for item in named:
        if isinstance(item.value, str) and UNNAMED.fullmatch(item.value):
            faults.wrong(item, f"the name {item.value!r} stands for an input without a name; write another")
    if not node.value or len(node.value) > MAX_CHOSEN:
        faults.wrong(node, f"there are {len(node.value)} candidates; name 1 to {MAX_CHOSEN}")
    read: list[str] = []
    for item in node.value:
        if item.value == "":
            read.append("")
        elif isinstance(item.value, str) and item.value in names:
            names.discard(item.value)
            read.append(item.value)
    return tuple(read)


def _read_parameter(key: str, kind: str, node: Located, value: Located, faults: Faults) -> Parameter | None:
    if kind == CHOICE:
        return _read_choice(key, value, faults)
    if kind in KINDS:
        return read_range(key, kind, value, faults)
    place = node.value[TYPE] if isinstance(node.value, dict) else node
    replacement = replaced_distribution(kind, plain(value))
    if replacement:
        faults.wrong(place, f"there is no distribution {kind!r} here; write {replacement}")
        return None
    near = nearest(kind, _TYPES, n=1)
    write = f"did you mean {near[0]!r}?" if near else f"write one of {', '.join(_TYPES)}"
    faults.wrong(place, f"there is no type {kind!r}; {write}")
    return None


def _read_choice(key: str, node: Located, faults: Faults) -> Choice | None:
    if not isinstance(node.value, list) or not node.value:
        faults.wrong(node, f"{shown(node)} offers nothing to choose; write a list of at least one value")
        return None
    options: dict[str, Json | Nested] = {}
    for item in node.value:
        option = _read_nested(item, faults) if isinstance(item.value, dict) else _read_option(item, faults)
        if option is None:
            continue
        name = option_key(option[0])
        if name in options:
            message = f"the value {shown(item)} stands twice"
            faults.forgive(item, message, write="remove one of the two", read="the second is left out")
            continue
        options[name] = option[0]
    read = tuple(options.values())
    nested = [option for option in read if isinstance(option, Nested)]
    if nested and not any(option.parameters for option in nested) and not faults.found:
        faults.wrong(node, 'no option has parameters; write their names alone: ["conv", "pool"]')
    return Choice(key, read)


def _read_option(node: Located, faults: Faults) -> tuple[Json] | None:
    """A plain value in a tuple, for ``None`` is one."""
    value = _frozen(node)
    number_fault = isinstance(value, int) and not INTEGER_LOW <= value <= INTEGER_HIGH
    if number_fault or len(option_key(value)) > MAX_LABEL or (isinstance(value, str) and len(value) > MAX_TEXT):
        what = "does not fit 64 bits" if number_fault else f"has more than {MAX_LABEL} characters"
        faults.wrong(node, f"the value {shown(node)} {what}; write another, and look it up in the trial")
        return None
    if any(isinstance(item.value, dict) for item in node.value) if isinstance(node.value, list) else False:
        faults.wrong(node, f"{shown(node)} has dictionaries in a list; name it and look it up in the trial")
        return None
    return (value,)


def _frozen(node: Located) -> Json:
    if isinstance(node.value, list):
        return tuple(_frozen(item) for item in node.value)
    return None if isinstance(node.value, dict) else node.value


def _read_nested(node: Located, faults: Faults) -> tuple[Nested] | None:
    fields = node.value if isinstance(node.value, dict) else {}
    if NAME not in fields:
        faults.wrong(node, f'{shown(node)} has no _name; write for example {{"_name": "conv", "kernel": {{...}}}}')
        return None
    name = read_text(fields[NAME], "option", faults)
    parameters = [_read_inner(key, inner, faults) for key, inner in fields.items() if key != NAME]
    return None if name is None else (Nested(name, tuple(each for each in parameters if each is not None)),)


def _read_inner(key: str, node: Located, faults: Faults) -> Parameter | None:
    if not isinstance(node.value, dict):
        faults.wrong(node, f'{shown(node)} is no parameter; write {{"_type": "choice", "_value": [{shown(node)}]}}')
        return None
    found = type_and_value(node, faults)
    if found is None or not _is_key(key, node, faults):
        return None
    if found[0] in (MUTABLE_LAYER, LAYER_CHOICE, INPUT_CHOICE):
        faults.wrong(node, f"{found[0]} cannot stand inside an option; write it at the top of the file")
        return None
    return _read_parameter(key, found[0], node, found[1], faults)
