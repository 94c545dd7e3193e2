"""Bringing a tuner to where it was when the log ended: from its newest saved state, else by the whole log, else not.

The log is the truth and saved states are a cache, so the way down is: the newest one, the one before, a full replay,
and a stop with a sentence that says what to do. Each step is checked: proposals that are made again must be those in
the log. A tuner is never begun anew in silence. Not here: when its state is saved (``saving``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import islice

from nascore.errors import PluginError, SettingsError, StateError, TunerCrashedError, UnsupportedError
from nascore.experiment.snapshots import unsealed
from nascore.experiment.state import State, history
from nascore.journal.contract import Journal, TunerSnapshot
from nascore.record import ExperimentSpec
from nascore.tuner.contract import Determinism, Setup
from nascore.tuner.session import Description, TunerSession

EVENTS_A_CALL = 8_192
NOTHING = TunerSnapshot(0, 0, b"")
"""No saved state: the tuner is opened as on the first day."""

_LOG = logging.getLogger(__name__)


async def bring_up_to_date(
    session: TunerSession,
    state: State,
    *,
    description: Description,
    journal: Journal,
    begin: Callable[[TunerSnapshot], None],
) -> TunerSnapshot:
    """Open a session and replay what it must know; returns the saved state that it began with.

    Args:
        session: The session; it is opened, more than once if need be.
        state: The experiment.
        description: Who the tuner is.
        journal: Where its states are stored.
        begin: Called with the saved state (or `NOTHING`) before each opening: the session's history is what follows.

    Raises:
        SettingsError: The settings are wrong.
        UnsupportedError: The tuner cannot tune this space.
        TunerCrashedError: It does not repeat what it proposed before, or it needs a saved state and none works.
    """
    found = await journal.snapshots(state.id)
    last: Exception | None = None
    for place, saved in enumerate(found, 1):
        try:
            return await _from(session, state, saved=saved, description=description, begin=begin)
        except SettingsError:
            raise
        except (UnsupportedError, PluginError, StateError) as error:
            last = error
            instead = "the one before is used" if place < len(found) else "there is none before it"
            _LOG.warning(
                "Experiment %s: the state of its tuner that was saved after %d proposals is not used, %s. %s",
                state.id, saved.asked, instead, error,
            )  # fmt: skip
    if description.determinism is Determinism.SNAPSHOT and state.asked:
        raise _nothing_works(state.known_spec, len(found), last)
    return await _from(session, state, saved=NOTHING, description=description, begin=begin)


async def _from(
    session: TunerSession,
    state: State,
    *,
    saved: TunerSnapshot,
    description: Description,
    begin: Callable[[TunerSnapshot], None],
) -> TunerSnapshot:
    if saved.asked > len(state.asked) or saved.told_through > state.seq:
        raise StateError("It is ahead of the log.")
    kept = None if saved is NOTHING else unsealed(saved.state, description)
    begin(saved)
    spec = state.known_spec
    await session.open(
        setup_of(spec, batches_per_epoch=state.batches_per_epoch),
        spec.settings,
        state=kept,
        state_seq=saved.told_through,
    )
    await _replay(session, state, saved)
    return saved


async def _replay(session: TunerSession, state: State, saved: TunerSnapshot) -> None:
    told_through = state.asked[-1].told_through if state.asked else 0
    tail = history(state, told_through=told_through, after_asked=saved.asked, after_seq=saved.told_through)
    while batch := list(islice(tail, EVENTS_A_CALL)):
        diverged = await session.replay(batch)
        if diverged:
            shown = ", ".join(map(str, diverged[:5]))
            raise TunerCrashedError.for_good(
                f"Tuner {state.known_spec.tuner}: {len(diverged)} proposals came out otherwise than logged when it was "
                f"replayed, the first ones those of trials {shown}.",
                hint="Was it upgraded meanwhile? Install the version that began the experiment, then resume.",
            )


def _nothing_works(spec: ExperimentSpec, count: int, last: Exception | None) -> TunerCrashedError:
    level = Determinism.SNAPSHOT
    tried = f"none of its {count} saved states works: {last}" if last is not None else "no saved state of it is left."
    return TunerCrashedError.for_good(
        f"Tuner {spec.tuner} cannot go on. It is of level {level.value} ({level.meaning}), which needs a saved state, "
        f"and {tried}",
        hint="Install the version of the tuner that began the experiment, or restore the database from a copy; then "
        "resume. Otherwise begin a new experiment, with the best architectures of this one enqueued.",
    )


def setup_of(spec: ExperimentSpec, *, batches_per_epoch: int) -> Setup:
    """Return what the tuner of an experiment is opened with; its space must be known."""
    assert spec.space is not None
    return Setup(spec.space, spec.objectives, spec.seed or 0, batches_per_epoch=batches_per_epoch)
