"""What workers elsewhere may have given up: all but the best, where the experiment says which these are.

A worker that sees the folder lets go of what its trial does not keep by itself; for others the server does it, by its
own record of the experiment, so that a token that was stolen from a worker cannot choose what goes. Not here: the rule
itself (``nascore.weights.retention``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nascore.errors import NotFoundError
from nascore.record import Direction as Goal
from nascore.record import ExperimentRecord
from nascore.service import checks
from nascore.service.weights.threads import Threads
from nascore.v1 import weights_pb2
from nascore.weights import Direction
from nascore.weights.indexed import IndexedStore

_MOST = 1_000_000


def unhosted(experiment: str) -> ExperimentRecord:
    """Return no record: of a server that keeps weights alone."""
    raise NotFoundError(
        f"Experiment {experiment!r:.80} is not hosted here, so nobody knows which of its checkpoints are best.",
        hint="Release them with a token that allows everything.",
    )


class Retaining:
    """Gives up an experiment's checkpoints, and makes the room. Belongs to one event loop.

    Args:
        store: Where they are.
        threads: Where it works.
        record: Returns the record of an experiment that is hosted here, by its full id; raises NotFoundError.
    """

    def __init__(self, store: IndexedStore, threads: Threads, record: Callable[[str], ExperimentRecord]) -> None:
        self._store = store
        self._threads = threads
        self._record = record
        self._given_up = 0
        self._collecting = asyncio.Lock()

    async def retain(self, request: weights_pb2.RetainRequest) -> weights_pb2.RetainResponse:
        """Give up all but the best, the named and the pinned.

        The room is made once as many have gone as stay: each collection looks at the whole store.

        Raises:
            NotFoundError: The experiment is not hosted here.
            InvalidInputError: Its id or the number is none.
        """
        experiment = checks.experiment(request.experiment)
        best = checks.count(request.best, "best", most=_MOST)
        goal = self._record(experiment).spec.objectives[0]
        released = await self._threads.call(
            self._store.keep_best,
            experiment,
            goal.metric,
            best,
            direction=Direction.MINIMIZE if goal.direction is Goal.MINIMIZE else Direction.MAXIMIZE,
        )
        self._given_up += len(released)
        if self._given_up >= best and not self._collecting.locked():
            async with self._collecting:
                self._given_up = 0
                await self._threads.call(self._store.collect)
        return weights_pb2.RetainResponse(released=len(released))
