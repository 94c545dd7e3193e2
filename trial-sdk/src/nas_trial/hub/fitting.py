"""A space of the hub in the place of a trial's own model: with the channels and classes of the trial's data.

The trial's default network is shown the first training batch, as training would show it: what goes in says how many
channels there are, what comes out how many classes. Nothing of the trial's own file changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from nascore.errors import InvalidInputError
from torch import Tensor, nn

from nas_trial.build import build
from nas_trial.extract import extract
from nas_trial.hub.members import model
from nas_trial.hub.reference import Reference, parse
from nas_trial.trial import Trial

VARIABLE = "NASCORE_SPACE"
"""The variable of the environment that names a space of the hub; workers, exports and extraction all obey it."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What a model must fit.

    Attributes:
        channels: Channels of an image.
        classes: Number of classes.
    """

    channels: int
    classes: int


def with_space(trial: Trial, environ: Mapping[str, str]) -> Trial:
    """The trial, whose ``build`` makes the space that the environment names, if it names one.

    Raises:
        SettingsError: The text names no space, or an option that its model does not have.
        UnknownSpaceError: There is no such space; says what it may have been.
        InvalidInputError: The trial is not one of classifying images, which is what the hub is for.
    """
    text = environ.get(VARIABLE, "")
    if text:
        use(trial, parse(text))
    return trial


def use(trial: Trial, reference: Reference) -> None:
    """Puts a space of the hub in the place of a trial's own model.

    Raises:
        InvalidInputError: The trial is not one of classifying images.
    """
    reference.space  # noqa: B018  # an unknown name is said before any data are read
    if reference.classes is None or reference.channels is None:
        fit = measured(trial)
        channels, classes = reference.channels or fit.channels, reference.classes or fit.classes
    else:
        channels, classes = reference.channels, reference.classes
    factory = model(reference.name, classes=classes, channels=channels, **reference.options)
    trial.build = factory  # type: ignore[method-assign]  # the whole point


def measured(trial: Trial) -> Fit:
    """What the trial's default network takes and gives for the first training batch.

    It is computed on the CPU and on one thread, for a worker forks later on, and a fork loses threads. Random numbers
    of torch are drawn afterwards as if it had not been.

    Raises:
        InvalidInputError: The batches are no images, or the network gives no logits.
    """
    with torch.random.fork_rng(devices=[]), _one_thread():
        network = build(trial.build, extract(trial.build).default())
        batch = next(iter(trial.train_batches()), None)
        if batch is None:
            raise _unfit(trial, "train_batches() yields no batch", "Return a fresh iterable each time.")
        with _Watch(network) as watch, torch.no_grad():
            trial.training_step(network.train(), batch)
    return watch.fit(trial)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(slots=True)
class _Watch:
    """Sees the first call of a network: the shapes of what goes in and of what comes out."""

    network: nn.Module
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    _handles: list[torch.utils.hooks.RemovableHandle] = field(default_factory=list)

    def __enter__(self) -> _Watch:
        self._handles.append(self.network.register_forward_hook(self._note))
        return self

    def __exit__(self, *_error: object) -> None:
        for handle in self._handles:
            handle.remove()

    def fit(self, trial: Trial) -> Fit:
        if len(self.inputs) != 4:
            found = f"the network is given a tensor of shape {list(self.inputs)}" if self.inputs else "it is given none"
            raise _unfit(trial, found, "The spaces of the hub take images, of shape (batch, channels, height, width).")
        if len(self.outputs) != 2:
            found = f"the network gives a tensor of shape {list(self.outputs)}" if self.outputs else "it gives none"
            raise _unfit(trial, found, "The spaces of the hub give logits, of shape (batch, classes).")
        return Fit(self.inputs[1], self.outputs[1])

    def _note(self, _module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        if not self.inputs and inputs and isinstance(inputs[0], Tensor):
            self.inputs = tuple(inputs[0].shape)
            self.outputs = tuple(output.shape) if isinstance(output, Tensor) else ()


def _unfit(trial: Trial, found: str, hint: str) -> InvalidInputError:
    name = type(trial).__name__
    return InvalidInputError(f"No space of the hub fits the data of {name}: {found}.", hint=hint)
