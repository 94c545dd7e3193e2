"""NNI's search-space files in its three dialects: read strictly, and written back byte for byte.

Not here: what such a file means as a space of ours (``mapping``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from nascore.errors import InvalidInputError, SpaceError, Violation
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
)
from nascore.nni.faults import Faults, read_located
from nascore.nni.layout import DOCUMENTED, Original, Style, render, style_of
from nascore.nni.located import Located
from nascore.nni.mutable import read_block
from nascore.nni.texts import dictionary
from nascore.nni.typed import (
    CHOICE,
    INPUT_CHOICE,
    LAYER_CHOICE,
    MUTABLE_LAYER,
    NAME,
    TYPE,
    VALUE,
    read_entry,
    type_and_value,
)
from nascore.space.nodes import is_same
from nascore.space.strictjson import read_json

_KIND = "NNI search space"
_OURS = {"specVersion", "spec_version", "nodes", "constraints"}


@dataclass(frozen=True, slots=True)
class NniSpace:
    """What a search-space file of NNI's says.

    Attributes:
        dialect: How it is written.
        entries: What there is to choose, in order; layers of one block stand together.
        style: The layout in which what is new is written.
        original: What it was read from; written as it is while ``entries`` and ``dialect`` are as read.
        forgiven: What was read leniently.
    """

    dialect: Dialect
    entries: tuple[Entry, ...]
    style: Style = DOCUMENTED
    original: Original | None = field(default=None, compare=False, repr=False)
    forgiven: tuple[Violation, ...] = field(default=(), compare=False)

    @property
    def layers(self) -> tuple[MutableLayer, ...]:
        """The mutable layers among the entries."""
        return tuple(entry for entry in self.entries if isinstance(entry, MutableLayer))


def read_space(text: str | bytes, *, lenient: bool = False) -> NniSpace:
    """Reads a search-space file; the dialect is recognised.

    Args:
        text: The file; bytes must be UTF-8.
        lenient: Read what NNI accepted in silence as NNI did, and list it in ``forgiven``.

    Raises:
        SpaceError: It is no such file; ``violations`` lists everything with line, column and field.
    """
    decoded, root, faults = read_located(text, _KIND, error=SpaceError, lenient=lenient)
    members = dictionary(root, faults, "a dictionary, {block: {layer: {...}}}")
    if members is not None and not members:
        faults.wrong(root, "the file names nothing to choose")
    is_bare = not any(_is_typed(member) for member in (members or {}).values())
    entries = tuple(_read_entries(members or {}, faults, is_bare=is_bare))
    _refuse_ambiguous(members or {}, entries, faults)
    faults.raise_if_any(_KIND, SpaceError)
    dialect = _dialect(entries, is_bare=is_bare)
    style = style_of(decoded, root)
    # What was forgiven is not written again as it was.
    original = None if faults.forgiven else Original(decoded, (dialect, entries), style)
    return NniSpace(dialect, entries, style, original, tuple(faults.forgiven))


def write_space(space: NniSpace) -> str:
    """Writes a search-space file: as it was read if nothing changed, else in the style of what was read.

    Raises:
        SpaceError: The dialect cannot hold an entry, which is named.
    """
    original = space.original
    content = (space.dialect, space.entries)
    if original is not None and original.style == space.style and is_same(original.content, content):
        return original.text
    return render(_document(space), space.style)


def is_nni_space(text: str | bytes) -> bool:
    """Whether a text is meant as a search-space file of NNI's, right or wrong, and not as one of ours."""
    try:
        document = read_json(text, error=SpaceError)
    except InvalidInputError:
        shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
        return not any(f'"{name}"' in shown for name in _OURS)
    return isinstance(document, dict) and bool(document) and not set(document) <= _OURS


def _is_typed(node: Located) -> bool:
    return isinstance(node.value, dict) and (TYPE in node.value or VALUE in node.value)


def _read_entries(members: dict[str, Located], faults: Faults, *, is_bare: bool) -> Iterable[Entry]:
    for key, node in members.items():
        if is_bare:
            yield from read_block(key, node, faults)
        elif isinstance(node.value, dict) and TYPE in node.value and node.value[TYPE].value == MUTABLE_LAYER:
            found = type_and_value(node, faults)
            if found is not None:
                yield from read_block(key, found[1], faults)
        else:
            entry = read_entry(key, node, faults)
            if entry is not None:
                yield entry


def _refuse_ambiguous(members: dict[str, Located], entries: tuple[Entry, ...], faults: Faults) -> None:
    """Keys that read like the label of a mutable layer cannot stand beside mutable layers."""
    if not any(isinstance(entry, MutableLayer) for entry in entries):
        return
    for entry in entries:
        if not isinstance(entry, MutableLayer) and ":" in entry.key:
            faults.wrong(members[entry.key], f"the key {entry.key!r} has a colon, as labels of layers have; rename it")


def _dialect(entries: tuple[Entry, ...], *, is_bare: bool) -> Dialect:
    if is_bare:
        return Dialect.BARE
    return Dialect.WRAPPED if any(isinstance(entry, MutableLayer) for entry in entries) else Dialect.FLAT


def _document(space: NniSpace) -> dict[str, object]:
    document: dict[str, object] = {}
    blocks: dict[str, dict[str, object]] = {}
    for entry in space.entries:
        if isinstance(entry, MutableLayer):
            if entry.block not in blocks:
                blocks[entry.block] = {}
                wrapped = {TYPE: MUTABLE_LAYER, VALUE: blocks[entry.block]}
                document[entry.block] = blocks[entry.block] if space.dialect is Dialect.BARE else wrapped
            blocks[entry.block][entry.layer] = _layer_document(entry)
        elif space.dialect is Dialect.BARE:
            raise SpaceError(
                f"{entry.key!r} is no mutable layer, and {Dialect.BARE.value} holds nothing else.",
                hint=f"Write {Dialect.WRAPPED.value} or {Dialect.FLAT.value}.",
            )
        else:
            document[entry.key] = _typed_document(entry)
    return document


def _layer_document(layer: MutableLayer) -> dict[str, object]:
    low, high = layer.optional_input_size
    return {
        "layer_choice": layer.layer_choice,
        "optional_inputs": layer.optional_inputs,
        "optional_input_size": low if low == high else [low, high],
    }


def _typed_document(entry: LayerChoice | InputChoice | Parameter) -> dict[str, object]:
    if isinstance(entry, LayerChoice):
        return {TYPE: LAYER_CHOICE, VALUE: entry.candidates}
    if isinstance(entry, InputChoice):
        return {TYPE: INPUT_CHOICE, VALUE: {"candidates": entry.candidates, "n_chosen": entry.n_chosen}}
    if isinstance(entry, Choice):
        return {TYPE: CHOICE, VALUE: [_option_document(option) for option in entry.options]}
    return {TYPE: entry.kind, VALUE: entry.bounds}


def _option_document(option: Json | Nested) -> object:
    if isinstance(option, Nested):
        return {NAME: option.name} | {each.key: _typed_document(each) for each in option.parameters}
    return option
