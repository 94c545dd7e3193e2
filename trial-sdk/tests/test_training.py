from collections import namedtuple

import nas_trial as nas
import numpy as np
import pytest
import torch
from nas_trial.metrics import MetricAverage
from nas_trial.training import train
from nascore.errors import InvalidInputError, MetricError
from nascore.record import Budget
from torch import nn

Pair = namedtuple("Pair", "inputs labels")


class Small(nas.Trial):
    epochs = 2
    device = "cpu"

    def train_batches(self):
        return [(torch.randn(4, 3), torch.tensor([0, 1, 0, 1]))] * 5

    validation_batches = train_batches


def trained(trial, model=None):
    reports = []
    result = train(trial, model or nn.Linear(3, 2), report=lambda step, metrics: reports.append((step, dict(metrics))))
    return result, reports


def test_every_epoch_is_validated_and_reported():
    result, reports = trained(Small())
    assert [step for step, _ in reports] == [1, 2]
    assert reports[-1][1] == result.metrics
    assert result.metrics.keys() == {"accuracy", "loss"}
    assert result.batches == 10


@pytest.mark.parametrize(
    ("unit", "amount", "batches", "epochs"),
    [("epochs", 1, 5, 1), ("epochs", 1.2, 10, 2), ("batches", 7, 7, 2), ("batches", 0.1, 1, 1), ("seconds", 0.0, 1, 1)],
)
def test_a_budget_is_kept(unit, amount, batches, epochs):
    trial = Small()
    trial.budget = Budget(unit, amount)
    result, reports = trained(trial)
    assert (result.batches, len(reports)) == (batches, epochs)


def test_metrics_are_weighted_by_the_size_of_the_batch():
    class Uneven(Small):
        def validation_batches(self):
            return [torch.ones(3, 1), {"x": torch.zeros(1, 1)}]

        def validation_step(self, model, batch):
            return {"score": batch.sum() / 3 if isinstance(batch, torch.Tensor) else 5}

    assert trained(Uneven())[0].metrics == {"score": (3 * 1 + 1 * 5) / 4}


def test_a_loss_that_is_not_finite_is_found_at_its_step():
    class Diverging(Small):
        steps = 0

        def training_step(self, model, batch):
            self.steps += 1
            return super().training_step(model, batch) / (self.steps != 8)

    with pytest.raises(nas.NonFiniteError, match="inf at step 8"):
        trained(Diverging())


def test_a_metric_that_is_not_finite_is_named():
    class Odd(Small):
        def validation_step(self, model, batch):
            return {"accuracy": 1.0, "perplexity": float("inf")}

    with pytest.raises(nas.NonFiniteError, match="perplexity is inf"):
        trained(Odd())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "no metric was given"),
        ({"accuracy": torch.zeros(2)}, r"accuracy is a tensor of shape \[2\]"),
        ({"accuracy": None}, "accuracy is a NoneType"),
        ({"": 1.0}, "'' is no name"),
        ({"a\udcff": 1.0}, "is no name"),
        ({"accuracy": "0.9"}, "accuracy is a str"),
        ({"accuracy": torch.tensor(1j)}, r"accuracy is a tensor of shape \[\]"),
    ],
)
def test_what_is_no_metric_is_refused(values, message):
    class Odd(Small):
        def validation_step(self, model, batch):
            return values

    with pytest.raises(MetricError, match=message):
        trained(Odd())


@pytest.mark.parametrize(
    "value", [True, 1, np.float32(1), np.bool_(True), np.array(1), torch.tensor([1]), torch.tensor(True)], ids=repr
)
def test_what_is_one_number_is_a_metric(value):
    class Plain(Small):
        def validation_step(self, model, batch):
            return {"accuracy": value}

    assert trained(Plain())[0].metrics == {"accuracy": 1.0}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.uint8])
def test_narrow_metrics_neither_overflow_nor_lose_what_comes_late(dtype):
    average = MetricAverage()
    for _ in range(1000):
        average.add({"score": torch.tensor(1, dtype=dtype)}, weight=512)
    assert average.result() == {"score": 1.0}


def test_a_metric_that_is_not_finite_is_left_out_if_another_is_the_objective(capsys):
    class Partly(Small):
        def validation_step(self, model, batch):
            return {"accuracy": 1.0, "perplexity": float("inf")}

    result = train(Partly(), nn.Linear(3, 2), report=lambda step, metrics: None, objectives=["accuracy"])
    assert result.metrics == {"accuracy": 1.0}
    assert "perplexity is inf; it is left out" in capsys.readouterr().out
    with pytest.raises(nas.NonFiniteError, match="perplexity is inf"):
        train(Partly(), nn.Linear(3, 2), report=lambda step, metrics: None, objectives=["perplexity"])


def test_training_batches_that_are_used_up_are_an_error_and_no_silence():
    class Once(Small):
        def __init__(self):
            self.batches = iter(Small.train_batches(self))

        def train_batches(self):
            return self.batches

    with pytest.raises(InvalidInputError, match=r"of Once yielded no batch in epoch 2\. Return a fresh iterable"):
        trained(Once())


def test_without_epochs_a_trial_is_validated_alone():
    class Untrained(Small):
        epochs = 0

        def train_batches(self):
            raise AssertionError

        def validation_batches(self):
            return Small.train_batches(self)

    result, reports = trained(Untrained())
    assert (result.batches, reports) == (0, [])
    assert result.metrics.keys() == {"accuracy", "loss"}


def test_no_validation_batch_is_an_error():
    class Empty(Small):
        def validation_batches(self):
            return []

    with pytest.raises(MetricError, match="yielded no batch"):
        trained(Empty())


@pytest.mark.parametrize(("loss", "shown"), [(0.5, "type float"), (torch.zeros(2), r"shape \[2\]")])
def test_a_loss_that_is_none_is_refused(loss, shown):
    class Odd(Small):
        def training_step(self, model, batch):
            return loss

    with pytest.raises(InvalidInputError, match=shown):
        trained(Odd())


def test_images_and_convolutions_lie_channels_last():
    seen = []

    class Images(Small):
        def train_batches(self):
            return [Pair(torch.randn(4, 3, 5, 5), torch.tensor([0, 1, 0, 1]))]

        validation_batches = train_batches

        def training_step(self, model, batch):
            seen.append((type(batch), batch.inputs.is_contiguous(memory_format=torch.channels_last)))
            return super().training_step(model, batch)

    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    trained(Images(), model)
    assert seen == [(Pair, True)] * 2
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_a_schedule_is_stepped_after_each_epoch():
    rates = []

    class Scheduled(Small):
        def optimizer(self, parameters):
            return torch.optim.SGD(parameters, 1.0)

        def scheduler(self, optimizer):
            self.kept = optimizer
            return torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)

        def training_step(self, model, batch):
            rates.append(self.kept.param_groups[0]["lr"])
            return super().training_step(model, batch)

    trained(Scheduled())
    assert rates == [1.0] * 5 + [0.5] * 5
