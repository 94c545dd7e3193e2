"""Where a network and its batches lie: on which device, and in which memory format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn

from nas_trial.trial import Trial


class Placement:
    """Puts a network where its trial wants it, and its batches beside it.

    Args:
        trial: Says on which device, and whether images lie channels last.
        model: The network; it is moved in place.
    """

    def __init__(self, trial: Trial, model: nn.Module) -> None:
        self.device = torch.device(trial.device)
        has_images = any(isinstance(module, nn.Conv2d) for module in model.modules())
        self.is_channels_last = has_images if trial.channels_last is None else trial.channels_last
        if self.is_channels_last:
            model.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        else:
            model.to(self.device)

    def batches(self, batches: Iterable[object]) -> Iterator[object]:
        """Yield batches with their tensors moved."""
        return map(self.moved, batches)

    def moved(self, part: object) -> object:
        """Return a batch, or a part of one, with its tensors moved."""
        if isinstance(part, Tensor):
            layout = torch.channels_last if self.is_channels_last and part.dim() == 4 else torch.preserve_format
            return part.to(self.device, non_blocking=True, memory_format=layout)
        if isinstance(part, Mapping):
            return {name: self.moved(value) for name, value in part.items()}
        if isinstance(part, tuple | list):
            moved = [self.moved(value) for value in part]
            if isinstance(part, list):
                return moved
            # A named tuple stays one.
            return getattr(part, "_make", tuple)(moved)
        return part
