"""A judged search is a worker's search, and what is called the answer is the answer."""

import nas_trial as nas
import pytest
import torch
from nas_trial.judging import NoiseTrap, PlantedTrial, judge_trial
from nascore.errors import StateError
from nascore.record import Derived, Proposal, Task
from nascore.tuner import Mode, NoProposal, Schedule, Tuner


class Trains(Tuner):
    """Trains the first candidates for its schedule, and derives what it was told to."""

    name = "trains"
    modes = frozenset({Mode.ONE_SHOT})
    derives = None
    steps = 0

    def ask(self, number, seed):
        if self.steps >= self.setup.schedule.epochs * self.setup.batches_per_epoch:
            return NoProposal.EXHAUSTED
        self.steps += 1
        return Proposal(number, self.space.default(), task=Task.TRAIN)

    def tell(self, proposal, outcome):
        pass

    def derive(self, count):
        return (Derived(self.space.architecture({**self.space.default(), **self.derives})),)


def deriving(**decisions):
    return type("Deriving", (Trains,), {"derives": decisions})


def loss(trial, architecture):
    model = nas.build(trial.build, architecture)
    (batch,) = trial.validation_batches()
    with torch.no_grad():
        return float(trial.validation_step(model, batch)["loss"])


def test_a_verdict_counts_decisions_that_differ_from_the_answer():
    trial = PlantedTrial(1, layers=3, maps=3)
    verdict = judge_trial(deriving(**trial.answer), trial, schedule=Schedule(1))
    assert (verdict.distance, verdict.is_exact, verdict.samples) == (0, True, 20)
    assert verdict.metrics["accuracy"] > 0.99
    other = next(f"map{k}" for k in range(3) if trial.answer["layer1"] != f"map{k}")
    verdict = judge_trial(deriving(**{**trial.answer, "layer1": other}), trial, schedule=Schedule(1))
    assert (verdict.distance, verdict.is_exact) == (1, False)


def test_a_search_that_fails_says_why():
    class Broken(PlantedTrial):
        def training_step(self, model, batch):
            raise ArithmeticError("no loss today")

    with pytest.raises(StateError, match=r"planted path in torch.*no loss today"):
        judge_trial(deriving(), Broken(layers=2, maps=2), schedule=Schedule(1))


def test_the_planted_path_is_the_only_one_without_loss():
    trial = PlantedTrial(2, layers=2, maps=3)
    space = nas.extract(trial.build)
    found = {architecture: loss(trial, architecture) for architecture in space.enumerate()}
    assert found.pop(trial.answer) < 1e-10
    assert min(found.values()) > 1e-3


def test_noise_carries_nothing_of_the_image():
    trial = NoiseTrap(depth=2, width=4)
    torch.manual_seed(0)
    noisy = nas.build(trial.build, {**trial.answer, "layer1": "noise"})
    images, _ = next(iter(trial.validation_batches()))
    outputs = []
    for other in (images[:4], torch.zeros(4, 1, 8, 8)):
        torch.manual_seed(1)
        outputs.append(noisy.eval()(other))
    assert torch.equal(*outputs)
    clean = nas.build(trial.build, trial.answer).eval()
    assert not torch.equal(clean(images[:4]), clean(torch.zeros(4, 1, 8, 8)))


def test_training_and_validation_share_no_image():
    trial = NoiseTrap(depth=1)
    training = torch.cat([images for images, _ in trial.train_batches()])
    (validation, labels), *_ = trial.validation_batches()
    assert len(training) + len(validation) == 1797
    assert sorted(set(labels.tolist())) == list(range(10))
