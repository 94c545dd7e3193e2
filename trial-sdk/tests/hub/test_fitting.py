"""A space of the hub in the place of a trial's own model: it fits the trial's data, and nothing else changes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import nas_trial as nas
import pytest
import torch
from nas_trial.hub import HubSpace, Known, Option, catalogue
from nas_trial.hub.fitting import Fit, measured, use, with_space
from nascore.errors import InvalidInputError, SettingsError
from torch import Tensor, nn


def make(*, classes: int, channels: int, **options: Option) -> nn.Module:
    width = int(options.get("width", 4))
    op = nas.LayerChoice(
        {"a": lambda: nn.Conv2d(channels, width, 1), "b": lambda: nn.Conv2d(channels, width, 3)}, label="op"
    )
    return nn.Sequential(op, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


TINY = HubSpace(
    name="tiny",
    title="Two convolutions",
    source="Nobody, 2020",
    input_shape=(3, 8, 8),
    classes=10,
    make=make,
    options={"width": 4},
    known={"first": Known({"op": "b"}, "table 1", options={"width": 6})},
)


@pytest.fixture(autouse=True)
def _with_tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("nas_trial.hub.tiny")
    module.SPACE = TINY  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nas_trial.hub.tiny", module)
    monkeypatch.setattr(catalogue, "MODULES", {"tiny": "tiny"})


class Grey(nas.Trial):
    """Images of 2 channels, 5 classes; its own network has another space."""

    device = "cpu"
    epochs = 1
    shape = (6, 2, 8, 8)

    def build(self) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nas.Linear(128, nas.ValueChoice([5], label="own")))

    def train_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        yield torch.zeros(self.shape), torch.arange(6) % 5

    validation_batches = train_batches


def test_an_unknown_space_is_refused_before_any_data_are_read() -> None:
    class Unread(Grey):
        def train_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
            raise AssertionError

    with pytest.raises(catalogue.UnknownSpaceError, match=r"'tinny'\. Did you mean 'tiny'"):
        with_space(Unread(), {"NASCORE_SPACE": "hub:tinny"})
    with pytest.raises(SettingsError, match="no option"):
        with_space(Unread(), {"NASCORE_SPACE": "hub:tiny?depth=1"})


def test_a_trial_of_no_images_is_told_what_the_hub_takes() -> None:
    class Flat(Grey):
        shape = (6, 128)

        def build(self) -> nn.Module:
            return nn.Linear(128, 5)

    with pytest.raises(InvalidInputError, match=r"No space of the hub fits the data of Flat: .*shape \[6, 128\]"):
        measured(Flat())


def test_a_trial_that_gives_no_logits_is_told_what_the_hub_gives() -> None:
    class Dense(Grey):
        def build(self) -> nn.Module:
            return nn.Conv2d(2, 3, 1)

        def training_step(self, model: nn.Module, batch: object) -> Tensor:
            assert isinstance(batch, tuple)
            return model(batch[0]).sum()

    with pytest.raises(InvalidInputError, match=r"gives a tensor of shape \[6, 3, 8, 8\]"):
        measured(Dense())


def test_a_trial_without_batches_is_told() -> None:
    class Empty(Grey):
        def train_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
            yield from ()

    with pytest.raises(InvalidInputError, match="yields no batch"):
        measured(Empty())


def test_channels_and_classes_are_those_of_the_data() -> None:
    assert measured(Grey()) == Fit(channels=2, classes=5)


@pytest.fixture
def three_threads() -> Iterator[None]:
    """As many as no default has."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_measuring_leaves_torchs_generator_and_threads_as_they_were() -> None:
    before = torch.get_rng_state()
    measured(Grey())
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == 3


def test_without_a_word_in_the_environment_the_trial_is_as_it_was() -> None:
    trial = Grey()
    assert with_space(trial, {}) is trial
    assert [info.path for info in nas.extract(trial.build).decisions] == ["own"]


def test_the_space_takes_the_place_of_the_trials_own_and_fits() -> None:
    trial = with_space(Grey(), {"NASCORE_SPACE": "hub:tiny?width=7"})
    space = nas.extract(trial.build)
    assert [info.path for info in space.decisions] == ["op"]
    network = nas.build(trial.build, {"op": "b"})
    assert network(torch.zeros(1, 2, 8, 8)).shape == (1, 5)
    assert network[3].in_features == 7  # type: ignore[index]
    assert Grey().build()[1].out_features == 5  # type: ignore[index]


def test_what_the_reference_says_goes_before_the_data() -> None:
    trial = Grey()
    use(trial, nas.hub.parse("hub:tiny?classes=3&channels=1"))
    assert nas.build(trial.build, {"op": "a"})(torch.zeros(1, 1, 8, 8)).shape == (1, 3)


def test_a_trial_trains_a_space_of_the_hub(tmp_path: Path) -> None:
    trial = with_space(Grey(), {"NASCORE_SPACE": "hub:tiny"})
    result = nas.search(trial, tuner="random", trials=2, seed=1, home=tmp_path)
    assert [dict(each.proposal.architecture or {}).keys() for each in result.trials] == [{"op"}, {"op"}]


def test_members_are_built_with_the_options_they_were_published_with() -> None:
    assert dict(nas.hub.architecture("tiny", "first")) == {"op": "b"}
    network = nas.hub.load("tiny", "first", classes=2)
    assert network[3].weight.shape == (2, 6)  # type: ignore[index]
    assert nas.hub.load("tiny", "first", width=9)[3].in_features == 9  # type: ignore[index]
    with pytest.raises(nas.hub.UnknownSpaceError, match=r"no member 'frist'\. Did you mean 'first'"):
        nas.hub.load("tiny", "frist")


def test_a_model_is_made_with_the_published_shape_unless_told() -> None:
    assert nas.build(nas.hub.model("tiny"), {"op": "a"})(torch.zeros(1, 3, 8, 8)).shape == (1, 10)
    assert nas.build(nas.hub.model("tiny", classes=2, channels=1), {"op": "a"})(torch.zeros(1, 1, 8, 8)).shape == (1, 2)
