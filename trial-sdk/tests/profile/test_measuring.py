import nas_trial as nas
import pytest
import torch
from nas_trial.attempt import carry_out
from nas_trial.briefing import Briefing
from nas_trial.profile import Demands, figures_of, figures_with
from nascore.errors import InvalidInputError, UnsupportedError
from nascore.record import Lease, OutcomeStatus, Proposal
from nascore.space import Architecture
from torch import nn

NARROW, WIDE = Architecture({"width": "2"}), Architecture({"width": "8"})


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nas.Linear(4, nas.ValueChoice([2, 8], label="width"), bias=False)

    def forward(self, x, scale=None):
        return self.layer(x) if scale is None else self.layer(x) * scale


class Rows(nas.Trial):
    device = "cpu"
    epochs = 1
    keeps_weights = False
    trained = 0

    def build(self):
        return Net()

    def train_batches(self):
        self.trained += 1
        return [(torch.randn(6, 4), torch.zeros(6, dtype=torch.long))]

    def validation_batches(self):
        return [(torch.randn(3, 4), torch.zeros(3, dtype=torch.long))]


def figures(trial, architecture=NARROW, *, objectives=(), reported=(), **maxima):
    return figures_of(trial, architecture, demands=Demands(maxima, reported), objectives=objectives)


def test_without_batches_a_limit_of_multiplications_cannot_be_kept():
    class Empty(Rows):
        def validation_batches(self):
            return []

    assert figures(Empty(), params=100) == {"params": 8}
    with pytest.raises(InvalidInputError, match="yielded no batch"):
        figures(Empty(), macs=100)


def test_a_step_that_never_calls_the_network_is_named():
    class Never(Rows):
        def validation_step(self, model, batch):
            return {"accuracy": 0.0}

    with pytest.raises(UnsupportedError, match="does not call the network"):
        figures(Never(), macs=100)


def test_a_step_that_reads_numbers_before_is_named():
    class Reads(Rows):
        def validation_step(self, model, batch):
            return {"accuracy": model(batch[0] * batch[0].sum().item()).sum()}

    with pytest.raises(UnsupportedError, match="fails on one example without data"):
        figures(Reads(), macs=100)


def test_an_objective_that_cannot_be_measured_is_left_to_the_trial(capfd):
    class Never(Rows):
        def validation_step(self, model, batch):
            return {"accuracy": 0.0}

    assert figures(Never(), objectives=("macs", "params")) == {"params": 8}
    assert "macs was not measured" in capfd.readouterr().out


def test_nothing_is_measured_unless_it_is_demanded():
    class Fails(Rows):
        def validation_batches(self):
            raise AssertionError

    assert figures(Fails(), objectives=("accuracy",)) == {}
    assert figures(Fails(), objectives=("params",)) == {"params": 8}


def test_all_figures_are_those_of_one_example():
    found = figures(Rows(), WIDE, reported=("params", "macs", "activation_bytes", "latency_ms"))
    assert found.pop("latency_ms") > 0
    assert found == {"params": 32, "macs": 32, "activation_bytes": 4 * (4 + 8)}


def test_a_network_above_a_limit_is_infeasible_with_value_and_limit():
    assert figures(Rows(), NARROW, params=31) == {"params": 8}
    with pytest.raises(nas.Infeasible, match="params is 32, above the limit of 31"):
        figures(Rows(), WIDE, params=31)


def test_a_limit_may_be_reached():
    assert figures(Rows(), WIDE, params=32, macs=32) == {"params": 32, "macs": 32}


def test_what_costs_more_is_not_measured_once_a_limit_is_broken():
    class Fails(Rows):
        def validation_batches(self):
            raise AssertionError

    with pytest.raises(nas.Infeasible):
        figures(Fails(), WIDE, params=31, macs=31, latency_ms=1)


def test_named_arguments_and_parts_without_examples_reach_the_network():
    class Named(Rows):
        def validation_batches(self):
            return [{"rows": torch.randn(5, 4), "scale": torch.ones(1), "names": ["a"], "part": (1, torch.ones(5, 2))}]

        def validation_step(self, model, batch):
            assert batch["rows"].shape == (1, 4)
            assert batch["part"][1].shape == (1, 2)
            return {"accuracy": model(batch["rows"], scale=batch["scale"]).mean()}

    assert figures(Named(), macs=100) == {"macs": 8}


def carried(trial, *, objectives=(), demands=None, reports=None):
    lease = Lease(0, 1, 60.0, Proposal(0, WIDE), seed=5, attempt=1)
    report = (lambda step, metrics: None) if reports is None else (lambda step, metrics: reports.append(metrics))
    briefing = Briefing(objectives, demands=demands or Demands())
    return carry_out(trial, lease, report=report, store=None, briefing=briefing).outcome


def test_an_infeasible_trial_is_not_trained():
    trial = Rows()
    outcome = carried(trial, demands=Demands({"macs": 31}))
    assert outcome.status is OutcomeStatus.INFEASIBLE
    assert outcome.failure.message == "macs is 32, above the limit of 31."
    assert trial.trained == 0


def test_figures_stand_among_the_metrics_and_in_reports():
    reports = []
    outcome = carried(Rows(), objectives=("loss", "params"), demands=Demands({"macs": 100}), reports=reports)
    assert outcome.metrics.items() >= {"params": 32, "macs": 32}.items()
    assert reports == [outcome.metrics]


def test_a_metric_of_the_trial_itself_stays():
    class Own(Rows):
        def validation_step(self, model, batch):
            return {"loss": model(batch[0]).mean(), "params": 3.0}

    assert carried(Own(), objectives=("params",)).metrics["params"] == 3.0


def test_measuring_changes_nothing_of_what_is_trained():
    plain = carried(Rows()).metrics
    measured = carried(Rows(), demands=Demands({"latency_ms": 1e6}, ("macs",))).metrics
    assert {name: measured[name] for name in plain} == plain


def test_a_session_is_told_what_goes_in():
    demands = Demands({"macs": 31})
    with pytest.raises(nas.Infeasible, match="macs is 32"):
        figures_with(Net, WIDE, example=torch.zeros(1, 4), demands=demands, objectives=())
    with pytest.raises(UnsupportedError, match="not known"):
        figures_with(Net, WIDE, example=None, demands=demands, objectives=())
    assert figures_with(Net, WIDE, example=None, demands=Demands({"params": 32}), objectives=()) == {"params": 32}
