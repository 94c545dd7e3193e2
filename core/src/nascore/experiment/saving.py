"""Saving the state of an experiment's tuner: when, how, and what becomes of one that cannot be saved.

Not here: what a saved state looks like (``snapshots``), how a tuner is brought back (``restoring``), and whose turn it
is (``asking``).
"""

from __future__ import annotations

import logging

from nascore.errors import NascoreError, TunerCrashedError
from nascore.experiment.ledger import Ledger
from nascore.experiment.restoring import NOTHING
from nascore.experiment.snapshots import is_due, sealed
from nascore.failpoints import failpoint
from nascore.journal.contract import Journal, TunerSnapshot
from nascore.tuner.contract import Determinism
from nascore.tuner.session import Description, TunerSession

_LOG = logging.getLogger(__name__)


class Saving:
    """Saves the state of one tuner.

    Attributes:
        base: The state from which the open session begins if it is lost; what it is then replayed comes after.
    """

    def __init__(self, ledger: Ledger, journal: Journal) -> None:
        self.base = NOTHING
        self._ledger = ledger
        self._journal = journal
        self._saved_at_s = 0.0  # Running time of the experiment.
        self._can_save = True

    def begin(self, saved: TunerSnapshot) -> None:
        """Take note of the state that a session is opened with."""
        self.base, self._saved_at_s = saved, self._ledger.elapsed_s()

    def is_due(self, description: Description | None, *, at_once: bool = False) -> bool:
        """Whether the tuner's state shall be saved now; ``at_once``: if there is anything new at all."""
        if description is None or not description.can_snapshot or not self._can_save:
            return False
        asked = len(self._ledger.state.asked)
        if at_once:
            return asked > self.base.asked
        return is_due(asked=asked, asked_before=self.base.asked, elapsed_s=self._ledger.elapsed_s() - self._saved_at_s)

    def is_indispensable(self, description: Description | None) -> bool:
        """Whether the very first state must be kept, because the log alone would not bring this tuner back."""
        return description is not None and description.determinism is Determinism.SNAPSHOT and self.base is NOTHING

    async def capture(
        self, session: TunerSession, description: Description, *, told_through: int
    ) -> TunerSnapshot | None:
        """Take the tuner's state as it is now; ``None`` if it has none or it is of no use.

        Raises:
            TunerCrashedError: The tuner must be dropped: it would be started again from nobody knows where.
            NascoreError: The state could not be taken, and this tuner cannot do without.
        """
        asked = len(self._ledger.state.asked)
        try:
            kept = await session.snapshot()
        except NascoreError as error:
            self._give_up(error, description)
            if description.determinism is Determinism.SNAPSHOT:
                raise
            return None
        if kept is None or kept[1] != told_through:
            wrong = _wrong(description, None if kept is None else kept[1], told_through)
            self._give_up(wrong, description)
            raise wrong
        self.begin(TunerSnapshot(asked, told_through, sealed(kept[0], description)))
        return self.base

    async def store(self, saved: TunerSnapshot) -> None:
        """Store a state once all that it contains is in the log; one that the log has lost is forgotten."""
        generation = self._ledger.generation
        await self._ledger.settled()
        if generation == self._ledger.generation:
            failpoint("snapshot.before_save")
            await self._journal.save_snapshot(self._ledger.state.id, saved)
            failpoint("snapshot.after_save")

    def _give_up(self, error: NascoreError, description: Description) -> None:
        if description.determinism is Determinism.SNAPSHOT:
            return  # It cannot do without: each time is worth trying.
        self._can_save = False
        _LOG.warning(
            "Experiment %s: the state of its tuner is not saved any more, so it is rebuilt by a longer replay. %s",
            self._ledger.state.id, error,
        )  # fmt: skip


def _wrong(description: Description, covered: int | None, told_through: int) -> TunerCrashedError:
    what = "no state, though it declares one" if covered is None else f"a state that covers outcome {covered}"
    return TunerCrashedError(
        f"Tuner {description.name} {description.version} saved {what}; it was told outcome {told_through} last.",
        hint="Report it to the authors of the tuner.",
    )
