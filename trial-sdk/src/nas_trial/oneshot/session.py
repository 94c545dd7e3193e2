"""A supernet under search: carries out samples in order, their outcomes go back, until the tuner has no more.

What it does depends on the lease's seed and the tuner alone, never on time: outcomes are told when the samples that
were asked for are all done, so a search that was saved in between goes on exactly as one that was not. Not here: what a
sample is carried out on (``work``), what it does to the supernet (``executor``), and who restarts a search
(``carrying``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from nascore.record import AskStatus, Lease, Outcome, Proposal, SampleExchange, Task
from nascore.space import SearchSpace

from nas_trial.attempt import seed_generators
from nas_trial.build import build
from nas_trial.oneshot.costs import costs_of
from nas_trial.oneshot.executor import Executor
from nas_trial.oneshot.keeping import Keeper
from nas_trial.oneshot.options import SearchOptions
from nas_trial.oneshot.overseer import Ended, Overseer, Wish
from nas_trial.oneshot.saved import Position, SavedSearch
from nas_trial.oneshot.splits import training_halves
from nas_trial.oneshot.tally import Tally
from nas_trial.oneshot.work import SampleWork
from nas_trial.progress import metrics_text, write_line
from nas_trial.trial import Trial

END_WITHIN_S = 4.0
"""How long samples that were asked for are finished once the worker ends; then what was saved before must do."""

_WAITS_S = (0.002, 0.01, 0.05, 0.2)


class SearchSession:
    """One supernet, from where it was saved last, or from the beginning.

    Args:
        trial: What is searched.
        lease: The SEARCH trial.
        space: The trial's space.
        exchange: Where samples come from.
        overseer: Takes reports, and says what is wanted.
        keeper: Saves the search.
        options: How it runs.
        members: Workers that share one copy of its weights, and each epoch.

    Attributes:
        supernet: The network, trained in place.
        executor: What carries out samples.
        costs: Known cost per decision path, candidate key and measure.
        batches: TRAIN batches so far.
        means: The means of the last epoch that was reported.
    """

    def __init__(
        self,
        trial: Trial,
        lease: Lease,
        *,
        space: SearchSpace,
        exchange: SampleExchange,
        overseer: Overseer,
        keeper: Keeper,
        options: SearchOptions,
        members: int = 1,
    ) -> None:
        self._exchange = exchange
        self._overseer = overseer
        self._keeper = keeper
        self._judged_batches = options.judged_batches
        self._seed = lease.seed
        seed_generators(lease.seed)
        halves = training_halves(trial)
        self._step: Callable[[], object] = lambda: None
        self.supernet = build(trial.build, None)
        self.executor = Executor(trial, self.supernet, options=options.executor)
        self._work = SampleWork(self.executor, halves, seed=lease.seed)
        self._members = members
        # Those who share a turn take one sample at a time: who asked for more would leave nothing to the others.
        self._ahead = options.ahead if members == 1 else 1
        self._next_sample = 0
        self.batches = 0
        self.means: Mapping[str, float] = {}
        self._end_by = 0.0
        self._begin(trial, space)

    def run(self, step: Callable[[], object]) -> None:
        """Exchange samples until the tuner's schedule is over.

        Args:
            step: Called after every batch that weights were trained on.

        Raises:
            Stopped: The overseer's word.
            Ended: The worker ends; the search is saved as far as it could be.
            UnavailableError: The exchange was lost: begin again from what was saved.
            SamplesFailed: Samples fail one after another.
        """
        self._step = step
        outcomes: list[tuple[int, Outcome]] = []
        waits = 0
        while True:
            if self._keeper.is_due or self._overseer.wish() is not Wish.NOTHING:
                if outcomes:
                    # Told before, so that the tuner's state holds them.
                    self._exchange.exchange(outcomes, 0)
                outcomes = []
                self._save()
            answer = self._exchange.exchange(outcomes, self._ahead)
            if not answer.samples and answer.status is not AskStatus.WAIT:
                self._save()
                return
            waits = 0 if answer.samples else waits + 1
            if waits:
                # Other workers on the same weights are not there yet.
                time.sleep(_WAITS_S[min(waits, len(_WAITS_S)) - 1])
            outcomes = []
            for sample in answer.samples:
                outcomes.append((sample.number, self._outcome(sample)))
                self._heed()

    def judging_batches(self) -> list[object]:
        """Return the batches of the search split on which networks are compared."""
        return self._work.judging_batches(self._judged_batches)

    def _begin(self, trial: Trial, space: SearchSpace) -> None:
        saved = self._keeper.last()
        if saved is None:
            unmixable = self._work.probed()
            self.costs = costs_of(trial, space)
            seed_generators(self._seed)
        else:
            unmixable, self.costs = dict(saved.unmixable), dict(saved.costs)
            # What the executor learns from mixtures as it computes them is learnt before the first sample, as it was.
            self._work.probed()
            self._restore(saved)
        self._unmixable = unmixable
        begun = self._exchange.begin(
            batches_per_epoch=self._work.batches_per_epoch,
            costs=self.costs,
            unmixable=unmixable,
            snapshot=None if saved is None else saved.tuner,
            # Others have taken samples since this one's last, so only the server knows which is next.
            next_sample=self._next_sample if self._members == 1 else 0,
        )
        schedule = begun.schedule
        self._epochs = schedule.warmup_epochs + schedule.epochs
        write_line(self._opening(begun_again=saved is not None))

    def _opening(self, *, begun_again: bool) -> str:
        start = f"goes on at sample {self._next_sample}" if begun_again else "begins"
        fixed = f", {len(self._unmixable)} decisions are not mixed" if self._unmixable else ""
        return f"search {start}: {self._epochs} epochs of {self._work.batches_per_epoch} batches{fixed}"

    def _restore(self, saved: SavedSearch) -> None:
        position = saved.position
        self._work.go_to(position.weights, position.search)
        self._next_sample, self.batches = position.sample, position.batches
        self._work.tally = Tally(position.tally)
        self.executor.load_state_dict(saved.executor)

    def _heed(self) -> None:
        """Ends between samples if the worker ends and those that were asked for would take too long."""
        if self._overseer.wish() is not Wish.END:
            return
        self._end_by = self._end_by or time.monotonic() + END_WITHIN_S
        if time.monotonic() > self._end_by:
            raise Ended

    def _save(self) -> None:
        wish = self._overseer.wish()
        self._keeper.save(self._saved)
        if wish is not Wish.NOTHING:
            self._overseer.saved()
        if wish is Wish.END:
            raise Ended

    def _saved(self) -> SavedSearch:
        tuner = self._exchange.snapshot()
        position = Position(self._next_sample, self.batches, *self._work.position, self._work.tally.sums)
        return SavedSearch(position, self.executor.state_dict(), tuner, self.costs, self._unmixable)

    def _outcome(self, sample: Proposal) -> Outcome:
        self._next_sample = sample.number + 1
        outcome = self._work.outcome(sample)
        if sample.task is Task.TRAIN:
            self._count(outcome.batches)
        return outcome

    def _count(self, batches: int) -> None:
        for _ in range(batches):
            self._step()
        before, self.batches = self.batches, self.batches + batches
        for epoch in range(self._epoch_of(before) + 1, self._epoch_of(self.batches) + 1):
            self._end_epoch(epoch)

    def _epoch_of(self, batches: int) -> int:
        """Return how many epochs have ended, as if all members had trained on as many batches as this one."""
        return batches * self._members // self._work.batches_per_epoch

    def _end_epoch(self, epoch: int) -> None:
        if epoch <= self._epochs:
            # What a tuner trains beyond its schedule, or one member more than the others, is at the last rate: many a
            # schedule of learning rates rises again after its end.
            self.executor.end_epoch()
        self._keeper.epoch_ended()
        if means := self._work.tally.take():
            self.means = means
            write_line(f"epoch {epoch}/{self._epochs}  {metrics_text(means)}")
            self._overseer.report(epoch, means)
