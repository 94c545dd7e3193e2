"""What the tuners of this package have in common: they draw from a policy, and learn from rewards.

Multi-trial, every proposal is drawn from the policy as it is, and an update is made from every few outcomes. One-shot,
the order of samples is that of ``rhythm``. Not here: the policies, and how they learn (``enas``, ``reinforce``,
``ppo``).
"""

from __future__ import annotations

from abc import abstractmethod
from random import Random
from typing import Any, ClassVar, TypeVar

import numpy as np
from nascore.errors import UnsupportedError
from nascore.record import Budget, Derived, Outcome, Proposal, Task
from nascore.space import Architecture
from nascore.tuner import Determinism, Mode, NoProposal, Settings, Setup, Tuner
from pydantic import Field

from nas_enas import state
from nas_enas.adam import Adam
from nas_enas.drawing import Drawing, most_probable
from nas_enas.learning import Aims, Learner, Sample
from nas_enas.policy import Policy, walk
from nas_enas.questions import Inquiry
from nas_enas.rewards import Rewards
from nas_enas.rhythm import Cycle, Phase, Rhythm

_FORMAT = 1


class PolicySettings(Settings):
    """Settings that all tuners of this package have."""

    samples: int = Field(10, ge=1, description="Outcomes from which one update of the policy is made.")
    updates: int = Field(1, ge=0, description="One-shot: updates of the policy in a row.")
    train_batches: int | None = Field(
        None, ge=1, description="One-shot: batches on which weights are trained between updates; by default an epoch."
    )
    derive_samples: int = Field(
        10,
        ge=0,
        description="One-shot: networks that are scored at the end, on the whole search split, to take the best.",
    )
    max_lag: int = Field(
        8, ge=0, description="Multi-trial: oldest policy, in updates, whose samples are still learnt from."
    )
    cost: str = Field("", description="A cost that lowers the reward (latency_ms, macs, parameters); empty for none.")
    cost_reference: float = Field(1.0, gt=0, description="The cost at which the reward stays as it is.")
    cost_exponent: float = Field(0.1, ge=0, description="The reward is multiplied by (reference / cost) to this power.")


SettingsT = TypeVar("SettingsT", bound=PolicySettings)


