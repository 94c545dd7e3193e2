"""Carrying out a SEARCH trial: begin, begin again where the exchange was lost, derive, score, and say what came of it.

Not here: the samples (``session``), and the processes around (``nas_trial.isolation``).
"""

from __future__ import annotations

import itertools
import logging
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from nascore.errors import DeadlineError, NascoreError, UnavailableError, UnsupportedError
from nascore.record import Derived, FailureKind, Lease, Outcome, OutcomeStatus, SampleExchange, Scored, Task
from nascore.space import Architecture, SearchSpace
from nascore.weights import DirectoryStore
from nascore.weights.access import WeightAccess

from nas_trial import weights
from nas_trial.attempt import Attempt, opened_store
from nas_trial.briefing import Briefing
from nas_trial.extract import extract
from nas_trial.failures import failed, outcome_of
from nas_trial.oneshot.judgement import sampled, scored
from nas_trial.oneshot.keeping import Keeper
from nas_trial.oneshot.line import Line
from nas_trial.oneshot.options import SearchOptions
from nas_trial.oneshot.orders import SearchOrders
from nas_trial.oneshot.overseer import Ended, Onward, Overseer, Wish
from nas_trial.oneshot.saved import SavedSearches
from nas_trial.oneshot.session import SearchSession
from nas_trial.oneshot.work import SamplesFailed
from nas_trial.profile import figures_of
from nas_trial.progress import metrics_text, write_line
from nas_trial.trial import Trial

logger = logging.getLogger(__name__)

AWAY_LIMIT_S = 12 * 3600.0
"""How long a search waits for a server or a tuner that is away."""
UNDERIVED = 32
"""Random networks from which the best is taken where the tuner derives none of its own."""

_UNSAVED = (
    "search: it is not saved as it goes, because this worker does not see the experiment's folder; if the worker is "
    "killed, the search begins anew. Start it where NASCORE_FOLDER can name that folder, to go on instead."
)
_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class SearchTrial:
    """A SEARCH trial and all that it needs.

    Attributes:
        trial: What is searched, and how it is trained.
        lease: The trial's lease.
        line: To the tuner, and to shared weights.
        overseer: Takes reports, and says what is wanted.
        store: Where the supernet's weights are kept, and, if it is a folder, the search as it goes; ``None`` keeps
            nothing.
        briefing: What is optimised.
    """

    trial: Trial
    lease: Lease
    line: Line
    overseer: Overseer
    store: WeightAccess | None
    briefing: Briefing

    @property
    def options(self) -> SearchOptions:
        """How it runs."""
        return self.trial.search_options or SearchOptions()


def carry_out_search(search: SearchTrial) -> Attempt:
    """Carry out a SEARCH trial; whatever it raises becomes its outcome.

    Raises:
        Ended: The worker ends; the search is saved as far as it could be, and another attempt goes on.
    """
    started = time.monotonic()
    try:
        attempt = _searched(search)
    except SamplesFailed as error:
        attempt = Attempt(error.outcome)
    except UnsupportedError as error:
        # A refusal, not a failure: its sentence says what to choose instead, and nothing of the code is to blame.
        attempt = Attempt(failed(OutcomeStatus.FAILED, FailureKind.EXCEPTION, message=str(error)))
    except (Exception, SystemExit, CancelledError, GeneratorExit) as error:
        # The border of the user's code, as in nas_trial.attempt.
        attempt = Attempt(outcome_of(error, metrics={}), is_retryable=isinstance(error, UnavailableError))
    return replace(attempt, outcome=replace(attempt.outcome, duration_s=time.monotonic() - started))


def settle_search(folder: Path | None, lease: Lease, *, experiment: str) -> None:
    """Release what was saved of a search whose result was taken; for other trials nothing.

    Not earlier: a worker that is killed before its result is told goes on from there.
    """
    if folder is None or lease.proposal.task is not Task.SEARCH:
        return
    try:
        with opened_store(folder) as store:
            if store is not None:
                SavedSearches(store, lease=lease, experiment=experiment).forget()
    except (NascoreError, OSError) as error:
        logger.warning("What was saved of the search of trial %d was not released: %s", lease.trial, error)


