"""How many checkpoints an experiment keeps: all, or the newest n and the best n.

The newest are what a population that ages draws parents from; the best are what is exported in the end. The newest have
names in the store, ``recent-0`` to ``recent-<n-1>`` in turn, so that whoever looks sees why they are kept. What is
released goes from the disk when the ring has come round, since collecting looks at the whole store. In a server's store
the server does both, by its own record of what is best. Not here: the store's own rules (``WeightStore.keep_best``).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from nascore.errors import InvalidInputError, NascoreError, NotFoundError, UnsupportedError
from nascore.record import Direction, Objective
from nascore.weights import OWN, DirectoryStore
from nascore.weights import Direction as Order
from nascore.weights.access import Retainer, WeightAccess

from nas_trial.weights.checkpoints import save

logger = logging.getLogger(__name__)


class Keeping:
    """Keeps the weights of trials, and lets go of those that are neither among the newest nor among the best.

    Args:
        store: Where they are kept.
        keeps: ``True`` for all; otherwise how many of the newest and how many of the best.
        goal: What decides which are best; without it all are kept.
        experiment: Id of the experiment, whose all its trials' weights are, whichever worker keeps them.

    Raises:
        InvalidInputError: ``keeps`` is neither ``True`` nor a number from 1.
    """

    def __init__(
        self, store: WeightAccess, keeps: bool | int, *, goal: Objective | None, experiment: str = OWN
    ) -> None:
        if keeps is not True and (type(keeps) is not int or keeps < 1):
            raise InvalidInputError(
                f"keeps_weights is {keeps!r:.40}; it must be True, False, or how many of the newest and best are kept."
            )
        self._store = store
        self._count = 0 if keeps is True or goal is None else keeps
        self._goal = goal
        self._experiment = experiment

    def keep(
        self,
        state: Mapping[str, object],
        *,
        trial: int,
        parents: Sequence[str],
        architecture: str,
        metrics: Mapping[str, float],
    ) -> str:
        """Store a trial's weights, and return the id of the checkpoint; the arguments are those of ``save``."""
        name = f"recent-{trial % self._count}" if self._count else ""
        checkpoint = save(
            state,
            self._store,
            trial=trial,
            parents=parents,
            architecture=architecture,
            metrics=metrics,
            experiment=self._experiment,
            name=name,
        )
        if self._count and self._goal is not None:
            self._let_go(trial, self._goal)
        return checkpoint

    def _let_go(self, trial: int, goal: Objective) -> None:
        """Let go of older ones; if that fails, those of this trial are kept all the same."""
        try:
            if isinstance(self._store, DirectoryStore):
                self._release(self._store, trial, goal)
            elif isinstance(self._store, Retainer):
                self._store.retain(self._experiment, self._count)
        except (NotFoundError, UnsupportedError) as error:  # The server keeps weights alone, or is older than the call.
            logger.info("Weights of earlier trials are not let go: %s", error)
        except (NascoreError, OSError) as error:
            logger.warning("Weights of earlier trials were not let go: %s", error)

    def _release(self, store: DirectoryStore, trial: int, goal: Objective) -> None:
        order = Order.MINIMIZE if goal.direction is Direction.MINIMIZE else Order.MAXIMIZE
        store.keep_best(self._experiment, goal.metric, self._count, direction=order)
        if trial % self._count == 0:
            store.collect()
