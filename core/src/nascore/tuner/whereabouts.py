"""Where a session is: how it was opened and what it has taken since, so that a fresh tuner can be brought there.

Not here: when that is needed, and what is made of a tuner that cannot be brought there (``supervision``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nascore.record import Asked, JsonValue, Told
from nascore.tuner.batches import MAX_EVENTS
from nascore.tuner.contract import Setup
from nascore.tuner.remote import RemoteTuner
from nascore.tuner.session import History, no_history


@dataclass(frozen=True, slots=True)
class Opening:
    """How a session was opened, to do it again.

    Attributes:
        setup: What is tuned.
        settings: The tuner's settings.
        state: What it saved; ``None`` to begin anew.
        state_seq: Position in the log that the state covers.
    """

    setup: Setup
    settings: Mapping[str, JsonValue]
    state: bytes | None
    state_seq: int


class Whereabouts:
    """Keeps where a session is; empty until it is opened.

    Args:
        history: What the tuner had taken since it was opened or its state was last saved; or `no_history`.

    Attributes:
        opening: How it was opened; ``None`` while it is not.
        is_current: Whether the tuner that runs now is there.
        can_return: Whether a fresh tuner can be brought there.
    """

    def __init__(self, history: History) -> None:
        self.opening: Opening | None = None
        self.is_current = False
        self.can_return = history is not no_history
        self._history = history
        self._taken_through = 0

    def begin(self, opening: Opening) -> None:
        """Take note that the tuner was opened like this."""
        self.opening, self.is_current, self._taken_through = opening, True, opening.state_seq

    def advance(self, outcomes: Sequence[Told]) -> None:
        """Take note that the tuner took outcomes."""
        self.advance_to(max((told.seq for told in outcomes), default=0))

    def advance_to(self, seq: int) -> None:
        """Take note that the tuner took all outcomes up to a position in the log."""
        self._taken_through = max(self._taken_through, seq)

    def save(self, state: bytes, seq: int) -> None:
        """Begin from a state that the tuner saved, the next time."""
        if self.opening is not None:
            self.opening = replace(self.opening, state=state, state_seq=seq)

    async def open(self, tuner: RemoteTuner) -> None:
        """Open a fresh tuner as the session was opened; errors as the tuner's."""
        assert self.opening is not None
        opening = self.opening
        await tuner.open(opening.setup, opening.settings, state=opening.state, state_seq=opening.state_seq)

    async def replay(self, tuner: RemoteTuner) -> list[int]:
        """Replay what was taken since, and return the trials that the tuner proposed otherwise than logged."""
        events = self._taken()
        diverged: list[int] = []
        while batch := tuple(itertools.islice(events, MAX_EVENTS)):
            diverged.extend(await tuner.replay(batch))
        return diverged

    def _taken(self) -> Iterator[Asked | Told]:
        """Yield the log up to the last outcome that the tuner had taken; the engine may have written further."""
        for event in self._history():
            if isinstance(event, Told) and event.seq > self._taken_through:
                return
            yield event