def _searched(search: SearchTrial) -> Attempt:
    search = replace(search, overseer=Onward(search.overseer))
    space = extract(search.trial.build)
    lost_at = None
    if not isinstance(search.store, DirectoryStore):
        write_line(_UNSAVED)
    for failures in itertools.count():
        exchange = search.line.samples()
        try:
            return _searched_once(search, space, exchange)
        except (UnavailableError, DeadlineError) as error:
            now = time.monotonic()
            lost_at = lost_at or now
            if now - lost_at > AWAY_LIMIT_S:
                raise
            write_line(f"search: the exchange was lost, and begins again from what was saved: {error}")
        finally:
            exchange.close()
        _pause(search.overseer, _PAUSES_S[min(failures, len(_PAUSES_S) - 1)])
    raise AssertionError


def _searched_once(search: SearchTrial, space: SearchSpace, exchange: SampleExchange) -> Attempt:
    # A search gives up what it saved before, again and again, which in a server's store is for the server's people.
    store = search.store if isinstance(search.store, DirectoryStore) else None
    searches = None
    if store is not None:
        searches = SavedSearches(store, lease=search.lease, experiment=search.briefing.experiment)
    orders = SearchOrders.of(search.lease.proposal)
    session = SearchSession(
        search.trial,
        search.lease,
        space=space,
        exchange=exchange,
        overseer=search.overseer,
        keeper=Keeper(searches, search.options),
        options=search.options,
        members=orders.members,
    )
    with _shared(search, orders, session) as step:
        session.run(step)
    outcome = _judged(search, space, session, exchange)
    return Attempt(outcome, _kept(search, session, outcome.metrics))


@contextmanager
def _shared(search: SearchTrial, orders: SearchOrders, session: SearchSession) -> Iterator[Callable[[], object]]:
    """Shares the supernet's weights with the other members, if there are any; yields what is called after each step."""
    if orders.members == 1:
        yield lambda: None
        return
    with search.line.shared(session.supernet, f"supernet {orders.supernet}", every=orders.sync_every) as shared:
        yield shared.step


def _judged(search: SearchTrial, space: SearchSpace, session: SearchSession, exchange: SampleExchange) -> Outcome:
    orders = SearchOrders.of(search.lease.proposal)
    batches = session.judging_batches()
    networks = sampled(space, orders.sampled, seed=search.lease.seed)
    scores = scored(session.executor, networks, batches)
    derived = _derived(exchange, orders.derive)
    if not derived:
        others = sampled(space, max(UNDERIVED, orders.derive), seed=search.lease.seed)
        derived = _best(scored(session.executor, others, batches), orders.derive)
    best = scored(session.executor, [found.architecture for found in derived[:1]], batches)
    metrics = {**session.means, **(best[0].metrics if best else {})}
    if derived:
        metrics = {**_figures(search, derived[0].architecture), **metrics}
        write_line(f"derived {derived[0].architecture.to_json()}  {metrics_text(metrics)}")
    return Outcome(
        OutcomeStatus.COMPLETED,
        metrics=metrics,
        batches=session.batches,
        derived=derived,
        scored=scores,
        costs=session.costs,
    )


def _derived(exchange: SampleExchange, count: int) -> tuple[Derived, ...]:
    try:
        return exchange.derive(count)
    except UnsupportedError as error:
        write_line(f"The best of random networks is taken, for the tuner derives none: {error}")
        return ()


def _best(scores: tuple[Scored, ...], count: int) -> tuple[Derived, ...]:
    ordered = sorted(scores, key=lambda found: found.metrics["loss"])[:count]
    return tuple(Derived(found.architecture, -found.metrics["loss"]) for found in ordered)


def _figures(search: SearchTrial, architecture: Architecture) -> dict[str, float]:
    briefing = search.briefing
    return figures_of(search.trial, architecture, demands=briefing.demands, objectives=briefing.objectives)


def _kept(search: SearchTrial, session: SearchSession, metrics: Mapping[str, float]) -> str:
    """Stores the supernet's weights; if that fails the search still counts."""
    if search.store is None or not search.trial.keeps_weights:
        return ""
    try:
        return weights.save(
            session.supernet.state_dict(),
            search.store,
            trial=search.lease.trial,
            metrics=metrics,
            experiment=search.briefing.experiment,
        )
    except (NascoreError, OSError) as error:
        logger.warning("The weights of trial %d were not kept: %s", search.lease.trial, error)
        return ""


def _pause(overseer: Overseer, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if overseer.wish() is Wish.END:
            # What was saved before is all that can be.
            overseer.saved()
            raise Ended
        time.sleep(min(left, _LOOK_EVERY_S))
