"""The chain as a tuner: supernets first, then what they derived and the baselines, then nothing more.

A pure function of what it was told: durations come with the outcomes, so a replay counts the same device-seconds. Not
here: what the supernets' samples are (a plugin's tuner decides, see ``nascore.experiment.exchange``), and what the
results mean (``nascore.record.trust``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from nascore.experiment.chain.extremes import cheapest, largest
from nascore.record import Budget, Derived, JsonValue, Outcome, OutcomeStatus, Proposal, Role, Scored, Task, Trust
from nascore.record.jsonform import one_shot_from_json
from nascore.record.trial import IS_RESULT
from nascore.space import Architecture
from nascore.tuner import Determinism, NoProposal, Settings, Setup, Tuner

_DRAWS = 50
_NEVER: Trust = Trust(max_random=0, sampled=0)


class ChainSettings(Settings):
    """How a one-shot search goes, in the form of ``one_shot_to_json``."""

    warmup_epochs: int
    epochs: int
    derive: int
    retrain_epochs: float | None
    supernets: int
    workers: int
    sync_every: int
    trust: dict[str, int] | None


@dataclass(frozen=True, slots=True)
class _Planned:
    """A network that is to be trained by itself, and why."""

    architecture: Architecture
    notes: Mapping[str, JsonValue]


class Chain(Tuner[Settings]):
    """Search, then retrain, then the baselines; every proposal says in its notes what it is for (`Role`)."""

    name: ClassVar[str] = "chain"
    summary: ClassVar[str] = "What a one-shot experiment does one after the other."
    settings_type: ClassVar[type[Settings]] = ChainSettings
    determinism: ClassVar[Determinism] = Determinism.REPLAY
    max_objectives: ClassVar[int] = 0

    def __init__(self, setup: Setup, settings: Settings) -> None:
        super().__init__(setup, settings)
        self._plan = one_shot_from_json(settings.model_dump())
        self._trust = self._plan.trust or _NEVER
        self._searches = [
            (supernet, member) for supernet in range(self._plan.supernets) for member in range(self._plan.workers)
        ]
        self._queue: deque[_Planned] | None = None
        self._asked: dict[int, Role] = {}
        self._told: dict[int, tuple[Role, Outcome]] = {}
        self._seen: set[Architecture] = set()

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        """Return the next trial of the chain."""
        searching = self._count(Role.SEARCH)
        if searching < len(self._searches):
            return self._search(number, *self._searches[searching])
        if self._plan.retrain_epochs == 0:  # The supernets' word is the result.
            return NoProposal.WAIT if self._waits_for(Role.SEARCH) else NoProposal.EXHAUSTED
        if self._queue is None:
            if self._waits_for(Role.SEARCH):
                return NoProposal.WAIT
            self._queue = deque(self._planned())
        if self._queue:
            return self._evaluation(number, self._queue.popleft())
        return self._random(number, seed)

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        """Take what came of a trial; those that others put in count for nothing."""
        role = self._asked.get(proposal.number)
        if role is not None:
            self._told[proposal.number] = (role, outcome)

    def _search(self, number: int, supernet: int, member: int) -> Proposal:
        notes: dict[str, JsonValue] = {"role": Role.SEARCH.value, "supernet": supernet, "derive": self._plan.derive}
        if self._plan.retrain_epochs == 0:
            notes[IS_RESULT] = True
        elif self._trust.sampled and not supernet:
            notes["score"] = self._trust.sampled
        if self._plan.workers > 1:
            notes |= {"member": member, "members": self._plan.workers, "sync_every": self._plan.sync_every}
        self._asked[number] = Role.SEARCH
        return Proposal(number, task=Task.SEARCH, notes=notes)

    def _evaluation(self, number: int, planned: _Planned) -> Proposal:
        epochs = self._plan.retrain_epochs
        self._asked[number] = Role(str(planned.notes["role"]))
        self._seen.add(planned.architecture)
        budget = None if epochs is None else Budget("epochs", epochs)
        return Proposal(number, planned.architecture, budget=budget, notes=planned.notes)

    # --- what is trained once the supernets are done ---------------------------------------------------------------

    def _planned(self) -> list[_Planned]:
        planned: dict[Architecture, dict[str, JsonValue]] = {}

        def plan(architecture: Architecture, notes: dict[str, JsonValue]) -> None:
            known = planned.setdefault(architecture, notes)
            if known is not notes:  # One that is several things is trained once.
                known["also"] = [*_listed(known.get("also")), notes["role"]]

        for derived, notes in self._derived():
            plan(derived.architecture, notes)
        if planned and self._plan.trust is not None:  # A search that derived nothing leaves nothing to compare.
            costs = {place: cost for _, outcome in self._of(Role.SEARCH) for place, cost in outcome.costs.items()}
            for role, found in ((Role.LARGEST, largest(self.space, costs)), (Role.SKIP, cheapest(self.space, costs))):
                if found is not None:
                    plan(found, {"role": role.value})
            for scored in self._scored()[: self._trust.sampled]:
                plan(
                    scored.architecture,
                    {"role": Role.SAMPLED.value, "supernet_metrics": dict(scored.metrics)},
                )
        return [_Planned(architecture, notes) for architecture, notes in planned.items()]

    def _derived(self) -> list[tuple[Derived, dict[str, JsonValue]]]:
        """Return what the supernets derived, the first choice of each before the second."""
        found = [
            (rank, number, derived)
            for number, outcome in self._of(Role.SEARCH)
            for rank, derived in enumerate(outcome.derived[: self._plan.derive])
        ]
        found.sort(key=lambda each: each[:2])
        return [
            (derived, {"role": Role.RETRAIN.value, "search": number, "rank": rank, "score": derived.score})
            for rank, number, derived in found
        ]

    def _scored(self) -> list[Scored]:
        return [scored for _, outcome in self._of(Role.SEARCH) for scored in outcome.scored]

    # --- random networks, for as long as the search took -----------------------------------------------------------

    def _random(self, number: int, seed: int) -> Proposal | NoProposal:
        most = self._trust.max_random if self._of(Role.RETRAIN) or self._waits_for(Role.RETRAIN) else 0
        drawn = self._count(Role.RANDOM) + self._count(Role.SAMPLED)
        if drawn >= most:
            return NoProposal.EXHAUSTED
        if self._waits_for(Role.RETRAIN):
            return NoProposal.WAIT
        out = self._outstanding(Role.RANDOM, Role.SAMPLED)
        if self._seconds(Role.RANDOM, Role.SAMPLED) + out * self._mean_s() >= self._seconds(Role.SEARCH, Role.RETRAIN):
            return NoProposal.WAIT if out else NoProposal.EXHAUSTED
        architecture = self._fresh(seed)
        if architecture is None:
            return NoProposal.EXHAUSTED
        return self._evaluation(number, _Planned(architecture, {"role": Role.RANDOM.value}))

    def _fresh(self, seed: int) -> Architecture | None:
        """Return a network that was not trained yet; ``None`` if chance finds none in a space that small."""
        rng = Random(seed)
        drawn = (self.space.sample(rng) for _ in range(_DRAWS))
        return next((architecture for architecture in drawn if architecture not in self._seen), None)

    def _mean_s(self) -> float:
        trained = [
            outcome.duration_s
            for role, outcome in self._told.values()
            if role in (Role.RETRAIN, Role.RANDOM, Role.SAMPLED)
        ]
        return sum(trained) / len(trained) if trained else 0.0

    # --- counting --------------------------------------------------------------------------------------------------

    def _of(self, role: Role) -> list[tuple[int, Outcome]]:
        return sorted(
            (number, outcome)
            for number, (its_role, outcome) in self._told.items()
            if its_role is role and outcome.status is OutcomeStatus.COMPLETED
        )

    def _count(self, role: Role) -> int:
        return sum(each is role for each in self._asked.values())

    def _outstanding(self, *roles: Role) -> int:
        return sum(role in roles and number not in self._told for number, role in self._asked.items())

    def _waits_for(self, role: Role) -> bool:
        return self._outstanding(role) > 0

    def _seconds(self, *roles: Role) -> float:
        return sum(outcome.duration_s for role, outcome in self._told.values() if role in roles)


def _listed(value: JsonValue | None) -> list[JsonValue]:
    return value if isinstance(value, list) else []
