"""A one-shot tuner for the tests: a logit a candidate, a weight step and a gradient step in turn, and a barrier."""

import json
import math
import os
from pathlib import Path

from nascore.errors import UnsupportedError
from nascore.record import Derived, OutcomeStatus, Proposal, Task
from nascore.space import Architecture, MixedDecision, Mixture
from nascore.tuner import Determinism, Mode, NoProposal, Settings, Tuner, hookimpl
from pydantic import Field

NASCORE_PLUGIN_API = 1


class LearnerSettings(Settings):
    rate: float = Field(0.5, description="Step of the logits.")
    die_at: int = Field(-1, description="Sample at which the process dies, once.")
    raise_at: int = Field(-1, description="Sample at which it raises.")
    keeps_state: bool = Field(True, description="Whether it makes snapshots.")
    state_bytes: int = Field(0, description="Bytes that its state is filled up with.")


class Learner(Tuner[LearnerSettings]):
    name = "learner"
    summary = "Learns a logit a candidate."
    settings_type = LearnerSettings
    determinism = Determinism.SNAPSHOT
    modes = frozenset({Mode.ONE_SHOT})
    node_kinds = frozenset({"one_of"})

    def __init__(self, setup, settings):
        super().__init__(setup, settings)
        self.logits = {row.path: [0.0] * len(row.node.candidates) for row in setup.space.decisions}
        epochs = setup.schedule.warmup_epochs + setup.schedule.epochs
        self.steps = epochs * setup.batches_per_epoch * setup.workers
        self.asked, self.out, self.lost = 0, 0, 0

    def ask(self, number, seed):
        if number == self.settings.die_at and not (died := Path(os.environ["LEARNER_DIED"])).exists():
            died.touch()
            os._exit(9)
        if number == self.settings.raise_at:
            raise ValueError("a defect of the learner")
        if self.asked >= 2 * self.steps:
            return NoProposal.EXHAUSTED
        if self.out >= 2 * self.setup.workers:
            return NoProposal.WAIT
        task = Task.GRADIENT if self.asked % 2 else Task.TRAIN
        self.asked += 1
        self.out += 1
        graded = tuple(range(9)) if task is Task.GRADIENT else ()
        mixed = tuple(
            MixedDecision(path, soft(values), graded[: len(values)])
            for path, values in self.logits.items()
            if path not in self.setup.unmixable
        )
        fixed = {path: self.space.default()[path] for path in self.setup.unmixable}
        return Proposal(number, mixture=Mixture(mixed, fixed), task=task, notes={"seed": str(seed)})

    def tell(self, proposal, outcome):
        self.out -= 1
        self.lost += outcome.status is OutcomeStatus.FAILED
        for decision in outcome.gradient:
            values = self.logits[decision.path]
            for place, slope in enumerate(decision.weights):
                values[place] -= self.settings.rate * slope

    def derive(self, count):
        best = {path: max(range(len(values)), key=values.__getitem__) for path, values in self.logits.items()}
        keys = {row.path: row.node.candidates[best[row.path]].key for row in self.space.decisions}
        return (Derived(Architecture(keys), float(-self.lost)),)

    def snapshot(self):
        if not self.settings.keeps_state:
            return None
        state = {"logits": self.logits, "asked": self.asked, "out": self.out, "lost": self.lost}
        return json.dumps(state).encode().ljust(self.settings.state_bytes)

    def restore(self, state):
        if not self.settings.keeps_state:
            raise UnsupportedError("no state")
        for name, value in json.loads(state).items():
            setattr(self, name, value)


def soft(values):
    powers = [math.exp(value) for value in values]
    return tuple(power / sum(powers) for power in powers)


@hookimpl
def nascore_tuners():
    return {"learner": Learner}
