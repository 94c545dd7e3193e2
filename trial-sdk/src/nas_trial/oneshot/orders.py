"""What a SEARCH trial's proposal says beside its task: how many networks are derived, and how many are scored.

They come as the notes of the proposal, which the core's chain writes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Self, cast

from nascore.errors import InvalidInputError
from nascore.record import Proposal, Role


def is_judged_on_test(proposal: Proposal) -> bool:
    """Whether a trial belongs to a one-shot experiment, whose report needs an untouched test split."""
    return proposal.notes.get("role") in set(Role)


_NOTES = MappingProxyType({"sampled": "score"})


@dataclass(frozen=True, slots=True)
class SearchOrders:
    """What a SEARCH trial is to do beside exchanging samples.

    Attributes:
        derive: Most architectures to derive.
        sampled: Random networks that the supernet scores when it is trained.
        supernet: Number of the supernet; its members share one copy of its weights.
        members: How many those are.
        sync_every: Weight steps between two exchanges with that copy.
    """

    derive: int = 1
    sampled: int = 0
    supernet: int = 0
    members: int = 1
    sync_every: int = 16

    @classmethod
    def of(cls, proposal: Proposal) -> Self:
        """Read the notes of a proposal.

        Raises:
            InvalidInputError: One is of another kind than the chain writes.
        """
        named = {field.name: proposal.notes.get(_NOTES.get(field.name, field.name)) for field in fields(cls)}
        known = {name: value for name, value in named.items() if value is not None}
        if not all(isinstance(value, int) and value >= 0 for value in known.values()):
            raise InvalidInputError(
                f"Trial {proposal.number}: notes of the search are no whole numbers: {dict(proposal.notes)!r:.200}."
            )
        return cls(**cast("dict[str, int]", known))
