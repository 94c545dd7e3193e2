"""An architecture: one value for every active decision of a space, by path.

It knows nothing of its space: whether it belongs to one is asked there (`SearchSpace.validate`). For people and for
tuners it is one flat dictionary, ``{"op": "conv5", "op/conv5/dilation": 2, "inputs": ["out1", "out3"]}``; identity is
the SHA-256 of that dictionary in canonical JSON (RFC 8785).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import ItemsView, Iterator, Mapping
from sys import intern
from typing import TYPE_CHECKING

from nascore.errors import ArchitectureError, Violation
from nascore.space.canonical import canonical_json
from nascore.space.strictjson import read_json

Value = str | tuple[str, ...] | int | float
"""Key of a OneOf's candidate, keys of a SomeOf's, number of an Integer or count of a Repeat, number of a Real."""

_LARGEST_SAFE_INTEGER = 2**53 - 1


class Architecture(Mapping[str, Value]):
    """An immutable, hashable mapping from path to value, sorted by path (by code point).

    Args:
        decisions: Value of every active decision; candidates by their keys, never by their literals.

    Raises:
        ArchitectureError: A path is not text or a value is of no known kind, each named.
    """

    __slots__ = ("_decisions", "_hash", "_text")

    _decisions: dict[str, Value]
    _hash: int | None
    _text: str

    def __init__(self, decisions: Mapping[str, Value]) -> None:
        wrong = tuple(found for path, value in decisions.items() for found in _faults(path, value))
        if wrong:
            raise ArchitectureError(f"Not an architecture: {wrong[0]}", violations=wrong)
        # Names are kept once, however many architectures hold them.
        self._decisions = {_interned_key(path): _interned(value) for path, value in sorted(decisions.items())}
        self._hash = None

    if not TYPE_CHECKING:  # Or any name would pass for an attribute.

        def __getattr__(self, name: str) -> dict[str, Value]:
            # Python comes here only for what is not set, so those that are read cost nothing.
            if name != "_decisions":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            text = self._text
            if not text:  # Another thread has just read it: the text is given up last.
                return object.__getattribute__(self, name)
            decisions = json.loads(text)
            found = dict(sorted(zip(map(intern, decisions), map(intern, decisions.values()), strict=True)))
            self._decisions, self._text = found, ""
            return found

    def __getitem__(self, path: str) -> Value:
        return self._decisions[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decisions)

    def __len__(self) -> int:
        return len(self._decisions)

    def __contains__(self, path: object) -> bool:
        return path in self._decisions

    def items(self) -> ItemsView[str, Value]:
        """Paths and values, sorted by path."""
        # Mapping's own would look every path up again; likewise `in` above.
        return self._decisions.items()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Architecture):
            return self._decisions == other._decisions
        return NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(tuple(self._decisions.items()))
        return self._hash

    def __repr__(self) -> str:
        return f"Architecture({self._decisions!r})"

    def to_json(self) -> str:
        """One flat JSON dictionary, sorted by path, as people write it."""
        return json.dumps(self._decisions, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """Reads one flat JSON dictionary; ``1`` is an integer and ``1.0`` a real number.

        Raises:
            ArchitectureError: The text is no JSON or no dictionary, names a path twice, or holds another kind of value.
        """
        document = read_json(text, error=ArchitectureError)
        if not isinstance(document, dict):
            raise ArchitectureError(f"An architecture is one JSON dictionary, but this is a {type(document).__name__}.")
        return cls({path: tuple(value) if isinstance(value, list) else value for path, value in document.items()})

    def canonical_json(self) -> bytes:
        """The flat dictionary by RFC 8785; integers beyond 2**53 - 1, which fit no JSON number, are written as text."""
        return canonical_json({path: _canonical(value) for path, value in self._decisions.items()})

    @property
    def fingerprint(self) -> str:
        """SHA-256 of `canonical_json`, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical_json()).hexdigest()

    def diff(self, other: Architecture) -> tuple[str, ...]:
        """Readable lines, one for each path where the two differ; see `diff`."""
        return diff(self, other)


def from_sorted(decisions: dict[str, Value]) -> Architecture:
    """Takes over a dictionary that is right and sorted already: the hot path of sampling.

    The caller gives the dictionary away and must not change it afterwards.
    """
    architecture = Architecture.__new__(Architecture)
    architecture._decisions = decisions
    architecture._hash = None
    return architecture


def from_text(text: str) -> Architecture:
    """Takes the JSON text of a dictionary of texts that is known to be right; it is read when it is first looked at.

    So a long log is read in half the time and held in a third of the memory: few of its architectures are ever
    looked at again.
    """
    architecture = Architecture.__new__(Architecture)
    architecture._text = text
    architecture._hash = None
    return architecture


def thawed(architecture: Architecture) -> dict[str, Value]:
    """A dictionary of its own with the same decisions, sorted by path, to be changed and given to `from_sorted`."""
    return architecture._decisions.copy()


def diff(first: Architecture, second: Architecture) -> tuple[str, ...]:
    """Readable lines, one for each path where two architectures differ: ``op: "conv3" -> "conv5"``."""
    paths = sorted(set(first) | set(second))
    return tuple(
        f"{path}: {_shown(first, path)} -> {_shown(second, path)}"
        for path in paths
        if _shown(first, path) != _shown(second, path)
    )


def _shown(architecture: Architecture, path: str) -> str:
    return json.dumps(architecture[path], ensure_ascii=False) if path in architecture else "(inactive)"


def _canonical(value: Value) -> Value | list[str]:
    if isinstance(value, int) and abs(value) > _LARGEST_SAFE_INTEGER:
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _interned(value: Value) -> Value:
    if type(value) is str:
        return intern(value)
    return tuple(map(_interned_key, value)) if isinstance(value, tuple) else value


def _interned_key(key: str) -> str:
    return intern(key) if type(key) is str else key  # A subclass cannot be interned.


def _faults(path: object, value: object) -> Iterator[Violation]:
    if not isinstance(path, str):
        yield Violation(repr(path), "a path must be text")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Violation(path, f"{value} is not a finite number")
    elif isinstance(value, tuple) and not all(isinstance(key, str) for key in value):
        yield Violation(path, f"{value!r} must hold only candidate keys, which are text")
    elif isinstance(value, bool) or not isinstance(value, (str, tuple, int, float)):
        yield Violation(path, f"{value!r} is neither a candidate key, nor a tuple of keys, nor a number")
