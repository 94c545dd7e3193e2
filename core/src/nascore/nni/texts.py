"""Reading what all files of NNI's are made of: dictionaries with known fields, and lists of names."""

from __future__ import annotations

import json
from collections.abc import Iterable

from nascore.nni.faults import Faults
from nascore.nni.located import Located, Value
from nascore.space.limits import MAX_LABEL
from nascore.space.nearest import nearest

_KINDS = {str: "text", bool: "a truth value", int: "a number", float: "a number", list: "a list", dict: "a dictionary"}


def plain(node: Located) -> object:
    """A value without places."""
    if isinstance(node.value, dict):
        return {name: plain(member) for name, member in node.value.items()}
    return [plain(item) for item in node.value] if isinstance(node.value, list) else node.value


def shown(node: Located) -> str:
    """A value as it is written, shortened."""
    text = json.dumps(plain(node), ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def kind_of(value: Value) -> str:
    """What kind of value it is, in words."""
    return "null" if value is None else _KINDS[type(value)]


def dictionary(node: Located, faults: Faults, expected: str) -> dict[str, Located] | None:
    """The members of a dictionary; ``None``, and a note, for anything else."""
    if isinstance(node.value, dict):
        return node.value
    faults.wrong(node, f"{shown(node)} is {kind_of(node.value)}; write {expected}")
    return None


def refuse_others(node: Located, known: Iterable[str], faults: Faults) -> None:
    """Notes members of a dictionary that mean nothing."""
    names = tuple(known)
    for name, place in node.names.items():
        if name not in names:
            near = nearest(name, names, n=1)
            write = f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(names)}"
            faults.forgive(place, f"there is no field {name!r}", write=write, read="it is left out")


def read_texts(node: Located, noun: str, faults: Faults) -> tuple[str, ...]:
    """A list of different names; what is none is noted and left out."""
    if not isinstance(node.value, list):
        faults.wrong(node, f"{shown(node)} is {kind_of(node.value)}; write a list, such as [{shown(node)}]")
        return ()
    read: dict[str, None] = {}
    for item in node.value:
        text = read_text(item, noun, faults)
        if text is not None and text in read:
            message = f"the {noun} {text!r} stands twice"
            faults.forgive(item, message, write="remove one of the two", read="the second is left out")
        elif text is not None:
            read[text] = None
    return tuple(read)


def read_text(node: Located, noun: str, faults: Faults) -> str | None:
    """A name; ``None``, and a note, for anything else."""
    text = node.value
    if not isinstance(text, str):
        faults.wrong(node, f"{shown(node)} is {kind_of(text)}; write the name of a {noun} as text")
        return None
    if not text.strip() or len(text) > MAX_LABEL:
        fault = f"has {len(text)} characters" if text.strip() else "is empty"
        faults.wrong(node, f"the {noun} {fault}; write 1 to {MAX_LABEL} characters")
        return None
    bare = text.strip()
    if len(bare) > 2 and bare[0] == bare[-1] and bare[0] in "'\"`":
        bare = bare[1:-1]
    if bare != text:
        what = "in quotes of its own" if bare == text[1:-1] and text[0] in "'\"`" else "with blanks around it"
        faults.forgive(
            node, f"the {noun} {shown(node)} is written {what}", write=f'write "{bare}"', read="kept as it is"
        )
    return text
