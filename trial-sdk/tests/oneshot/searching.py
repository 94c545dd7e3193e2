"""A small one-shot tuner, a trial, and a search of them in this process; as a program, one that kills itself.

    python searching.py FOLDER KILL_AT

searches with what is saved in FOLDER, and ends by SIGKILL when so many samples were carried out (never for -1); then it
prints what it found.
"""

import hashlib
import json
import os
import signal
import sys
from contextlib import closing
from pathlib import Path

import nas_trial as nas
import numpy as np
import torch
from nas_trial.briefing import Briefing
from nas_trial.oneshot.carrying import SearchTrial, carry_out_search
from nas_trial.oneshot.options import SearchOptions
from nas_trial.oneshot.overseer import Wish
from nascore.errors import InvalidInputError
from nascore.record import Derived, Lease, Objective, Proposal, Schedule, Task
from nascore.space import MixedDecision, Mixture
from nascore.tuner import Mode, NoProposal, Setup, Tuner
from nascore.tuner.samples import LocalExchange
from nascore.weights import DirectoryStore
from torch import nn


class Mixing(Tuner):
    """First-order DARTS in plain NumPy: one TRAIN, then one GRADIENT, on the same mixture."""

    name = "mixing"
    modes = frozenset({Mode.ONE_SHOT})

    def __init__(self, setup, settings):
        super().__init__(setup, settings)
        self.alphas = {row.path: np.zeros(len(row.node.candidates)) for row in self.space.decisions}
        self.asked = self.told = 0
        schedule = setup.schedule
        self.steps = (schedule.warmup_epochs + schedule.epochs) * setup.batches_per_epoch
        self.warm = schedule.warmup_epochs * setup.batches_per_epoch
        self.trained = 0

    def weights(self, path):
        exponents = np.exp(self.alphas[path] - self.alphas[path].max())
        return exponents / exponents.sum()

    def ask(self, number, seed):
        if self.asked > self.told and self.asked % 2 == 0:
            return NoProposal.WAIT
        if self.asked % 2 == 0 and self.trained >= self.steps:
            return NoProposal.EXHAUSTED
        task = Task.TRAIN if self.asked % 2 == 0 else Task.GRADIENT
        self.trained += task is Task.TRAIN
        self.asked += 1
        graded = () if task is Task.TRAIN else None
        mixed = tuple(
            MixedDecision(path, tuple(self.weights(path)), tuple(range(len(alpha))) if graded is None else graded)
            for path, alpha in self.alphas.items()
        )
        return Proposal(number, mixture=Mixture(mixed), task=task)

    def tell(self, proposal, outcome):
        self.told += 1
        for decision in outcome.gradient:
            weights = self.weights(decision.path)
            gradient = np.array(decision.weights)
            if self.trained > self.warm:
                self.alphas[decision.path] -= 0.5 * weights * (gradient - weights @ gradient)

    def derive(self, count):
        keys = {row.path: [candidate.key for candidate in row.node.candidates] for row in self.space.decisions}
        best = {path: keys[path][int(alpha.argmax())] for path, alpha in self.alphas.items()}
        return (Derived(self.space.architecture(best), 0.5),)

    def snapshot(self):
        alphas = {path: [float(value).hex() for value in alpha] for path, alpha in self.alphas.items()}
        return json.dumps([alphas, self.asked, self.told, self.trained]).encode()

    def restore(self, state):
        alphas, self.asked, self.told, self.trained = json.loads(state)
        self.alphas = {path: np.array([float.fromhex(value) for value in alpha]) for path, alpha in alphas.items()}


class Drawing(Tuner):
    """Uniform paths: as many TRAIN as are wanted, and a SCORE after every fourth."""

    name = "drawing"
    modes = frozenset({Mode.ONE_SHOT})

    def __init__(self, setup, settings):
        super().__init__(setup, settings)
        self.steps = setup.schedule.epochs * setup.batches_per_epoch
        self.trained = 0

    def ask(self, number, seed):
        if self.trained >= self.steps:
            return NoProposal.EXHAUSTED
        task = Task.SCORE if number % 4 == 3 else Task.TRAIN
        self.trained += task is Task.TRAIN
        keys = {row.path: [candidate.key for candidate in row.node.candidates] for row in self.space.decisions}
        rng = np.random.default_rng(seed)
        return Proposal(
            number, self.space.architecture({path: rng.choice(each).item() for path, each in keys.items()}), task=task
        )

    def tell(self, proposal, outcome):
        pass

    def snapshot(self):
        return str(self.trained).encode()

    def restore(self, state):
        self.trained = int(state)


class Net(nn.Module):
    """Two choices among linear layers and none, with batch norm, dropout and momentum to be kept."""

    def __init__(self):
        super().__init__()
        self.first = nas.LayerChoice({"wide": lambda: nn.Linear(8, 8), "skip": nn.Identity}, label="first")
        self.second = nas.LayerChoice(
            {"normed": lambda: nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8)), "skip": nn.Identity}, label="second"
        )
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(8, 2)

    def forward(self, inputs):
        return self.head(self.dropout(torch.tanh(self.second(torch.tanh(self.first(inputs))))))


