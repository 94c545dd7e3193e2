"""``Trial``: five methods say what is trained on what; the SDK does the rest.

Not here: the loop (``nas_trial.training``), processes, the server. For a loop of your own see ``nas.connect``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import torch
from nascore.errors import InvalidInputError, UnsupportedError
from nascore.record import Budget
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from nas_trial.metrics import MetricValue

if TYPE_CHECKING:
    from nas_trial.oneshot.options import SearchOptions


class Trial:
    """What is searched, and how one architecture is trained and judged; subclass it and call ``nas.run``.

    The process may be forked after the object is made, so ``__init__`` may load data but must not touch CUDA; a fresh
    copy of the object serves each trial unless trials share a process.

    Attributes:
        epochs: Passes over the training batches, unless the tuner sets a budget; 0 only validates.
        channels_last: Whether images lie channels last in memory, which is faster for most convolutional networks;
            ``None`` chooses it for networks with 2-d convolutions.
        keeps_weights: Whether the trained weights are stored beside the experiment; a number keeps those of as many of
            the newest trials and of the best, and lets the others go.
        budget: What the tuner allows this trial, for budgets in units of your own; ``None`` for no limit.
        search_options: How a one-shot search runs; ``None`` for the defaults.
        reports_on_test: Set by the SDK for trials of a one-shot experiment: their validation data are split, and the
            metrics of the untouched part are reported beside the others, as ``test accuracy``.
    """

    epochs: int = 10
    channels_last: bool | None = None
    keeps_weights: bool | int = True
    budget: Budget | None = None
    search_options: SearchOptions | None = None
    reports_on_test: bool = False

    _EXAMPLES: ClassVar[Mapping[str, str]] = {
        "build": "def build(self): return Net()",
        "train_batches": "def train_batches(self): return DataLoader(self.train, batch_size=128, shuffle=True)",
        "validation_batches": "def validation_batches(self): return DataLoader(self.validation, batch_size=512)",
        "search_batches": "def search_batches(self): return DataLoader(self.search, batch_size=128, shuffle=True)",
        "test_batches": "def test_batches(self): return DataLoader(self.test, batch_size=512)",
    }

    @property
    def device(self) -> str:
        """Where it is trained: ``cuda`` if there is a GPU, otherwise ``cpu``; override it with a class attribute."""
        return "cuda" if torch.cuda.is_available() else "cpu"

    def build(self) -> nn.Module:
        """Return the network with its choices; leave it on the CPU, the SDK moves it."""
        raise self._missing("build")

    def train_batches(self) -> Iterable[object]:
        """Return the batches of one epoch; tensors in them are moved to the device."""
        raise self._missing("train_batches")

    def validation_batches(self) -> Iterable[object]:
        """Return the batches that the network is judged on."""
        raise self._missing("validation_batches")

    def search_batches(self) -> Iterable[object]:
        """Return the batches by which a one-shot search learns about architectures: none of ``train_batches``.

        Only if you override it: otherwise ``train_batches`` is split in two halves.
        """
        raise self._missing("search_batches")

    def test_batches(self) -> Iterable[object]:
        """Return the batches on which a one-shot experiment reports: none that anything was trained or chosen by.

        Only if you override it: otherwise ``validation_batches`` is split in two halves there.
        """
        raise self._missing("test_batches")

    def training_step(self, model: nn.Module, batch: object) -> Tensor:
        """Return the loss of a batch, a scalar; by default the cross-entropy of ``(inputs, labels)``."""
        inputs, labels = _pair(batch, "training_step")
        loss: Tensor = functional.cross_entropy(model(inputs), labels)
        return loss

    def validation_step(self, model: nn.Module, batch: object) -> Mapping[str, MetricValue]:
        """Return the metrics of a batch; by default accuracy and cross-entropy (``loss``) of ``(inputs, labels)``."""
        inputs, labels = _pair(batch, "validation_step")
        logits = model(inputs)  # (batch, classes)
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        return {"accuracy": accuracy, "loss": functional.cross_entropy(logits, labels)}

    def optimizer(self, parameters: Iterator[nn.Parameter]) -> Optimizer:
        """Return the optimizer of the network's parameters; by default Adam with learning rate 0.001."""
        return torch.optim.Adam(parameters, lr=1e-3)

    def scheduler(self, optimizer: Optimizer) -> LRScheduler | None:
        """Return a learning-rate schedule that is stepped after each epoch; by default there is none."""
        return None

    def _missing(self, method: str) -> UnsupportedError:
        name = type(self).__name__
        return UnsupportedError(f"{name} has no {method}().", hint=f"Write for example: {self._EXAMPLES[method]}")


def _pair(batch: object, method: str) -> tuple[Tensor, Tensor]:
    match batch:
        case (Tensor() as inputs, Tensor() as labels):
            return inputs, labels
        case _:
            raise InvalidInputError(
                f"The default {method} takes batches (inputs, labels) of two tensors, not a {type(batch).__name__}.",
                hint=f"Override {method}(self, model, batch).",
            )


def check_trial(trial: object, call: str) -> None:
    """Refuse what is no trial.

    Raises:
        InvalidInputError: It is a class, or an object of another kind; ``call`` is named.
    """
    if isinstance(trial, Trial):
        return
    name = trial.__name__ if isinstance(trial, type) else "Digits"
    shown = f"the class {name}" if isinstance(trial, type) else f"a {type(trial).__name__}"
    raise InvalidInputError(
        f"{call} takes an object of a subclass of nas.Trial, not {shown}.",
        hint=f"Write {call}({name}()) with parentheses, or use nas.connect() for a loop of your own.",
    )
