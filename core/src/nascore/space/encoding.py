"""An architecture as a vector of fixed length, for predictors and kernels.

A OneOf is one-hot over its candidates; a SomeOf is multi-hot (with replacement: how often each is chosen, divided by
``max_chosen``), or one-hot for each place if the order matters; numbers and counts are scaled to 0..1, by logarithm in
log ranges. What is inactive is 0, and candidates for search only have no entry. Different architectures of one space
have different vectors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nascore.space.architecture import Value
from nascore.space.domain import Interval
from nascore.space.nodes import Integer, OneOf, Repeat, SomeOf
from nascore.space.plan import Plan, Step

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a decision stands in the vector.

    Attributes:
        step: The decision.
        offset: Its first entry.
        keys: Place of each candidate that can be chosen.
    """

    step: Step
    offset: int
    keys: dict[str, int]


@dataclass(frozen=True, slots=True)
class Encoding:
    """The layout of the vectors of a space.

    Attributes:
        slots: Place of every decision, by path.
        names: Name of every entry: ``op=conv3``, ``inputs=out1``, ``order[0]=a``, ``depth``.
    """

    slots: dict[str, Slot]
    names: tuple[str, ...]

    def vector(self, decisions: Mapping[str, Value]) -> npt.NDArray[np.float64]:
        """The vector of an architecture; shape ``(len(names),)``."""
        # Here, because every tuner host and worker imports spaces, few encode, and it is a third of the import.
        import numpy as np  # noqa: PLC0415

        vector = np.zeros(len(self.names), dtype=np.float64)
        for path, value in decisions.items():
            for offset, share in _entries(self.slots[path], value):
                vector[offset] += share
        return vector


def layout(plan: Plan) -> Encoding:
    """Lays the vectors of a space out, in the order of its decision table."""
    slots: dict[str, Slot] = {}
    names: list[str] = []
    for step in plan.steps:
        slots[step.path] = Slot(step, len(names), _key_places(step))
        names.extend(_names(slots[step.path]))
    return Encoding(slots, tuple(names))


def _key_places(step: Step) -> dict[str, int]:
    if not isinstance(step.node, (OneOf, SomeOf)):
        return {}
    live = (candidate.key for candidate in step.node.candidates if not candidate.search_only)
    return {key: place for place, key in enumerate(live)}


def _names(slot: Slot) -> Iterator[str]:
    path, node = slot.step.path, slot.step.node
    if isinstance(node, SomeOf) and node.ordered:
        yield from (f"{path}[{position}]={key}" for position in range(node.max_chosen) for key in slot.keys)
    elif isinstance(node, (OneOf, SomeOf)):
        yield from (f"{path}={key}" for key in slot.keys)
    else:
        yield path


def _entries(slot: Slot, value: Value) -> Iterator[tuple[int, float]]:
    """The entries that a value adds to, and how much."""
    node = slot.step.node
    if isinstance(value, str):
        yield slot.offset + slot.keys[value], 1.0
    elif isinstance(value, tuple) and isinstance(node, SomeOf):
        width = len(slot.keys) if node.ordered else 0
        share = 1.0 / max(node.max_chosen, 1) if node.with_replacement and not node.ordered else 1.0
        yield from ((slot.offset + position * width + slot.keys[key], share) for position, key in enumerate(value))
    elif isinstance(value, (int, float)):
        yield slot.offset, _share(slot.step, value)


def _share(step: Step, value: int | float) -> float:
    if isinstance(step.domain, Interval):
        return step.domain.share(float(value))
    assert isinstance(step.node, (Integer, Repeat))
    if isinstance(step.node, Repeat):
        low, high = step.node.min_count, step.node.max_count
    else:
        low, high = step.node.low, step.node.high
    if low == high:
        return 0.0
    if isinstance(step.node, Integer) and step.node.log:
        return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return (value - low) / (high - low)
