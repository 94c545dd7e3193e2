import nas_trial as nas
import pytest
from nascore.errors import InvalidInputError, SettingsError, UnsupportedError
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
    assert lines[0] == "No server: training the default architecture of 13 on cpu."
    assert lines[1] == "  op = good"
    assert lines[2].startswith("epoch 1/2  training loss ")
    assert lines[-1].endswith("after 8 batches")
