"""Whether proposals are those that they must be: told again to a fresh tuner, and in a search that nobody disturbed.

Compared bit for bit: the canonical JSON of each proposal, and its seed. Not here: tuners that do not repeat themselves
(determinism ``LX``); their proposals are kept, never made again.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from nascore.experiment import Experiments, events
from nascore.journal import Holder
from nascore.record import Asked, ExperimentSpec, Proposal, Told, proposal_seed
from nascore.record.jsonform import proposal_to_json
from nascore.testing.checker import Logged, Rule, Violation
from nascore.testing.torture.objective import outcome_of
from nascore.tuner import Determinism, LocalSession, Setup, Tuner, TunerSession
from nascore.tuner.settings import validate


def canonical(proposal: Proposal, seed: int) -> str:
    """Return a proposal and its seed as the text that is compared."""
    return json.dumps([proposal_to_json(proposal), seed], sort_keys=True, separators=(",", ":"), default=dict)


def proposals_of(log: Iterable[Logged]) -> list[str]:
    """Return the tuner's own proposals in the log, as they are compared."""
    return [canonical(item.event.proposal, item.event.seed) for item in log if isinstance(item.event, events.Asked)]


def spec_of(log: Sequence[Logged]) -> ExperimentSpec:
    """Return what an experiment's first event says that was asked for."""
    created = log[0].event
    assert isinstance(created, events.Created)
    return created.spec


def replay_differences(log: Sequence[Logged], tuner_type: type[Tuner[Any]]) -> Iterator[Violation]:
    """Tell the log to a fresh tuner as it was told the first time, and yield what it proposes otherwise."""
    if tuner_type.determinism is Determinism.NONE:
        return
    spec = spec_of(log)
    assert spec.space is not None
    setup = Setup(spec.space, spec.objectives, spec.seed or 0)
    tuner = tuner_type(setup, validate(tuner_type.settings_type, spec.settings))
    outcomes = [(item.seq, item.event) for item in log if isinstance(item.event, events.Finished)]
    proposals: dict[int, Proposal] = {}
    told = 0
    for item in log:
        if isinstance(item.event, events.Enqueued):
            proposals[item.event.proposal.number] = item.event.proposal
        if not isinstance(item.event, events.Asked):
            continue
        while told < len(outcomes) and outcomes[told][0] <= item.event.told_through:
            finished = outcomes[told][1]
            tuner.tell(proposals[finished.trial], finished.outcome)
            told += 1
        proposals[item.event.proposal.number] = logged = item.event.proposal
        again = tuner.ask(logged.number, item.event.seed)
        if not isinstance(again, Proposal) or canonical(again, 0) != canonical(logged, 0):
            yield Violation(
                Rule.PROPOSALS,
                f"Proposal {logged.number} comes out as {again} when the log is replayed, not as logged.",
            )


async def uninterrupted(spec: ExperimentSpec, count: int, folder: Path, *, tuner_type: type[Tuner[Any]]) -> list[str]:
    """Return the first proposals of the same search in one process, one trial after the other, with nobody killed."""

    async def connect(
        name: str, history: Callable[[], Iterable[Asked | Told]], on_trouble: Callable[[str], None]
    ) -> TunerSession:
        return LocalSession(tuner_type)

    holder = Holder(os.getpid(), socket.gethostname())
    experiments = await Experiments.open(folder / "undisturbed.db", holder=holder, connect=connect)
    try:
        engine = await experiments.create(spec, request_id="create")
        for number in range(count):
            lease = (await engine.lease("worker", f"lease-{number}")).lease
            if lease is None:
                break
            outcome = outcome_of(lease.proposal)
            await engine.finish("worker", lease.trial, lease.epoch, f"finish-{number}", outcome=outcome)
        found = [trial.proposal for trial in engine.trials()][:count]  # Some are asked for ahead.
    finally:
        await experiments.close()
    return [canonical(proposal, proposal_seed(spec.seed or 0, proposal.number)) for proposal in found]


def uninterrupted_differences(
    log: Sequence[Logged], folder: Path, *, tuner_type: type[Tuner[Any]]
) -> Iterator[Violation]:
    """Search again with nobody killed, and yield where the proposals of the log are others."""
    found = proposals_of(log)
    expected = asyncio.run(uninterrupted(spec_of(log), len(found), folder, tuner_type=tuner_type))
    for number, (tortured, calm) in enumerate(zip_longest(found, expected)):
        if tortured != calm:
            yield Violation(Rule.PROPOSALS, f"Proposal {number} is {tortured}; undisturbed it is {calm}.")
