"""Annotated code in a one-shot search: what is decided for it changes with every sample, or is a mixture."""

import pytest
import torch
from nas_trial.annotated import FullGraph, Program, call
from nas_trial.annotated.declared import DeclaredFactory
from nas_trial.annotated.program import TRIAL
from nas_trial.build import build
from nas_trial.mixing import UnmixableError
from nas_trial.oneshot.executor.samples import Samples
from nascore.record import Proposal, Task
from nascore.space import Architecture, Candidate, MixedDecision, Mixture, OneOf, SearchSpace, SomeOf
from torch import nn

SPACE = SearchSpace((
    OneOf("f:y", (Candidate("double"), Candidate("cube"))),
    SomeOf("f:y:inputs", (Candidate("x"), Candidate("z")), 0, 2),
    OneOf("f:call", (Candidate("plus"), Candidate("minus"))),
    OneOf("f:rate", (Candidate("0.1", 0.1), Candidate("0.2", 0.2))),
))  # fmt: skip
PROGRAM = Program(SPACE, FullGraph())


class Net(nn.Module):
    reads_rate = False

    def forward(self, x):
        y = PROGRAM.layer(
            "f:y",
            {"double": call(lambda inputs: 2 * inputs), "cube": call(lambda inputs: inputs**3)},
            fixed_inputs=[x],
            optional_inputs={"x": x, "z": x + 1},
            optional_input_size=(0, 2),
            input_aggregate=call(lambda both: sum(both[1], both[0][0])),
        )
        if self.reads_rate:
            PROGRAM.variable("f:rate", 0.1)
        return PROGRAM.function_choice("f:call", {"plus": lambda: y + 1, "minus": lambda: y - 1})


@pytest.fixture
def net():
    before = TRIAL.source
    supernet = build(DeclaredFactory(Net, SPACE), None)
    yield supernet
    TRIAL.source = before


def output(net, x, what):
    proposal = Proposal(0, what, task=Task.TRAIN) if isinstance(what, Architecture) else Proposal(0, mixture=what)
    with Samples(net, shares=True, path_dropout=0.0).applied(proposal, device=torch.device("cpu")):
        return net(x)


def test_supernet_computes_the_path_of_each_sample(net):
    x = torch.tensor([2.0])
    first = Architecture({"f:y": "cube", "f:y:inputs": ("z",), "f:call": "plus", "f:rate": "0.1"})
    second = Architecture({"f:y": "double", "f:y:inputs": (), "f:call": "minus", "f:rate": "0.1"})
    assert output(net, x, first).item() == (2 + 3) ** 3 + 1
    assert output(net, x, second).item() == 2 * 2 - 1


def test_mixture_adds_up_candidates_and_weighs_inputs(net):
    x = torch.tensor([2.0])
    mixture = Mixture(
        (
            MixedDecision("f:y", (0.25, 0.75), graded=(0, 1)),
            MixedDecision("f:y:inputs", (0.5, 0.5), graded=(0, 1)),
            MixedDecision("f:call", (0.9, 0.1)),
        ),
        {"f:rate": "0.2"},
    )
    inner = 2 + 0.5 * 2 + 0.5 * 3
    assert output(net, x, mixture).item() == pytest.approx(0.25 * 2 * inner + 0.75 * inner**3 + 0.8)


def test_variable_in_a_mixture_is_refused_by_name(net):
    net.reads_rate = True
    fixed = {"f:y": "cube", "f:y:inputs": (), "f:call": "plus"}
    with pytest.raises(UnmixableError, match="'f:rate' cannot be mixed"):
        output(net, torch.ones(1), Mixture((MixedDecision("f:rate", (0.5, 0.5)),), fixed))
