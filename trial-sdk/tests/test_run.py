import nas_trial as nas
import pytest
import torch
from nascore.errors import InvalidInputError, SettingsError, SpaceError, UnsupportedError
from nascore.weights import DirectoryStore
from torch import nn


class Tiny(nas.Trial):
    def build(self):
        return nas.LayerChoice({"a": nn.Identity, "b": nn.Identity}, label="op")


def test_a_class_in_place_of_an_object_is_refused_with_the_remedy():
    with pytest.raises(InvalidInputError, match=r"not the class Tiny.*with parentheses"):
        nas.run(Tiny)


def test_an_unknown_task_is_refused(monkeypatch):
    monkeypatch.setenv("NASCORE_TASK", "dance")
    with pytest.raises(SettingsError, match="'dance'; it must be space or export"):
        nas.run(Tiny())


def test_a_task_without_its_file_is_refused(monkeypatch):
    monkeypatch.setenv("NASCORE_TASK", "space")
    with pytest.raises(SettingsError, match="NASCORE_OUTPUT is not"):
        nas.run(Tiny())


@pytest.mark.parametrize("method", ["build", "train_batches", "validation_batches"])
def test_a_method_that_is_missing_is_named_with_an_example(method):
    class Empty(nas.Trial):
        pass

    with pytest.raises(UnsupportedError, match=rf"Empty has no {method}\(\). Write for example: def {method}\(self\)"):
        getattr(Empty(), method)()


def test_batches_of_another_form_are_refused_by_the_default_step():
    with pytest.raises(InvalidInputError, match=r"not a dict. Override training_step"):
        nas.Trial().training_step(nn.Identity(), {"x": 1})


def test_without_a_server_the_default_architecture_is_trained(serve):
    output = serve().work(NASCORE_SERVER="", EPOCHS="2")
    lines = output.splitlines()
    assert lines[0] == "No server: training the default architecture of 24 on cpu."
    assert lines[1] == "  op = good"
    assert lines[2].startswith("epoch 1/2  training loss ")
    assert lines[-1].endswith("after 8 batches")


def identity():
    return nn.Identity()


STORE = DirectoryStore("nowhere")
MISUSES = {
    "layers-in-a-set": (lambda: nas.LayerChoice({nn.Identity}), r"test_run.py:\d+.*Give a dictionary"),
    "no-layers": (lambda: nas.LayerChoice(None, label="op"), r"'op' .*candidates are None.*Give a dictionary"),
    "a-factory-without-argument": (
        lambda: nas.Repeat(identity, (1, 2)),
        r"one number.*lambda i: Block",
    ),
    "a-factory-of-two": (lambda: nas.Repeat(nn.Linear, (1, 2)), r"one number.*lambda i: Block"),
    "three-counts": (lambda: nas.Repeat(lambda i: nn.Identity(), (1, 2, 3)), r"count is \(1, 2, 3\).*\(1, 4\)"),
    "inputs": (lambda: nas.InputChoice(3.0, label="in"), r"inputs is 3.0. Give how many"),
    "chosen": (lambda: nas.InputChoice(3, n_chosen="all"), r"n_chosen is 'all'. Give a number"),
    "a-tensor": (lambda: nas.InputChoice(3, label="in")(torch.zeros(3)), r"'in' has 3 inputs, but a Tensor.*list of 3"),
    "architecture": (lambda: nas.build(Tiny().build, "op=a"), r"a str is given. Give a dictionary"),
    "activate": (lambda: nas.activate(nas.build(Tiny().build, None), None), r"a NoneType is given"),
    "save": (lambda: nas.save_weights(nn.Linear(1, 1), STORE, trial=0), r"Linear .*model.state_dict\(\)"),
    "save-where": (lambda: nas.save_weights({}, "weights", trial=0), r"str .*DirectoryStore\(folder\)"),
    "load-where": (lambda: nas.load_weights("0" * 32, "weights", into=nn.Linear(1, 1)), r"DirectoryStore\(folder\)"),
    "connect": (lambda: nas.connect(3), r"int is given where a callable"),
}


@pytest.mark.parametrize("call", MISUSES.values(), ids=MISUSES)
def test_a_misuse_is_refused_with_what_and_where_and_how(call):
    with pytest.raises((InvalidInputError, SpaceError), match=call[1]):
        call[0]()
