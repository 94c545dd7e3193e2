"""What all tuners of mixtures share: the order of samples, the averages over workers, and the step of the parameters.

A turn is one TRAIN batch a worker. Where architectures are learnt, each comes with a GRADIENT on the search split,
which stands before it, both with the same parameters; single-level methods take the gradient from the TRAIN itself.
When all gradients of a turn are in they are averaged and one step is made; nothing is proposed meanwhile.

What cannot be mixed is sampled, fixed in the mixture, and learnt by the score function from the same loss: the gradient
of log p times how much better than a running average the loss was (Williams 1992).

An algorithm says how weights are drawn from the parameters (``_drawn``) and how their gradient becomes one of the
parameters (``_backward``). A draw is a function of the parameters, the sample's seed and its place in the schedule, so
it is never stored.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
from nascore.errors import InternalError
from nascore.record import Budget, Derived, JsonValue, Outcome, OutcomeStatus, Proposal, Task, Unrolled
from nascore.tuner import Determinism, Mode, NoProposal, Schedule, Setup, Tuner

from nas_darts.adam import Adam
from nas_darts.chance import Chance
from nas_darts.discretise import Discretisation
from nas_darts.draw import Composer, Draw, Picks, best_pick, pick
from nas_darts.gathering import Gathering
from nas_darts.layout import Layout, too_many_values
from nas_darts.pace import paced
from nas_darts.penalty import Penalty
from nas_darts.report import report
from nas_darts.segments import Array
from nas_darts.settings import MixtureSettings
from nas_darts.state import TunerState, read_state
from nas_darts.timetable import Timetable

MixtureSettingsT = TypeVar("MixtureSettingsT", bound=MixtureSettings)


TRAIN, SCORE = "train", "score:"
_GRADIENT, _GRADED_TRAIN, _REHEARSAL = "gradient", "graded-train", "rehearsal"
_TASKS = {TRAIN: Task.TRAIN, _GRADED_TRAIN: Task.TRAIN, _GRADIENT: Task.GRADIENT, _REHEARSAL: Task.GRADIENT}


@dataclass(frozen=True, slots=True)
class Held:
    """A sample whose gradient or score is awaited; its draw follows from the seed and the batch."""

    kind: str
    seed: int
    batch: int
    draw: Draw
    picks: Picks


class MixtureTuner(Tuner[MixtureSettingsT]):
    """A tuner that owns the parameters of a mixture, while trials own the weights of the network."""

    determinism = Determinism.SNAPSHOT
    modes = frozenset({Mode.ONE_SHOT})
    has_edge_weights: ClassVar[bool] = False

    def __init__(self, setup: Setup, settings: MixtureSettingsT) -> None:
        super().__init__(setup, settings)
        self._layout = Layout(setup.space, unmixable=setup.unmixable, has_edge_weights=self.has_edge_weights)
        self._composer = Composer(self._layout)
        schedule = setup.schedule or Schedule(1)
        self._timetable = Timetable(schedule, max(1, setup.batches_per_epoch), self._frozen_share(schedule))
        generator = np.random.Generator(np.random.PCG64(setup.seed))
        self._alpha = settings.initial_scale * generator.standard_normal(self._layout.mixed.total)
        self._policy = np.zeros(self._layout.sampled.total)
        self._adam, self._policy_adam = self._optimisers()
        self._discretisation = Discretisation(setup.space, self._layout)
        self._penalty = Penalty(self._layout, setup.costs, settings) if settings.penalty_measure else None
        self._batch = 0
        self._turn = 0
        self._queue: list[str] = []
        self._held: dict[int, Held] = {}
        self._gathering = Gathering(self._layout)

    @classmethod
    def cannot_tune(cls, setup: Setup, settings: MixtureSettingsT) -> str:
        """Refuse spaces without a choice, values too many to learn, and prices that are on no list."""
        count = setup.space.size().high
        if count < 2:
            return f"The space holds {count} architecture(s); {cls.name} needs two or more."
        long = too_many_values(setup.space, setup.unmixable)
        if long is not None:
            return f"{cls.name} would have to sample {long.path!r}, which has too many values to learn one by one."
        measures = {measure for _, _, measure in setup.costs}
        wanted = settings.penalty_measure
        if wanted and setup.costs and wanted not in measures:
            return f"penalty_measure is {wanted!r}, but costs are known for {', '.join(sorted(measures))} only."
        return ""

    # What an algorithm says.

    @abstractmethod
    def _drawn(self, chance: Chance, batch: int) -> Draw:
        """Return weights for one sample; ``batch`` TRAIN batches were proposed before it."""

    @abstractmethod
    def _backward(self, draw: Draw, gradient: Array) -> Array:
        """Return the gradient with respect to the parameters, from that with respect to a draw's weights."""

    def _probabilities(self) -> Array:
        """Return the probability of every mixed entry, flat, as penalties and the final choice see it."""
        return self._layout.mixed.softmax(self._alpha)

    def _probabilities_backward(self, upstream: Array) -> Array:
        """Return the gradient with respect to the parameters, from that with respect to the probabilities."""
        return self._layout.mixed.softmax_backward(self._probabilities(), upstream)

    def _stepped(self, gradient: Array) -> Array:
        """Return the parameters after a step against their gradient."""
        return self._adam.step(self._alpha, gradient)

    def _frozen_share(self, schedule: Schedule) -> float:
        return self.settings.frozen_share

    def _final_probabilities(self) -> Array:
        return self._probabilities()

    def _scored(self, kind: str) -> Draw:
        """Return the weights of a sample that is to be scored; its kind is one that ``_planned`` returned."""
        raise InternalError(f"{self.name} planned to score {kind!r}, but does not say with which weights.")

    def _take_score(self, kind: str, outcome: Outcome) -> None:
        """Take the outcome of a sample that was scored."""

    def _budget(self, kind: str) -> Budget | None:
        return None

    def _unrolled(self) -> Unrolled | None:
        return None

    def _partial_channels(self, batch: int) -> int:
        return 1

    def _is_single_level(self) -> bool:
        """Whether weights and parameters learn from the same batch."""
        return False

    def _own_state(self) -> dict[str, list[float]]:
        """Return what the algorithm keeps besides the parameters."""
        return {}

    def _take_own_state(self, own: Mapping[str, list[float]]) -> None:
        """Take back what `_own_state` returned."""

    # The contract.

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        """Propose the next sample of the turn, or wait until the turn's gradients are in."""
        if not self._queue:
            if self._held:
                return NoProposal.WAIT
            self._queue = self._planned()
            if not self._queue:
                return NoProposal.EXHAUSTED
            self._turn += 1
        notes = self._notes() if self._is_epoch_begun(self._queue[0]) else {}
        proposal = self._proposed(self._queue.pop(0), number, seed, notes=notes)
        self._finish_turn()
        return proposal

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        """Take the gradient of a sample of this turn; what failed is left out of the average."""
        held = self._held.pop(proposal.number, None)
        if held is None:
            return
        if held.kind.startswith(SCORE):
            self._take_score(held.kind, outcome)
        elif held.kind != _REHEARSAL and self._has_gradient(outcome):
            gradient = self._backward(held.draw, self._composer.gradient(outcome.gradient))
            self._gathering.add(gradient, picks=held.picks, weights=held.draw.weights, loss=outcome.metrics.get("loss"))
        self._finish_turn()

    def derive(self, count: int) -> tuple[Derived, ...]:
        """Return the most probable valid architectures, scored by the logarithm of their probability."""
        sampled = self._layout.sampled.softmax(self._policy)
        return self._discretisation.derive(count, mixed=self._final_probabilities(), sampled=sampled)

    def snapshot(self) -> bytes:
        """Return all state as JSON; numbers are written so that they are read back bit for bit."""
        return TunerState(
            alpha=self._alpha.tolist(),
            policy=self._policy.tolist(),
            adam=self._adam.to_state(),
            policy_adam=self._policy_adam.to_state(),
            batch=self._batch,
            turn=self._turn,
            queue=self._queue,
            held=[(number, held.seed, held.batch, held.kind) for number, held in self._held.items()],
            gathering=self._gathering.to_state(),
            own=self._own_state(),
        ).to_bytes()

    def restore(self, state: bytes) -> None:
        """Take a state back; the draws of awaited samples are made again."""
        found = read_state(state, mixed=self._layout.mixed.total, sampled=self._layout.sampled.total)
        self._alpha, self._policy = np.array(found.alpha), np.array(found.policy)
        self._adam.from_state(found.adam)
        self._policy_adam.from_state(found.policy_adam)
        self._batch, self._turn, self._queue = found.batch, found.turn, list(found.queue)
        self._gathering.from_state(found.gathering)
        self._take_own_state(found.own)
        self._held = {number: self._made(seed, kind, batch=batch) for number, seed, batch, kind in found.held}

    # Turns.

    def _planned(self) -> list[str]:
        """Return what the next turn proposes, in order; nothing when the search is over."""
        count = min(self.setup.workers, self._timetable.batches - self._batch)
        is_learning = self._batch >= self._timetable.first_learnt and self._turn % self.settings.gradient_every == 0
        if not is_learning:
            # A trial that cannot look ahead says so now, not when its weights are warm.
            is_rehearsed = self._turn == 0 and self._unrolled() is not None
            return [_REHEARSAL] * (count * is_rehearsed) + [TRAIN] * count
        return [_GRADED_TRAIN] * count if self._is_single_level() else [_GRADIENT] * count + [TRAIN] * count

    def _proposed(self, kind: str, number: int, seed: int, *, notes: dict[str, JsonValue]) -> Proposal:
        batch = self._batch
        made = self._made(seed, kind, batch=batch)
        is_graded = kind in (_GRADIENT, _GRADED_TRAIN, _REHEARSAL)
        if kind != TRAIN:
            self._held[number] = made
        if kind in (TRAIN, _GRADED_TRAIN):
            self._batch += 1
        return Proposal(
            number,
            mixture=self._composer.mixture(made.draw, made.picks, is_graded=is_graded),
            task=_TASKS.get(kind, Task.SCORE),
            budget=self._budget(kind),
            policy_version=self._turn,
            notes=notes,
            unrolled=self._unrolled() if kind in (_GRADIENT, _REHEARSAL) else None,
            partial_channels=self._partial_channels(batch),
        )

    def _made(self, seed: int, kind: str, *, batch: int) -> Held:
        if kind.startswith(SCORE):
            return Held(kind, seed, batch, self._scored(kind), best_pick(self._layout, self._policy))
        chance = Chance(seed)
        return Held(kind, seed, batch, self._drawn(chance, batch), pick(self._layout, self._policy, chance))

    def _finish_turn(self) -> None:
        """Make the step of the parameters once all of the turn is proposed and all its gradients are in."""
        if self._queue or self._held or not self._gathering.count:
            return
        found = self._gathering.take(self._policy)
        by_alpha, by_policy = found.gradient, found.policy_gradient
        if self._penalty is not None:
            policy = self._layout.sampled.softmax(self._policy)
            slopes = self._penalty.slopes(found.loss, mixed=self._probabilities(), sampled=policy)
            by_alpha = slopes.loss * by_alpha + self._probabilities_backward(slopes.mixed)
            by_policy = slopes.loss * by_policy + self._layout.sampled.softmax_backward(policy, slopes.sampled)
        self._alpha = self._stepped(by_alpha)
        if len(self._policy):
            self._policy = self._policy_adam.step(self._policy, by_policy)

    def _has_gradient(self, outcome: Outcome) -> bool:
        return outcome.status is OutcomeStatus.COMPLETED and bool(outcome.gradient or not self._layout.mixed.total)

    def _optimisers(self) -> tuple[Adam, Adam]:
        """Return those of what is mixed and of what is sampled."""
        settings = self.settings
        steps = self._timetable.steps(workers=self.setup.workers, every=settings.gradient_every)
        rate = settings.learning_rate or paced(settings.published_rate, steps=steps)
        mixed = Adam(
            self._layout.mixed.total,
            learning_rate=rate,
            betas=(settings.beta1, settings.beta2),
            weight_decay=settings.weight_decay,
        )
        sampled = Adam(
            self._layout.sampled.total,
            learning_rate=settings.sampled_learning_rate or rate,
            betas=(0.9, 0.999),
            weight_decay=0.0,
        )
        return mixed, sampled

    def _is_epoch_begun(self, kind: str) -> bool:
        return kind in (TRAIN, _GRADED_TRAIN) and self._batch % self._timetable.batches_per_epoch == 0

    def _notes(self) -> dict[str, JsonValue]:
        epoch = self._timetable.epoch(self._batch)
        return {"epoch": epoch, **report(self._layout, self._probabilities(), self.settings.skip_keys)}
