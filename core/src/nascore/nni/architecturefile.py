"""NNI's architectures: ``{block: {layer: {chosen_layer, chosen_inputs}}}``, answers with ``_value`` and ``_idx``.

Read strictly and written back byte for byte, as ``spacefile`` does it with spaces. Given its space, what was chosen
must be on offer there. Not here: what it means as an architecture of ours (``decisions``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nascore.errors import ArchitectureError, Violation
from nascore.nni.entries import Answer, Chosen, ChosenLayer, Json, NestedValue, Setting
from nascore.nni.faults import Faults, read_located
from nascore.nni.layout import DOCUMENTED, Original, Style, render, style_of
from nascore.nni.located import Located
from nascore.nni.membership import Offers
from nascore.nni.spacefile import NniSpace
from nascore.nni.texts import dictionary, kind_of, read_text, refuse_others, shown
from nascore.nni.typed import NAME, VALUE
from nascore.space.nodes import is_same

INDEX = "_idx"
CHOSEN_LAYER, CHOSEN_INPUTS = "chosen_layer", "chosen_inputs"
_KIND = "NNI architecture"


@dataclass(frozen=True, slots=True)
class NniArchitecture:
    """What an architecture file of NNI's says.

    Attributes:
        chosen: What was chosen, in order; layers of one block stand together.
        style: The layout in which what is new is written.
        original: What it was read from; written as it is while ``chosen`` is as read.
        forgiven: What was read leniently.
    """

    chosen: tuple[Chosen, ...]
    style: Style = DOCUMENTED
    original: Original | None = field(default=None, compare=False, repr=False)
    forgiven: tuple[Violation, ...] = field(default=(), compare=False)


def read_architecture(text: str | bytes, space: NniSpace | None = None, *, lenient: bool = False) -> NniArchitecture:
    """Reads an architecture file.

    Args:
        text: The file; bytes must be UTF-8.
        space: Its space; without one only the form is checked.
        lenient: Read what NNI accepted in silence as NNI did, and list it in ``forgiven``.

    Raises:
        ArchitectureError: It is no such file, or not of the space; ``violations`` lists everything with its place.
    """
    decoded, root, faults = read_located(text, _KIND, error=ArchitectureError, lenient=lenient)
    members = dictionary(root, faults, "a dictionary, {block: {layer: {chosen_layer: ...}}}") or {}
    offers = None if space is None else Offers(space, faults)
    chosen = tuple(_read(members, faults, offers))
    if offers is not None:
        offers.refuse_missing(root)
    faults.raise_if_any(_KIND, ArchitectureError)
    style = style_of(decoded, root)
    original = None if faults.forgiven else Original(decoded, chosen, style)
    return NniArchitecture(chosen, style, original, tuple(faults.forgiven))


def write_architecture(architecture: NniArchitecture) -> str:
    """Writes an architecture file: as it was read if nothing changed, else in the style of what was read."""
    original = architecture.original
    if original is not None and original.style == architecture.style and is_same(original.content, architecture.chosen):
        return original.text
    return render(_document(architecture.chosen), architecture.style)


def _read(members: dict[str, Located], faults: Faults, offers: Offers | None) -> Iterator[Chosen]:
    for key, node in members.items():
        if isinstance(node.value, dict) and NAME not in node.value:
            if VALUE in node.value or INDEX in node.value:
                read: Iterable[Chosen | None] = (_read_answer(key, node, faults, offers),)
            else:
                read = _read_block(key, node, faults, offers)
        else:
            read = (_read_setting(key, node, faults, offers),)
        yield from (each for each in read if each is not None)


def _read_block(block: str, node: Located, faults: Faults, offers: Offers | None) -> Iterator[ChosenLayer]:
    assert isinstance(node.value, dict)
    if not node.value:
        faults.forgive(node, "the block has no layers", write="write one or remove it", read="it is left out")
    for layer, fields in node.value.items():
        members = dictionary(fields, faults, f"a layer, {{{CHOSEN_LAYER}: ..., {CHOSEN_INPUTS}: [...]}}")
        if members is None:
            continue
        refuse_others(fields, (CHOSEN_LAYER, CHOSEN_INPUTS), faults)
        if CHOSEN_LAYER not in members:
            faults.wrong(fields, f'the layer has no {CHOSEN_LAYER}; write for example "{CHOSEN_LAYER}": "conv()"')
            continue
        chosen = read_text(members[CHOSEN_LAYER], "layer choice", faults)
        inputs = _read_inputs(members[CHOSEN_INPUTS], faults) if CHOSEN_INPUTS in members else ()
        if chosen is None:
            continue
        if offers is not None:
            offers.check_layer(fields, block, layer, members[CHOSEN_LAYER], members.get(CHOSEN_INPUTS))
        yield ChosenLayer(block, layer, chosen, inputs)


def _read_inputs(node: Located, faults: Faults) -> tuple[str, ...]:
    if not isinstance(node.value, list):
        faults.wrong(node, f"{shown(node)} is {kind_of(node.value)}; write a list, such as [{shown(node)}]")
        return ()
    read: dict[str, None] = {}
    for item in node.value:
        name = read_text(item, "input", faults)
        if name is not None and name in read:
            message = f"the input {name!r} stands twice"
            faults.forgive(item, message, write="inputs are subsets: remove one of the two", read="counted once")
        elif name is not None:
            read[name] = None
    return tuple(read)


def _read_answer(key: str, node: Located, faults: Faults, offers: Offers | None) -> Answer | None:
    assert isinstance(node.value, dict)
    refuse_others(node, (VALUE, INDEX), faults)
    for name in (VALUE, INDEX):
        if name not in node.value:
            faults.wrong(node, f'the answer has no {name}; write {{"_value": "conv", "_idx": 0}}')
            return None
    value, index = node.value[VALUE], node.value[INDEX]
    are_lists = isinstance(value.value, list), isinstance(index.value, list)
    if are_lists[0] != are_lists[1]:
        faults.wrong(
            node, f"of {VALUE} and {INDEX} one is a list and one is not; write two lists, or a name and a number"
        )
        return None
    names = value.value if isinstance(value.value, list) else [value]
    places = index.value if isinstance(index.value, list) else [index]
    if len(names) != len(places):
        faults.wrong(node, f"{VALUE} has {len(names)} names and {INDEX} {len(places)} numbers; write as many of both")
        return None
    texts = tuple(name.value for name in names if isinstance(name.value, str))
    numbers = tuple(place.value for place in places if type(place.value) is int and place.value >= 0)
    if len(texts) != len(names) or len(numbers) != len(places):
        faults.wrong(node, f"{VALUE} must be names, as text, and {INDEX} their places, counted from 0")
        return None
    answer = Answer(key, texts, numbers) if are_lists[0] else Answer(key, texts[0], numbers[0])
    if offers is not None:
        offers.check_answer(node, answer)
    return answer


def _read_setting(key: str, node: Located, faults: Faults, offers: Offers | None) -> Setting | None:
    setting = _setting(key, node, faults)
    if setting is not None and offers is not None:
        offers.check_setting(node, setting)
    return setting


def _setting(key: str, node: Located, faults: Faults) -> Setting | None:
    if not isinstance(node.value, dict):
        return Setting(key, _frozen(node, faults))
    if NAME not in node.value:
        faults.wrong(node, f"{shown(node)} has no _name; write the name of the option that was chosen")
        return None
    name = read_text(node.value[NAME], "option", faults)
    inner = [_setting(each, member, faults) for each, member in node.value.items() if each != NAME]
    return None if name is None else Setting(key, NestedValue(name, tuple(each for each in inner if each is not None)))


def _frozen(node: Located, faults: Faults) -> Json:
    if isinstance(node.value, list):
        return tuple(_frozen(item, faults) for item in node.value)
    if isinstance(node.value, dict):
        faults.wrong(node, f"{shown(node)} is a dictionary in a list; no value of NNI's is")
        return None
    return node.value


def _document(chosen: Iterable[Chosen]) -> dict[str, object]:
    document: dict[str, object] = {}
    blocks: dict[str, dict[str, object]] = {}
    for each in chosen:
        if isinstance(each, ChosenLayer):
            block = document.setdefault(each.block, blocks.setdefault(each.block, {}))
            assert block is blocks[each.block], "keys of blocks and of decisions differ"
            blocks[each.block][each.layer] = {CHOSEN_LAYER: each.chosen_layer, CHOSEN_INPUTS: each.chosen_inputs}
        elif isinstance(each, Answer):
            document[each.key] = {VALUE: each.value, INDEX: each.index}
        else:
            document[each.key] = _value_document(each.value)
    return document


def _value_document(value: Json | NestedValue) -> object:
    if isinstance(value, NestedValue):
        return {NAME: value.name} | {each.key: _value_document(each.value) for each in value.parameters}
    return value
