"""Which questions are about earlier parts of the network, and which part each question belongs to.

A choice between inputs names earlier parts by number: its candidates are ``0``, ``1``, ..., and later parts have more
of them. Such questions, alike but for the numbers in their names, are a family; a part is numbered by how many parts
come before it. A question between two of them belongs to the part of the nearest one before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas_enas.questions import Question

_NUMBER = re.compile(r"\d+")
_KEYS = re.compile(r"(?:one|set|row):(.*)")


@dataclass(frozen=True, slots=True)
class Family:
    """Questions about earlier parts of one thing (a chain of layers, a cell).

    Attributes:
        name: Their common name, with ``#`` for numbers.
        parts: Number of the part that each question belongs to, by slot.
        roots: Parts that come before any question of the family; each has an embedding of its own.
    """

    name: str
    parts: Mapping[str, int]
    roots: int

    def part_of(self, slot: str) -> int | None:
        """Return the number of the part that a question belongs to; ``None`` if it belongs to none."""
        return self.parts.get(slot)


def families(questions: Sequence[Question]) -> dict[str, Family]:
    """Return the family of each question that is about earlier parts, by slot."""
    members: dict[str, list[int]] = {}
    for place, question in enumerate(questions):
        if _is_numbered(question):
            members.setdefault(_name(question.slot), []).append(place)
    grown = {
        name: places for name, places in members.items() if len({questions[place].law.size for place in places}) > 1
    }
    found = {name: Family(name, _parts(places, questions), _roots(places, questions)) for name, places in grown.items()}
    return {questions[place].slot: found[name] for name, places in grown.items() for place in places}


def decided_by(known: Mapping[str, Family], slot: str) -> tuple[tuple[Family, int], ...]:
    """Return family and number of each part of which a question is the last so far to decide something."""
    each = {family.name: family for family in known.values()}
    return tuple((family, part) for family in each.values() if (part := family.part_of(slot)) is not None)


def _parts(places: Sequence[int], questions: Sequence[Question]) -> dict[str, int]:
    """Number the questions from the first member on, up to the end of the last part."""
    parts: dict[str, int] = {}
    stem = _stem(questions[places[0]].slot)
    own = set(places)
    current: int | None = None
    for place in range(places[0], len(questions)):
        question = questions[place]
        if place in own:
            current = question.law.size
        elif _stem(question.slot) != stem:
            break
        if current is not None:
            parts[question.slot] = current
    return parts


def _roots(places: Sequence[int], questions: Sequence[Question]) -> int:
    return min(questions[place].law.size for place in places)


def _name(slot: str) -> str:
    return _NUMBER.sub("#", slot)


def _stem(slot: str) -> str:
    """The name up to its first number: what questions of one cell or chain have in common."""
    return _NUMBER.split(slot, maxsplit=1)[0].rpartition(".")[0] or _NUMBER.split(slot, maxsplit=1)[0]


def _is_numbered(question: Question) -> bool:
    keys = _KEYS.fullmatch(question.vocabulary)
    return keys is not None and keys[1] == str(tuple(map(str, range(question.law.size))))
