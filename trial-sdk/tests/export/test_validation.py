"""The trial's validation in the generated file."""

from __future__ import annotations

import logging
from pathlib import Path

import nas_trial as nas
import pytest
import torch
from nas_trial.export import export_source, standalone
from nas_trial.training import train
from torch import nn

SIZES = (3, 5)


def batches(sizes):
    generator = torch.Generator().manual_seed(1)
    for size in sizes:
        yield {"x": torch.rand(size, 4, generator=generator), "y": torch.arange(size) % 2}


class Literal(nas.Trial):
    """Keeps only what can be written down; its last batches are of different sizes."""

    epochs = 1

    def __init__(self, sizes=SIZES) -> None:
        self.sizes = tuple(sizes)

    def build(self):
        return nn.Linear(4, 2)

    def train_batches(self):
        return batches(self.sizes)

    def validation_batches(self):
        return batches(self.sizes)

    def training_step(self, model, batch):
        return model(batch["x"]).square().mean()

    def validation_step(self, model, batch):
        return {"share": self.share(model(batch["x"]), batch["y"]), "device": float(self.device == "cpu")}

    def share(self, output, labels):
        # How many are right.
        return (output.argmax(1) == labels).float().mean()


class Loaded(Literal):
    """Holds data that cannot be written down, loaded by an __init__ without required arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.data = list(batches((2, 2)))

    def validation_batches(self):
        return self.data


class NeedsArgument(Loaded):
    """Cannot be made again by the generated file."""

    def __init__(self, where) -> None:
        super().__init__()


class WithoutSteps(nas.Trial):
    """Relies on the SDK's own validation step."""

    def build(self):
        return nn.Linear(4, 2)

    def validation_batches(self):
        yield torch.ones(2, 4), torch.tensor([0, 1])


def module_of(text: str, folder: Path):
    file = folder / f"generated_{len(list(folder.iterdir()))}_{folder.name}.py"
    file.write_text(text, encoding="utf-8")
    return standalone.module_of(file, name=file.stem)


@pytest.mark.parametrize("trial", [Literal(), Literal((4, 1, 1)), Loaded()], ids=["literal", "sizes", "loaded"])
def test_the_generated_file_computes_the_metrics_of_the_sdk(trial: nas.Trial, tmp_path: Path) -> None:
    model = nas.build(trial.build, {})
    expected = train(trial, model, report=lambda step, metrics: None).metrics
    module = module_of(export_source(trial, {}), tmp_path)
    generated = module.Net()
    generated.load_state_dict(model.state_dict(), strict=True)
    assert module.validate(generated) == pytest.approx(expected, abs=1e-7)


def test_only_what_validation_uses_of_the_trial_is_copied() -> None:
    text = export_source(Literal(), {})
    assert "self.sizes = (3, 5)" in text
    assert "# How many are right." in text
    assert "train_batches" not in text
    assert "SIZES" not in text


def test_an_init_with_data_is_copied_with_what_it_inherits() -> None:
    text = export_source(Loaded(), {})
    assert "self.data = list(batches((2, 2)))" in text
    assert "self._Literal___init__()" in text


def test_the_sdks_own_step_is_written_out(tmp_path: Path) -> None:
    module = module_of(export_source(WithoutSteps(), {}), tmp_path)
    assert module.validate(module.Net()).keys() == {"accuracy", "loss"}


def test_a_validation_that_cannot_be_copied_is_left_out_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        text = export_source(NeedsArgument("here"), {})
    assert "class Validation" not in text
    assert "validation is not included: test_validation.py:" in text
    assert "__init__ of NeedsArgument needs 'where'" in caplog.text


def test_a_factory_has_no_validation() -> None:
    text = export_source(Literal().build, {}, metrics={"share": 0.5})
    assert "validate" not in text
    assert "def load(" in text
