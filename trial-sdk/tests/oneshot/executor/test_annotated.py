"""Annotated functions under the executor: the path of a sample, mixtures, and their gradient."""

import pytest
import torch
from nas_trial.annotated import FullGraph, Program, call
from nas_trial.annotated.declared import DeclaredFactory
from nas_trial.annotated.program import TRIAL
from nas_trial.build import build
from nas_trial.oneshot.executor import Executor
from nascore.record import Task
from nascore.space import Candidate, MixedDecision, Mixture, OneOf, SearchSpace, SomeOf
from torch import nn

SPACE = SearchSpace((
    OneOf("f:y", (Candidate("wide"), Candidate("cube"))),
    SomeOf("f:y:inputs", (Candidate("x"), Candidate("z")), 0, 2),
    OneOf("f:call", (Candidate("plus"), Candidate("minus"))),
))  # fmt: skip
PROGRAM = Program(SPACE, FullGraph())


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = nn.Linear(3, 3)
        self.head = nn.Linear(3, 3)

    def forward(self, x):
        y = PROGRAM.layer(
            "f:y",
            {"wide": call(self.wide), "cube": call(lambda inputs: inputs**3)},
            fixed_inputs=[x],
            optional_inputs={"x": x, "z": x + 1},
            optional_input_size=(0, 2),
            input_aggregate=call(lambda both: sum(both[1], both[0][0])),
        )
        return self.head(PROGRAM.function_choice("f:call", {"plus": lambda: y + 1, "minus": lambda: y - 1}))


@pytest.fixture
def net(kit):
    before = TRIAL.source
    torch.manual_seed(0)
    supernet = build(DeclaredFactory(Net, SPACE), None).double()
    trial = kit.Fitting(Net, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01})
    yield supernet, Executor(trial, supernet)
    TRIAL.source = before


def mixture(*, wide, graded=True):
    graded_of = (0, 1) if graded else ()
    return Mixture(
        (
            MixedDecision("f:y", (wide, 0.4), graded=graded_of),
            MixedDecision("f:y:inputs", (0.5, 0.25), graded=graded_of),
            MixedDecision("f:call", (0.9, 0.1), graded=graded_of),
        )
    )


def test_functions_off_the_path_are_neither_computed_nor_moved(kit, net, batches):
    supernet, executor = net
    executor.train(kit.sample({"f:y": "wide", "f:y:inputs": ("x",), "f:call": "plus"}), batches(1, shape=(3,)))
    before = [each.clone() for each in supernet.wide.parameters()]
    executor.train(kit.sample({"f:y": "cube", "f:y:inputs": (), "f:call": "minus"}), batches(1, shape=(3,)))
    assert all(each.grad is None for each in supernet.wide.parameters())
    assert all(map(torch.equal, supernet.wide.parameters(), before))


def test_gradient_of_functions_is_the_derivative_of_the_loss(kit, net, batches):
    _, executor = net
    given = batches(1, shape=(3,))
    outcome = executor.gradient(kit.sample(mixture(wide=0.6), Task.GRADIENT), given)
    found = {each.path: each.weights for each in outcome.gradient}
    assert all(map(any, found.values()))

    def loss(wide):
        return executor.gradient(kit.sample(mixture(wide=wide, graded=False), Task.GRADIENT), given).metrics["loss"]

    assert found["f:y"][0] == pytest.approx((loss(0.6 + 1e-5) - loss(0.6 - 1e-5)) / 2e-5, rel=1e-6)