class Parity(nas.Trial):
    """Whether the first two of eight numbers have the same sign."""

    epochs = 2
    device = "cpu"
    search_options = SearchOptions(save_every_s=0.0, save_rest_s=0.0)
    fails_from = None
    steps = 0

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.inputs = torch.randn(200, 8, generator=generator)
        self.labels = (self.inputs[:, 0] * self.inputs[:, 1] > 0).long()

    def build(self):
        return Net()

    def train_batches(self):
        for batch in torch.randperm(160).split(16):
            yield self.inputs[batch], self.labels[batch]

    def validation_batches(self):
        yield self.inputs[160:], self.labels[160:]

    def training_step(self, model, batch):
        loss = super().training_step(model, batch)
        self.steps += 1
        if self.fails_from is not None and self.steps >= self.fails_from:
            return loss * float("nan")
        return loss

    def optimizer(self, parameters):
        return torch.optim.SGD(parameters, 0.1, momentum=0.9, weight_decay=1e-3)

    def scheduler(self, optimizer):
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4)


class Watching:
    """Takes reports, and wishes what it is told to wish."""

    def __init__(self):
        self.reports = []
        self.wished = Wish.NOTHING
        self.saves = 0

    def report(self, step, metrics):
        # As the server has it.
        if self.reports and step <= self.reports[-1][0]:
            raise InvalidInputError(f"step {step} does not follow the last reported step, {self.reports[-1][0]}")
        self.reports.append((step, dict(metrics)))

    def wish(self):
        return self.wished

    def saved(self):
        self.saves += 1
        self.wished = Wish.NOTHING


class Lined:
    """A line to a tuner in this process.

    Args:
        tuner_type: The tuner.
        trial: What is searched.
        epochs: Of the schedule.
        on_sample: Called with the number of each sample before its outcome is told.
    """

    def __init__(self, tuner_type, trial, *, epochs=3, warmup=1, on_sample=lambda number: None):
        self.setup = Setup(
            nas.extract(trial.build), (Objective("accuracy"),), seed=1, schedule=Schedule(epochs, warmup_epochs=warmup)
        )
        self.tuner_type = tuner_type
        self.on_sample = on_sample
        self.exchanges = []

    def samples(self):
        self.exchanges.append(Exchanging(LocalExchange(self.tuner_type, self.setup, {}, 5), self.on_sample))
        return self.exchanges[-1]


class Exchanging:
    """An exchange that is watched."""

    def __init__(self, inner, on_sample):
        self.inner = inner
        self.on_sample = on_sample
        self.facts = None
        self.wants = []
        self.told = []

    def begin(self, **facts):
        self.facts = facts
        return self.inner.begin(**facts)

    def exchange(self, outcomes, want):
        for number, outcome in outcomes:
            self.on_sample(number)
            self.told.append((number, outcome))
        self.wants.append(want)
        return self.inner.exchange(outcomes, want)

    def snapshot(self):
        return self.inner.snapshot()

    def derive(self, count):
        self.last = self.inner.snapshot()[0]
        return self.inner.derive(count)

    def close(self):
        self.inner.close()


def lease_of(seed=11, epoch=1, **notes):
    return Lease(0, epoch, 30.0, Proposal(0, task=Task.SEARCH, notes={"role": "search", **notes}), seed=seed, attempt=1)


def searched(trial, line, *, store=None, watching=None, experiment="default", **notes):
    watching = watching or Watching()
    briefing = Briefing(("accuracy",), experiment=experiment)
    return carry_out_search(SearchTrial(trial, lease_of(**notes), line, watching, store, briefing)), watching


def fingerprint(tensors):
    digest = hashlib.sha256()
    for key in sorted(tensors):
        digest.update(key.encode() + bytes(tensors[key].data))
    return digest.hexdigest()


def main(folder, kill_at, tuner_type):
    def on_sample(number):
        if number == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    torch.set_num_threads(1)
    with closing(DirectoryStore(Path(folder))) as store:
        line = Lined(tuner_type, Parity(), on_sample=on_sample)
        attempt, watching = searched(Parity(), line, store=store, score=2)
        found = {
            "begun": line.exchanges[0].facts["next_sample"],
            "weights": fingerprint(store.get(attempt.checkpoint)),
            "tuner": line.exchanges[0].last.decode() if tuner_type is Mixing else "",
            "metrics": attempt.outcome.metrics,
            "derived": [each.architecture.to_json() for each in attempt.outcome.derived],
            "scored": [dict(each.metrics) for each in attempt.outcome.scored],
            "reports": watching.reports,
        }
    sys.stdout.write("\nfound " + json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), {"mixing": Mixing, "drawing": Drawing}[sys.argv[3]])
