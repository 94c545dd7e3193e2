"""A log with many finished trials, made in seconds: written with the engine's own events and the tuner's own answers.

The server itself creates the experiment, and a tuner in this process gives the very proposals that its own would have
given to one worker; so the server goes on from the filled log as from one that it wrote itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import scene
from nas_evolution import RegularizedEvolution
from nas_random import RandomSearch
from nascore.experiment.events import Asked, Created, Event, Finished, Leased, event_of, payload
from nascore.journal import Entry, SqliteJournal
from nascore.record import Outcome, OutcomeStatus, Proposal, proposal_seed
from nascore.tuner import Setup, Tuner

TUNERS: dict[str, type[Tuner[Any]]] = {"random": RandomSearch, "evolution": RegularizedEvolution}
EVENTS_A_TRIAL = 3
_ENTRIES_AN_APPEND = 3_000


def fill(home: Path, trials: int, *, tuner: str = "random") -> Path:
    """Make an experiment with so many finished trials below ``home``; return its log. Nobody serves it yet."""
    with scene.serving(home, tuner=tuner) as place:
        pass
    if trials:
        asyncio.run(_fill(place.database, place.experiment, trials, tuner=tuner))
    return place.database


async def _fill(database: Path, experiment: str, trials: int, *, tuner: str) -> None:
    journal = await SqliteJournal.open(database)
    try:
        entries = await journal.read(experiment)
        created = event_of(entries[0], experiment=experiment)
        assert isinstance(created, Created)
        first = entries[-1].seq + 1
        batch: list[Entry] = []
        for seq, event in enumerate(_events(created, trials, first, tuner), first):
            batch.append(Entry(seq, event.kind, payload(event), time.time(), seq / 1000))
            if len(batch) == _ENTRIES_AN_APPEND:
                await journal.append(experiment, batch)
                batch = []
        if batch:
            await journal.append(experiment, batch)
    finally:
        await journal.close()


def _events(created: Created, trials: int, first_seq: int, tuner: str) -> Iterator[Event]:
    """Yield what one worker causes: each trial is asked for once the outcome before is known."""
    seed = created.spec.seed or 0
    kind = TUNERS[tuner]
    teller = kind(Setup(scene.SPACE, created.spec.objectives, seed), kind.settings_type())
    told_through = 0
    for number in range(trials):
        seed_of_trial = proposal_seed(seed, number)
        proposal = teller.ask(number, seed_of_trial)
        assert isinstance(proposal, Proposal)
        outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": (number * 7919 % 1000) / 1000}, duration_s=0.001)
        teller.tell(proposal, outcome)
        yield Asked(proposal, seed_of_trial, told_through)
        yield Leased(number, 1, 1, "filler", f"lease-{number}")
        yield Finished(number, 1, outcome, request_id=f"finish-{number}")
        told_through = first_seq + number * EVENTS_A_TRIAL + 2
