"""A sampler of Optuna as a tuner: what all of them share.

Each proposal is drawn by a fresh sampler, seeded by the seed of the proposal, from the study of all that was proposed
and told. So a proposal is a function of the questions and outcomes before it (determinism L1), whatever a sampler keeps
between trials, and a killed search goes on bit for bit. Where drawing again would take too long, a sampler declares LX
and absorbs what was logged.

To bring another sampler of Optuna's kind as a tuner, subclass `SampledTuner`.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from itertools import islice
from random import Random
from typing import ClassVar, TypeVar

from nascore.errors import InvalidInputError
from nascore.record import Outcome, Proposal
from nascore.space import Architecture, Condition, Value
from nascore.tuner import Determinism, NoProposal, Settings, Setup, Tuner
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial
from pydantic import Field

from nas_optuna.ledger import Ledger
from nas_optuna.parameters import Decision, ParameterValue
from nas_optuna.table import is_active, table_of, why_unwritable

NEIGHBOURS = 32
SAMPLES = 64


class SampledSettings(Settings):
    """Settings of every sampler."""

    without_repetition: bool = Field(
        False, description="Propose no architecture twice, and end once all have been tried."
    )


SampledSettingsT = TypeVar("SampledSettingsT", bound=SampledSettings)


class SampledTuner(Tuner[SampledSettingsT]):
    """Lets a sampler of Optuna propose.

    Attributes:
        is_flat: Whether every decision has values in every trial; see `nas_optuna.table`.
        keeps_hidden: Whether values without effect are what the sampler drew, rather than always the first.
        draws: So often is drawn again what a constraint forbids or was tried.
    """

    determinism = Determinism.REPLAY
    is_flat: ClassVar[bool] = False
    keeps_hidden: ClassVar[bool] = True
    draws: ClassVar[int] = 8

    def __init__(self, setup: Setup, settings: SampledSettingsT) -> None:
        super().__init__(setup, settings)
        self._table = table_of(setup.space, is_flat=self.is_flat)
        self._ledger = Ledger(setup.objectives, self._table.distributions)
        self._seen: set[Architecture] = set()

    @abstractmethod
    def sampler(self, seed: int) -> BaseSampler:
        """Return a fresh sampler; ``seed`` has 32 bits."""

    def quiet_sampler(self, seed: int) -> BaseSampler:
        """Return a fresh sampler without a word on what of it Optuna calls experimental: the settings say so."""
        with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
            return self.sampler(seed)

    @property
    def is_joint(self) -> bool:
        """Whether parameters of a group are drawn together."""
        return True

    @classmethod
    def cannot_tune(cls, setup: Setup, settings: SampledSettingsT) -> str:
        """Refuse a space without architectures, and numbers that Optuna cannot hold."""
        if setup.space.size().high == 0:
            return "The space holds no architecture: its constraints exclude each other."
        return why_unwritable(setup.space)

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        """Propose what the sampler draws, put right where the space forbids it."""
        running = self._ledger.running(number)
        if running is not None:
            return Proposal(number, self._table.read(running.params))
        if self._is_exhausted:
            return NoProposal.EXHAUSTED
        trial = self._ledger.begin(number)
        architecture, drawn = self._settled(trial, Random(seed))
        self._ledger.write(trial, self._table.written(architecture, drawn if self.keeps_hidden else {}))
        self._see(architecture)
        return Proposal(number, architecture)

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        """Take what came of a proposal, or of an architecture that others proposed."""
        if proposal.architecture is None:
            return
        if self._ledger.running(proposal.number) is None:
            self._see(proposal.architecture)
            if not self._ledger.teaches(outcome):
                return
            trial = self._ledger.begin(proposal.number)
            self._ledger.write(trial, self._table.written(proposal.architecture, {}))
            self.adopt(trial)
        self._ledger.finish(proposal.number, outcome)

    def absorb(self, proposal: Proposal, seed: int) -> None:
        """Take a logged proposal for one of its own, for samplers that are not asked again in a replay."""
        if proposal.architecture is not None:
            self._ledger.write(self._ledger.begin(proposal.number), self._table.written(proposal.architecture, {}))
            self._see(proposal.architecture)

    def adopt(self, trial: FrozenTrial) -> None:
        """Note on a trial that others proposed what the sampler would have noted; by default nothing."""

    def snapshot(self) -> bytes | None:
        """Return all trials as compressed JSON."""
        return self._ledger.to_bytes()

    def restore(self, state: bytes) -> None:
        """Take all trials back."""
        self._ledger.restore(state)
        for trial in self._ledger.study.get_trials(deepcopy=False):
            self._see(self._table.read(trial.params))

    @property
    def _is_exhausted(self) -> bool:
        if not self.settings.without_repetition:
            return False
        size = self.space.size()
        return size.is_exact and len(self._seen) >= size.high

    def _see(self, architecture: Architecture) -> None:
        if self.settings.without_repetition:
            self._seen.add(architecture)

    def _settled(self, trial: FrozenTrial, generator: Random) -> tuple[Architecture, Mapping[str, ParameterValue]]:
        """Return an architecture that may be proposed, and the values that the sampler drew last."""
        for _ in range(self.draws if self.space.constraints or self._seen else 1):
            architecture, drawn = self._drawn(trial, int(generator.random() * 2**32))
            if self._may_be(architecture):
                return architecture, drawn
        for near in self._others(architecture, generator):
            if self._may_be(near):
                return near, drawn
        # Everything that can be found was tried, though not all can be counted: a repetition is better than none.
        return self.space.sample(generator), drawn

    def _may_be(self, architecture: Architecture) -> bool:
        is_allowed = not self.space.constraints or not self.space.validate(architecture)
        return is_allowed and architecture not in self._seen

    def _others(self, architecture: Architecture, generator: Random) -> Iterator[Architecture]:
        """Yield neighbours, then any architecture, and of a space that was nearly all tried every one."""
        try:
            for _ in range(NEIGHBOURS):
                yield self.space.mutate(architecture, generator)
        except InvalidInputError:
            pass  # It has no neighbour that the constraints allow.
        for _ in range(SAMPLES):
            yield self.space.sample(generator)
        if self.space.size().is_exact:
            yield from islice(self.space.enumerate(), len(self._seen) + 1)

    def _drawn(self, trial: FrozenTrial, seed: int) -> tuple[Architecture, dict[str, ParameterValue]]:
        """Let a fresh sampler decide from the top: each group of decisions once it becomes active."""
        sampler = self.quiet_sampler(seed)
        values: dict[str, ParameterValue] = {}
        decisions: dict[str, Value] = {}
        met: set[Condition | None] = set()
        for decision in self._table.decisions:
            is_live = is_active(decision, decisions)
            if not (is_live or self.is_flat):
                continue
            group = self._table.group_of(decision)
            if self.is_joint and group not in met:
                met.add(group)
                values.update(sampler.sample_relative(self._ledger.study, trial, dict(self._table.groups[group])))
            self._draw_rest(decision, sampler, trial, values)
            if is_live:
                decisions[decision.path] = decision.read(values)
        return Architecture(decisions), values

    def _draw_rest(
        self, decision: Decision, sampler: BaseSampler, trial: FrozenTrial, values: dict[str, ParameterValue]
    ) -> None:
        """Let the sampler draw by itself what it did not draw with the group."""
        for name, distribution in decision.distributions.items():
            if name in values:
                continue
            if distribution.single():
                values[name] = decision.written(decision.default(), {})[name]
            else:
                values[name] = sampler.sample_independent(self._ledger.study, trial, name, distribution)
