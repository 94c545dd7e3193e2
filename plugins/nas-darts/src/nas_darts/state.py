"""The state of a tuner as it is saved: plain numbers, checked when they are read back.

JSON keeps every double bit for bit (the shortest text that reads back the same).
"""

from __future__ import annotations

import json

from nascore.errors import InvalidInputError
from pydantic import BaseModel, ConfigDict, ValidationError


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class AdamState(_State):
    """How many steps an optimiser made, and its two means."""

    steps: int
    mean: list[float]
    square: list[float]


class GatheringState(_State):
    """The sums of a turn that is not over, and the running average of losses."""

    count: int
    gradient: list[float]
    picked: list[float]
    advantage: list[float]
    losses: list[float]
    baseline: float | None


class TunerState(_State):
    """All of a tuner: parameters, optimisers, its place in the schedule, and the samples it waits for.

    Attributes:
        held: Number, seed, batch and kind of each sample whose gradient or score is awaited.
        own: What an algorithm keeps besides, by name.
    """

    alpha: list[float]
    policy: list[float]
    adam: AdamState
    policy_adam: AdamState
    batch: int
    turn: int
    queue: list[str]
    held: list[tuple[int, int, int, str]]
    gathering: GatheringState
    own: dict[str, list[float]]

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(self.model_dump(), separators=(",", ":"), allow_nan=False).encode()


def read_state(state: bytes, *, mixed: int, sampled: int) -> TunerState:
    """Read a state back.

    Args:
        state: What ``TunerState.to_bytes`` returned.
        mixed: How many mixed parameters the space has.
        sampled: How many sampled ones.

    Raises:
        InvalidInputError: It is none, or one of another space.
    """
    try:
        found = TunerState.model_validate(json.loads(state))
    except (ValidationError, ValueError) as error:
        raise InvalidInputError(
            f"These {len(state)} bytes are no state of a differentiable tuner.",
            hint="Restore what snapshot returned, with the same version of nas-darts.",
        ) from error
    if (len(found.alpha), len(found.policy)) != (mixed, sampled):
        raise InvalidInputError(
            f"The state has {len(found.alpha)} mixed and {len(found.policy)} sampled parameters; "
            f"the space has {mixed} and {sampled}.",
            hint="Restore it with the space, the unmixable decisions and the settings it was saved with.",
        )
    return found
