"""Reading the layers of ``mutable_layers``: ``{layer: {layer_choice, optional_inputs, optional_input_size}}``.

NNI accepted sizes such as ``"1"``, ``1.5``, ``[3, 1]`` and ``[0, 1, 2]``, more inputs than there are, and the same
choice twice; each is found here. Its flattened form drew inputs with replacement; here a choice of inputs is a subset.
"""

from __future__ import annotations

from collections.abc import Iterator

from nascore.nni.entries import MutableLayer, inputs_label
from nascore.nni.faults import Faults
from nascore.nni.located import Located
from nascore.nni.texts import dictionary, read_texts, refuse_others, shown
from nascore.space.limits import MAX_CHOSEN, MAX_LABEL

FIELDS = ("layer_choice", "optional_inputs", "optional_input_size")


def read_block(block: str, node: Located, faults: Faults) -> Iterator[MutableLayer]:
    """The layers of a block."""
    layers = dictionary(node, faults, "a block of layers, {layer: {layer_choice: [...]}}")
    if layers is None:
        return
    if not layers:
        faults.forgive(node, "the block has no layers", write="write one or remove it", read="it is left out")
    for layer, fields in layers.items():
        read = _read_layer(block, layer, fields, faults)
        if read is not None:
            yield read


def _read_layer(block: str, layer: str, node: Located, faults: Faults) -> MutableLayer | None:
    fields = dictionary(node, faults, f"a layer, {{{', '.join(FIELDS)}}}")
    if fields is None:
        return None
    refuse_others(node, FIELDS, faults)
    if len(inputs_label(block, layer)) > MAX_LABEL or not block or not layer:
        faults.wrong(node, f"the keys of block and layer must have 1 to {MAX_LABEL - 10} characters together")
        return None
    if "layer_choice" not in fields:
        faults.wrong(node, 'the layer has no layer_choice; write for example "layer_choice": ["conv()", "pool()"]')
    choice = read_texts(fields["layer_choice"], "layer choice", faults) if "layer_choice" in fields else ()
    if "layer_choice" in fields and fields["layer_choice"].value == []:
        faults.wrong(fields["layer_choice"], "there is no layer to choose; name at least one, such as conv()")
    inputs = read_texts(fields["optional_inputs"], "input", faults) if "optional_inputs" in fields else ()
    if len(inputs) > MAX_CHOSEN:
        faults.wrong(fields["optional_inputs"], f"there are {len(inputs)} inputs; at most {MAX_CHOSEN} are read")
    return MutableLayer(block, layer, choice, inputs, _read_size(node, fields, len(inputs), faults))


def _read_size(node: Located, fields: dict[str, Located], available: int, faults: Faults) -> tuple[int, int]:
    size = fields.get("optional_input_size")
    if size is None:
        if available:
            message = "there are optional_inputs but no optional_input_size"
            write = f"write how many are chosen: a number, or a range such as [1, {available}]"
            faults.forgive(node, message, write=write, read="none is ever chosen")
        return (0, 0)
    low, high = _bounds(size, available, faults)
    if low > high:
        message = f"the range [{low}, {high}] begins above its end"
        faults.forgive(size, message, write=f"write [{high}, {low}]", read=f"read as [{high}, {low}]")
        low, high = high, low
    if high > available:
        count = f"{available} optional input{'s' * (available != 1)}"
        asked = f"optional_input_size asks for {high}, but there {'is' if available == 1 else 'are'} {count}"
        write = f"write {available}" if available == 0 or low == high else f"write [{min(low, available)}, {available}]"
        faults.forgive(size, asked, write=write, read=f"at most {available} are chosen")
    return min(low, available), min(high, available)


def _bounds(size: Located, available: int, faults: Faults) -> tuple[int, int]:
    if not isinstance(size.value, list):
        number = _count(size, faults)
        return number, number
    bounds = [_count(item, faults) for item in size.value[:2]]
    if len(size.value) > 2:
        message = f"{shown(size)} has {len(size.value)} numbers; a range has two, the fewest and the most"
        faults.forgive(size, message, write=f"write {bounds}", read=f"read as {bounds}")
    if len(bounds) < 2:
        write = f"write {bounds[0]}, or [0, {bounds[0]}]" if bounds else f"write for example [0, {available}]"
        faults.wrong(size, f"{shown(size)} is no range, which has two numbers, the fewest and the most; {write}")
        return (0, 0)
    return bounds[0], bounds[1]


def _count(node: Located, faults: Faults) -> int:
    """A number of inputs; 0 where it is none, which is noted."""
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            faults.wrong(node, f"the size {value} is below 0; write 0 or more")
        return max(0, value)
    meant = _meant(value)
    if meant is None:
        faults.wrong(node, f"{shown(node)} is no size; write a whole number such as 1, or a range such as [0, 2]")
        return 0
    kind = "text" if isinstance(value, str) else "a truth value" if isinstance(value, bool) else "no whole number"
    faults.forgive(node, f"the size {shown(node)} is {kind}", write=f"write {meant}", read=f"read as {meant}")
    return meant


def _meant(value: object) -> int | None:
    """The whole number of 0 or more that ``"1"``, ``1.5`` or ``true`` is read as."""
    if isinstance(value, str):
        return int(value) if value.strip().isascii() and value.strip().isdigit() and len(value) < 10 else None
    return int(value) if isinstance(value, (bool, float)) and value >= 0 else None
