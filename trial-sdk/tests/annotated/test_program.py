"""Annotated layers at run time: what is decided is computed, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from nas_trial.annotated import Program, SubGraph, call
from nas_trial.annotated.choices import from_architecture
from nas_trial.annotated.program import TRIAL, Programs
from nascore.errors import InvalidInputError, NotFoundError, StateError
from nascore.space import Candidate, Integer, OneOf, Real, SearchSpace, SomeOf
from torch import nn

SPACE = SearchSpace(
    (
        OneOf("f:out", (Candidate("conv(ch=1)"), Candidate("pool()"))),
        SomeOf("f:out:inputs", (Candidate("a"), Candidate("b")), 0, 2),
        OneOf("main.lr", (Candidate("0.1", 0.1), Candidate("0.01", 0.01))),
        OneOf("main.self.act[0]", (Candidate("relu"), Candidate("tanh"))),
        Integer("main.width", 8, 64, 8),
        Real("main.rate", 0.1, 0.9),
    )
)
CHOSEN = {
    "f:out": "pool()",
    "f:out:inputs": ("a", "b"),
    "main.lr": "0.01",
    "main.self.act%5B0%5D": "tanh",
    "main.width": 16,
    "main.rate": 0.5,
}


def refuse(inputs, **arguments):
    raise AssertionError("was not chosen")


def layer(program: Program, candidates, **fields):
    return program.layer("f:out", candidates, optional_inputs={"a": 1, "b": 2}, optional_input_size=(0, 2), **fields)


@pytest.fixture
def program() -> Program:
    return Program(SPACE, SubGraph())


def test_without_a_trial_the_default_is_computed(program: Program) -> None:
    candidates = {"conv(ch=1)": call(lambda inputs, ch: (inputs, ch), ch=1), "pool()": call(refuse)}
    assert layer(program, candidates, fixed_inputs=["x"]) == ([["x"], []], 1)
    assert program.variable("main.lr", "as written") == "as written"
    assert program.function_choice("main.self.act[0]", {"relu": lambda: "relu", "tanh": refuse}) == "relu"


def test_what_the_trial_chose_is_computed(program: Program) -> None:
    candidates = {"conv(ch=1)": call(refuse, ch=1), "pool()": call(lambda inputs: ("pool", inputs))}
    with TRIAL.deciding(from_architecture(CHOSEN)):
        assert layer(program, candidates, fixed_inputs=["x"]) == ("pool", [["x"], [1, 2]])
        assert program.variable("main.lr", None) == 0.01
        assert program.variable("main.width", None) == 16
        assert program.variable("main.rate", None) == 0.5
        assert program.variable("main.self.act[0]", None, {"relu": 1, "tanh": 2}) == 2
        assert program.function_choice("main.self.act[0]", {"relu": refuse, "tanh": lambda: "tanh"}) == "tanh"
    assert program.variable("main.lr", 3) == 3


def test_inputs_are_aggregated_and_the_result_processed(program: Program) -> None:
    candidates = {"conv(ch=1)": call(refuse), "pool()": call(lambda total: total * 10)}
    total = call(lambda inputs, add: sum(inputs[0]) + sum(inputs[1]) + add, add=100)
    processed = call(lambda results, scale: (results[0] * scale, results[1]), scale=2)
    with TRIAL.deciding(from_architecture(CHOSEN)):
        found = layer(program, candidates, fixed_inputs=[5], input_aggregate=total, post_process=processed)
    assert found == (2160, [1, 2])


def test_what_processes_the_result_gets_the_chosen_inputs_only(program: Program) -> None:
    candidates = {"conv(ch=1)": call(refuse), "pool()": call(lambda inputs: inputs)}
    with TRIAL.deciding(from_architecture(CHOSEN | {"f:out:inputs": ("b",)})):
        assert layer(program, candidates, post_process=call(lambda results: results)) == [[[], [2]], [2]]


def test_code_that_offers_something_else_than_its_space_is_told(program: Program) -> None:
    with pytest.raises(StateError, match=r"'f:out' is 'conv\(ch=1\)'.*offers 'other\(\)'.*compile` again"):
        layer(program, {"other()": call(refuse)})
    with pytest.raises(StateError, match="no decision 'g:out'"):
        program.layer("g:out", {})
    with TRIAL.deciding(from_architecture(CHOSEN | {"f:out:inputs": ("c",)})):
        with pytest.raises(StateError, match="'f:out:inputs' is 'c'"):
            layer(program, {"pool()": call(lambda inputs: inputs)})
    with pytest.raises(StateError, match=r"'main.self.act\[0\]' is 'relu'.*offers 'gelu'"):
        program.function_choice("main.self.act[0]", {"gelu": refuse})


def test_what_cannot_be_called_is_no_operation() -> None:
    with pytest.raises(InvalidInputError, match="3 is named as an operation"):
        call(3)


class Conv(nn.Module):
    made = 0

    def __init__(self, ch):
        super().__init__()
        Conv.made += 1
        self.conv = nn.Conv2d(1, ch, 3)

    def forward(self, inputs):
        return self.conv(inputs[0][0])


class Net(nn.Module):
    def __init__(self, program):
        super().__init__()
        self.program = program
        self.head = nn.Linear(1, 1)

    def forward(self, x):
        candidates = {"conv(ch=1)": call(Conv, ch=1), "pool()": call(refuse)}
        first = layer(self.program, candidates, fixed_inputs=[x], owner=self)
        return first, layer(self.program, candidates, fixed_inputs=[x], owner=self)


def test_a_class_of_modules_is_made_once_for_each_object_and_kept_there(program: Program) -> None:
    Conv.made = 0
    net, other = Net(program).eval(), Net(program)
    first, again = net(torch.ones(1, 1, 5, 5))
    assert torch.equal(first, again)
    assert torch.equal(first, net(torch.ones(1, 1, 5, 5))[0])
    assert not torch.equal(first, other(torch.ones(1, 1, 5, 5))[0])
    assert Conv.made == 2
    assert "out_conv_ch_1.conv.weight" in net.state_dict()
    assert not net.out_conv_ch_1.training
    assert other.out_conv_ch_1.training


def test_a_function_keeps_its_modules_by_layer_and_candidate(program: Program) -> None:
    Conv.made = 0
    for _ in range(3):
        layer(program, {"conv(ch=1)": call(Conv, ch=1)}, fixed_inputs=[torch.ones(1, 1, 5, 5)])
    assert Conv.made == 1


def test_an_object_that_cannot_keep_modules_is_named(program: Program) -> None:
    with pytest.raises(InvalidInputError, match=r"int cannot keep the modules of layer 'f:out'.*in __init__"):
        layer(program, {"conv(ch=1)": call(Conv, ch=1)}, owner=3)


def test_files_that_were_compiled_together_share_one_space(tmp_path: Path) -> None:
    programs = Programs()
    assert programs.space is None
    (tmp_path / "space.json").write_text(SPACE.to_json())
    (tmp_path / "sub").mkdir()
    first, second = programs.open(tmp_path / "space.json"), programs.open(tmp_path / "sub/../space.json")
    assert first.space is second.space is programs.space


def test_programs_with_other_choices_are_one_space_together(tmp_path: Path) -> None:
    programs = Programs()
    other = SearchSpace((Real("g.rate", 0, 1),))
    (tmp_path / "a.json").write_text(SPACE.to_json())
    (tmp_path / "b.json").write_text(other.to_json())
    programs.open(tmp_path / "a.json")
    programs.open(tmp_path / "b.json")
    assert programs.space == SearchSpace((*SPACE.nodes, *other.nodes))


def test_programs_with_the_same_choices_are_refused(tmp_path: Path) -> None:
    programs = Programs()
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(SPACE.to_json())
    programs.open(tmp_path / "a.json")
    with pytest.raises(InvalidInputError, match=r"both have a choice 'f:out'.*Compile them together"):
        programs.open(tmp_path / "b.json")


def test_a_space_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no .*search_space\.json.*Move the compiled folder as a whole"):
        Programs().open(tmp_path / "search_space.json")


def test_nnis_space_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "search_space.json"
    layer = {"layer_choice": ["f()", "g()"], "optional_inputs": ["a"], "optional_input_size": 1}
    file.write_text(json.dumps({"net/mutable_block_3": {"mutable_layer_0": layer}}))
    program = Programs().open(file)
    chosen = from_architecture({"net%2Fmutable_block_3:mutable_layer_0": "g()"})
    with TRIAL.deciding(chosen):
        found = program.layer(
            "net/mutable_block_3:mutable_layer_0",
            {"f()": call(refuse), "g()": call(lambda inputs: inputs)},
            optional_inputs={"a": 7},
            optional_input_size=(1, 1),
        )
    assert found == [[], [7]]
