"""The end of a search: networks scored with the supernet's weights, all on the same batches of the search split."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence

from nascore.errors import ConstraintError, NascoreError
from nascore.record import OutcomeStatus, Proposal, Scored, Task
from nascore.space import Architecture, SearchSpace

from nas_trial.oneshot.executor import Executor
from nas_trial.progress import write_line

_TRIES = 20
"""Draws for each random network that is wanted, before a space is taken for too small to have so many."""


def scored(executor: Executor, networks: Iterable[Architecture], batches: Sequence[object]) -> tuple[Scored, ...]:
    """Return networks with their metrics; one that cannot be scored is left out, and the log says why."""
    return tuple(_scored(executor, networks, batches))


def sampled(space: SearchSpace, count: int, *, seed: int) -> tuple[Architecture, ...]:
    """Return different networks drawn at random; fewer where the space has no more."""
    digest = hashlib.sha256(f"nascore.sampled {seed}".encode()).digest()
    generator = random.Random(digest)
    found: dict[Architecture, None] = {}
    for _ in range(count * _TRIES):
        if len(found) == count:
            break
        try:
            found[space.sample(generator)] = None
        except ConstraintError as error:
            write_line(f"No random network was drawn: {error}")
            break
    return tuple(found)


def _scored(executor: Executor, networks: Iterable[Architecture], batches: Sequence[object]) -> Iterator[Scored]:
    for number, architecture in enumerate(networks):
        try:
            outcome = executor.score(Proposal(number, architecture, task=Task.SCORE), batches)
        except NascoreError as error:
            write_line(f"A network was not scored: {error}")
            continue
        if outcome.status is OutcomeStatus.COMPLETED:
            yield Scored(architecture, dict(outcome.metrics))
