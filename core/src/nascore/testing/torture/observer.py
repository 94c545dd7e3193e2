"""A reader beside the workers: what it is shown right after a death must be in the log for good."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress

from nascore.errors import NascoreError
from nascore.record import TrialRecord, TrialState
from nascore.testing.history import RecordedClient, Recorder
from nascore.testing.torture.served import ServedSearch

_NAME = "observer"
_LOOKS = 3


class Observer:
    """Reads trials of a tortured search, and writes into its history what it saw."""

    def __init__(self, search: ServedSearch, recorder: Recorder, rng: random.Random) -> None:
        self._search, self._recorder, self._rng = search, recorder, rng

    def look(self) -> None:
        """Read a few trials; one that cannot be read is looked at another time."""
        with suppress(NascoreError), self._search.admin() as client:
            recorded = RecordedClient(client, self._recorder, experiment=self._search.experiment, worker=_NAME)
            count = sum(client.get(self._search.experiment).counts.values())
            for _ in range(_LOOKS if count else 0):
                recorded.get_trial(self._rng.randrange(max(0, count - 50), count))

    def look_at_all(self) -> tuple[TrialRecord, ...]:
        """Read each trial, in the end."""
        with self._search.admin() as client:
            recorded = RecordedClient(client, self._recorder, experiment=self._search.experiment, worker=_NAME)
            count = sum(client.get(self._search.experiment).counts.values())
            return tuple(recorded.get_trial(number) for number in range(count))

    def ended(self) -> int:
        """Return how many trials have ended, by what the server says."""
        return sum(count for state, count in self._counts().items() if state.is_final)

    def proposed(self) -> int:
        """Return how many trials there are."""
        return sum(self._counts().values())

    def position(self) -> int:
        """Return the position of the last event in the log."""
        with self._search.admin() as client:
            return client.get(self._search.experiment).seq

    def _counts(self) -> Mapping[TrialState, int]:
        with self._search.admin() as client:
            return client.get(self._search.experiment).counts
