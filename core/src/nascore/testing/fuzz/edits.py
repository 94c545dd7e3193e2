"""Cutting and pasting: several replacements in one text, made in one pass.

A mutation is a list of places with what shall stand there, so that a valid text is taken apart once and mutated a
million times.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import AnyStr

Edit = tuple[int, int, AnyStr]
"""Begin, end, and what shall stand between them."""


def edited(text: AnyStr, edits: Iterable[Edit[AnyStr]]) -> AnyStr:
    """Return ``text`` with the edits made; of edits that overlap, the first in the text is made."""
    parts: list[AnyStr] = []
    position = 0
    for begin, end, replacement in sorted(edits, key=lambda edit: edit[0]):
        if begin >= position:
            parts += (text[position:begin], replacement)
            position = end
    parts.append(text[position:])
    return text[:0].join(parts)


def torn(text: AnyStr, rng: random.Random) -> AnyStr:
    """Return ``text`` as a bad line delivers it: cut off, with a part missing, or with a part twice."""
    first, second = sorted((int(rng.random() * (len(text) + 1)), int(rng.random() * (len(text) + 1))))
    kind = rng.random()
    if kind < 0.5:
        return text[:first]
    if kind < 0.75:
        return text[:first] + text[second:]
    return text[:second] + text[first:second][:4096] + text[second:]


def picked(items: Sequence[AnyStr], rng: random.Random) -> AnyStr:
    """Return one of several texts: what ``rng.choice`` does, at a third of its cost."""
    return items[int(rng.random() * len(items))]