class PolicyTuner(Tuner[SettingsT]):
    """Draws architectures from a policy and learns it from what they are worth.

    Attributes:
        inquiry: The questions of the space.
        planned_updates: Updates of the policy over the whole schedule; ``None`` where nobody knows (multi-trial).
        learner: The policy, and how it learns.
    """

    settings_type: ClassVar[type[Settings]] = PolicySettings
    determinism = Determinism.REPLAY
    modes = frozenset({Mode.MULTI_TRIAL, Mode.ONE_SHOT})

    def __init__(self, setup: Setup, settings: SettingsT) -> None:
        super().__init__(setup, settings)
        self.inquiry = Inquiry(setup.space)
        cycle = self._cycle(setup) if setup.mode is Mode.ONE_SHOT else None
        self.planned_updates = None if cycle is None else cycle.all_updates
        policy = self.policy(np.random.Generator(np.random.PCG64(setup.seed)))
        self.learner = Learner(policy, self.inquiry, self.adam(), self.aims())
        self._drawing = Drawing(policy, self.inquiry)
        self._rewards = Rewards(
            setup.objectives[0],
            setup.costs,
            measure=settings.cost,
            reference=settings.cost_reference,
            exponent=settings.cost_exponent,
        )
        self._batch: list[Sample] = []
        self._scored: list[tuple[float, Architecture]] = []
        self._rhythm = Rhythm(cycle) if cycle is not None else None

    @abstractmethod
    def policy(self, generator: np.random.Generator) -> Policy:
        """Make the policy; ``generator`` gives its first parameters."""

    @abstractmethod
    def adam(self) -> Adam:
        """Make the optimiser."""

    @abstractmethod
    def aims(self) -> Aims:
        """Say what is optimised."""

    def samples_per_update(self) -> int:
        """Outcomes of one update."""
        return self.settings.samples

    def updates_per_cycle(self, batches: int) -> int:
        """Updates in a row (one-shot), after weights were trained on so many batches."""
        return self.settings.updates

    @classmethod
    def cannot_tune(cls, setup: Setup, settings: SettingsT) -> str:
        """Refuse a cost that nobody knows, and a one-shot search without a schedule."""
        if settings.cost and not any(measure == settings.cost for _, _, measure in setup.costs):
            known = sorted({measure for _, _, measure in setup.costs})
            return f"cost = {settings.cost}: no such cost is known here (known: {', '.join(known) or 'none'})."
        if setup.mode is Mode.ONE_SHOT and (setup.schedule is None or not setup.batches_per_epoch):
            return "A one-shot search needs a schedule and the number of batches of an epoch."
        return ""

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        """Draw from the policy; one-shot, do what comes next."""
        if self._rhythm is None:
            return self._drawn(number, seed, task=Task.EVALUATE)
        if self._rhythm.phase is Phase.TRAIN:
            self._rhythm.train()
            return self._drawn(number, seed, task=Task.TRAIN)
        if self._rhythm.wants_score:
            is_choice = self._rhythm.phase is Phase.CHOOSE
            self._rhythm.score(number)
            return self._drawn(number, seed, task=Task.SCORE, budget=Budget("epochs", 1) if is_choice else None)
        return NoProposal.EXHAUSTED if self._rhythm.phase is Phase.OVER else NoProposal.WAIT

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        """Learn once enough is known."""
        architecture = proposal.architecture
        if self._rhythm is None:
            if architecture is not None and self._is_recent(proposal):
                self._take(architecture, proposal, outcome)
            if len(self._batch) >= self.samples_per_update():
                self._update()
            return
        if proposal.number not in self._rhythm.pending or architecture is None:
            return
        if self._rhythm.phase is Phase.CHOOSE:
            self._note(architecture, outcome)
        else:
            self._take(architecture, proposal, outcome)
        if self._rhythm.told(proposal.number):
            if self._rhythm.phase is Phase.LEARN:
                self._update()
            self._rhythm.advance()

    def derive(self, count: int) -> tuple[Derived, ...]:
        """Return the best of what was scored at the end; without any, the most probable architecture.

        Raises:
            UnsupportedError: In multi-trial mode: the best trials are taken.
        """
        if self._rhythm is None:
            raise UnsupportedError(f"{self.name} derives no architectures of its own; the best trials are taken.")
        best: dict[Architecture, float] = {}
        for score, architecture in sorted(self._scored, key=lambda pair: -pair[0]):
            best.setdefault(architecture, score)
        if not best:
            return (Derived(self._most_probable()),)
        return tuple(Derived(architecture, score) for architecture, score in list(best.items())[:count])

    def snapshot(self) -> bytes:
        """Return the policy, the optimiser, the baseline and where the search stands."""
        learner, rhythm = self.learner, self._rhythm
        return state.to_bytes(
            {
                "format": _FORMAT,
                "policy": learner.policy.parameters,
                "adam": {"steps": learner.adam.steps, "first": learner.adam.first, "second": learner.adam.second},
                "baseline": learner.baseline,
                "version": learner.version,
                "worst": self._rewards.worst,
                "batch": [[dict(each.architecture), each.reward, each.log_prob] for each in self._batch],
                "scored": [[score, dict(architecture)] for score, architecture in self._scored],
                "rhythm": None
                if rhythm is None
                else [rhythm.trained, rhythm.updated, rhythm.proposed, sorted(rhythm.pending), rhythm.phase.value],
            }
        )

    def restore(self, state_bytes: bytes) -> None:
        """Take a state that `snapshot` returned.

        Raises:
            ValueError: It belongs to another space or to other settings.
        """
        saved = state.from_bytes(state_bytes)
        learner = self.learner
        state.copy_into(learner.policy.parameters, saved["policy"])
        self._drawing.forget()
        learner.adam.steps = saved["adam"]["steps"]
        learner.adam.first, learner.adam.second = saved["adam"]["first"], saved["adam"]["second"]
        learner.baseline, learner.version = saved["baseline"], saved["version"]
        self._rewards.worst = saved["worst"]
        self._batch = [Sample(self._read(row[0]), row[1], row[2]) for row in saved["batch"]]
        self._scored = [(row[0], self._read(row[1])) for row in saved["scored"]]
        if self._rhythm is not None and saved["rhythm"] is not None:
            trained, updated, proposed, pending, phase = saved["rhythm"]
            self._rhythm = Rhythm(self._rhythm.cycle, trained, updated, proposed, set(pending), Phase(phase))

    def _cycle(self, setup: Setup) -> Cycle:
        assert setup.schedule is not None
        epoch = setup.batches_per_epoch
        warmup = setup.schedule.warmup_epochs * epoch
        train = self.settings.train_batches or epoch
        return Cycle(
            warmup=warmup,
            batches=warmup + setup.schedule.epochs * epoch,
            train=train,
            updates=self.updates_per_cycle(train),
            samples=self.samples_per_update(),
            chosen=self.settings.derive_samples,
        )

    def _drawn(self, number: int, seed: int, *, task: Task, budget: Budget | None = None) -> Proposal:
        random = Random(seed)
        found = self._drawing.draw(random)
        # Where chance keeps no constraint, the space's own search does; such a sample has no probability to learn by.
        architecture, log_prob = found if found is not None else (self.space.sample(random), None)
        return Proposal(
            number, architecture, task=task, budget=budget, policy_version=self.learner.version, log_prob=log_prob
        )

    def _is_recent(self, proposal: Proposal) -> bool:
        """Whether it was drawn by a policy that is not too old; what a person enqueued was drawn by none."""
        return proposal.log_prob is not None and proposal.policy_version + self.settings.max_lag >= self.learner.version

    def _take(self, architecture: Architecture, proposal: Proposal, outcome: Outcome) -> None:
        reward = self._rewards.of(architecture, outcome)
        if reward is not None and proposal.log_prob is not None:
            self._batch.append(Sample(architecture, reward, proposal.log_prob))

    def _note(self, architecture: Architecture, outcome: Outcome) -> None:
        reward = self._rewards.of(architecture, outcome)
        if reward is not None:
            self._scored.append((reward, architecture))

    def _update(self) -> None:
        if self._batch:
            self.learner.update(self._batch)
            self._drawing.forget()
            self._batch = []

    def _most_probable(self) -> Architecture:
        decisions = most_probable(self.learner.policy, self.inquiry)
        if not self.space.validate(decisions):
            return self.space.architecture(decisions)
        random = Random(self.setup.seed)
        drawn = [found for _ in range(100) if (found := self._drawing.draw(random)) is not None]
        return max(drawn, key=lambda pair: pair[1])[0] if drawn else self.space.sample(random)

    def _read(self, decisions: dict[str, Any]) -> Architecture:
        return self.space.architecture(
            {path: tuple(value) if isinstance(value, list) else value for path, value in decisions.items()}
        )

    def log_prob(self, architecture: Architecture) -> float:
        """Return the natural logarithm of an architecture's probability under the policy as it is now."""
        return float(walk(self.learner.policy, self.inquiry, [architecture]).log_prob[0])
