"""Rules of inheritance as JSON: how a proposal, or a caller of ``Inherit``, says what a network takes from its parent.

One document has two parts. What a store can do by itself (`nascore.weights.inheritance`): prefixes, slices, names of
initialisations. And what only somebody with the network can do: *growths*, which say what becomes of tensors that the
first part left, because the parent's are too small or it has none. Not here: carrying either out.

Sources of the growths: Chen et al., "Net2Net", ICLR 2016 (``repeat``, ``identity``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TypeVar, cast

from nascore.errors import InvalidInputError
from nascore.space.strictjson import read_json
from nascore.weights.inheritance import Cut, Fit, Initialisation, Rules

MAX_RULES_TEXT = 4 * 2**20
"""Characters of a document."""

_T = TypeVar("_T")
_FIELDS = frozenset({"preset", "prefixes", "slices", "initialisations", "growths"})
_MAX_INDEX = 2**31


class Grow(StrEnum):
    """What becomes of a tensor that the parent has smaller, or not at all."""

    OVERLAP = "overlap"
    """The part that both have is the parent's; new channels keep their own numbers, new rims of a kernel are zero."""
    REPEAT = "repeat"
    """Units are repeated, and what reads them is divided by how often: the function stays (Net2Wider)."""
    IDENTITY = "identity"
    """A layer that the parent does not have passes on what it is given: the function stays (Net2Deeper)."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How tensors grow; ``keys`` are those of the new network, as a pattern with ``*`` and ``?``."""

    keys: str
    how: Grow


@dataclass(frozen=True, slots=True)
class InheritanceRules:
    """All that a document of rules says.

    Attributes:
        store: What a store carries out by itself.
        growths: What is done with the tensors that it left; of several that fit the first that can be done counts.
    """

    store: Rules = field(default_factory=Rules)
    growths: tuple[Growth, ...] = ()

    def growths_of(self, key: str) -> tuple[Grow, ...]:
        """Return what may be done with a tensor, in order."""
        return tuple(growth.how for growth in self.growths if fnmatchcase(key, growth.keys))


_SLICES = (Cut("*", (Fit.LEADING, Fit.LEADING, Fit.CENTRE, Fit.CENTRE, Fit.CENTRE)),)
PRESETS: Mapping[str, InheritanceRules] = {
    "exact": InheritanceRules(),
    "slice": InheritanceRules(Rules(cuts=_SLICES), (Growth("*", Grow.OVERLAP),)),
    "morph": InheritanceRules(growths=(Growth("*", Grow.REPEAT), Growth("*", Grow.IDENTITY))),
}
"""Rules with a name: equal key and shape; elastic networks; networks that grow without changing their function."""


def rules_from_json(text: str) -> InheritanceRules:
    """Return the rules in a document; an empty text stands for equal keys and shapes.

    Raises:
        InvalidInputError: It is no document of rules; the field is named.
    """
    if not text:
        return InheritanceRules()
    if len(text) > MAX_RULES_TEXT:
        raise InvalidInputError(f"Rules have {len(text):,} characters; at most {MAX_RULES_TEXT:,} are read.")
    document = _object(read_json(text, error=InvalidInputError), "rules", allowed=_FIELDS)
    preset = _preset(document.get("preset", "exact"))
    growths = _each(document, "growths", _growth)
    return InheritanceRules(
        Rules(
            prefixes=_prefixes(document.get("prefixes", {})),
            cuts=(*_each(document, "slices", _slice), *preset.store.cuts),
            initialisations=_each(document, "initialisations", _initialisation),
        ),
        (*growths, *preset.growths),
    )


def _preset(name: object) -> InheritanceRules:
    if not isinstance(name, str) or name not in PRESETS:
        raise InvalidInputError(f"rules: there is no preset {name!r:.40}.", hint=f"Known are {', '.join(PRESETS)}.")
    return PRESETS[name]


def _prefixes(found: object) -> dict[str, str]:
    return {key: _text(value, f"prefixes.{key:.80}") for key, value in _object(found, "prefixes").items()}


def _slice(row: object, where: str) -> Cut:
    fields = _object(row, where, allowed={"keys", "axes"})
    axes = _list(fields.get("axes"), f"{where}.axes")
    known = {fit.value: fit for fit in Fit}
    return Cut(
        _text(fields.get("keys"), f"{where}.keys"), tuple(_one_of(axis, known, f"{where}.axes") for axis in axes)
    )


def _initialisation(row: object, where: str) -> Initialisation:
    fields = _object(row, where, allowed={"keys", "name", "axis", "indices", "scales"})
    return Initialisation(
        _text(fields.get("keys"), f"{where}.keys"),
        _text(fields.get("name"), f"{where}.name"),
        axis=_index(fields.get("axis", 0), f"{where}.axis"),
        indices=tuple(_index(value, f"{where}.indices") for value in _list(fields.get("indices", []), where)),
        scales=tuple(_number(value, f"{where}.scales") for value in _list(fields.get("scales", []), where)),
    )


def _growth(row: object, where: str) -> Growth:
    fields = _object(row, where, allowed={"keys", "how"})
    known = {how.value: how for how in Grow}
    return Growth(_text(fields.get("keys"), f"{where}.keys"), _one_of(fields.get("how"), known, f"{where}.how"))


def _each(document: Mapping[str, object], name: str, read: Callable[[object, str], _T]) -> tuple[_T, ...]:
    return tuple(read(row, f"{name}[{place}]") for place, row in enumerate(_list(document.get(name, []), name)))


def _object(found: object, where: str, *, allowed: frozenset[str] | set[str] | None = None) -> dict[str, object]:
    if not isinstance(found, dict):
        raise InvalidInputError(f"{where}: a JSON object is needed, not {found!r:.80}.")
    if allowed is not None and (unknown := sorted(found.keys() - allowed)):
        raise InvalidInputError(
            f"{where}: there is no field {unknown[0]!r:.80}.", hint=f"Known are {', '.join(sorted(allowed))}."
        )
    return cast("dict[str, object]", found)


def _list(found: object, where: str) -> Sequence[object]:
    if not isinstance(found, list):
        raise InvalidInputError(f"{where}: a JSON list is needed, not {found!r:.80}.")
    return found


def _text(found: object, where: str) -> str:
    if not isinstance(found, str):
        raise InvalidInputError(f"{where}: a text is needed, not {found!r:.80}.")
    return found


def _index(found: object, where: str) -> int:
    if type(found) is not int or not 0 <= found < _MAX_INDEX:
        raise InvalidInputError(f"{where}: a whole number from 0 is needed, not {found!r:.80}.")
    return found


def _number(found: object, where: str) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise InvalidInputError(f"{where}: a number is needed, not {found!r:.80}.")
    return float(found)


def _one_of(found: object, known: Mapping[str, _T], where: str) -> _T:
    if not isinstance(found, str) or found not in known:
        raise InvalidInputError(f"{where}: {found!r:.80} is none of {', '.join(known)}.")
    return known[found]
