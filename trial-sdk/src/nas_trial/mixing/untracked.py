"""Computing without a trace: running statistics and other buffers stay as they are.

Not here: generators of random numbers (``nas_trial.oneshot.randomness``), parameters (nothing writes to them).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm


@contextmanager
def untracked(*modules: nn.Module) -> Iterator[None]:
    """Keep all buffers of modules bit by bit, while they compute as they do otherwise.

    Batch norms that train are told not to track; they use the batch's statistics in any case, and nothing has to be
    copied. Every other buffer is copied, and put back.
    """
    with untracked_parts(tuple(dict.fromkeys(part for module in modules for part in module.modules()))):
        yield


@contextmanager
def untracked_parts(parts: Sequence[nn.Module]) -> Iterator[None]:
    """The same for modules by themselves, without what is in them; each is given once."""
    tracking = [part for part in parts if isinstance(part, _BatchNorm) and part.training and part.track_running_stats]
    told = set(tracking)
    others = [part for part in parts if part._buffers and part not in told and _may_write(part)]
    kept = [(part, name, buffer, buffer.clone()) for part in others for name, buffer in _buffers(part)]
    for norm in tracking:
        # Past Module.__setattr__, which takes its time: there are hundreds, and every step comes by here.
        vars(norm)["track_running_stats"] = False
    try:
        yield
    finally:
        for norm in tracking:
            vars(norm)["track_running_stats"] = True
        with torch.no_grad():
            for part, name, buffer, value in kept:
                # A buffer that the gradient still needs must not be written to, not even with what it holds.
                if not torch.equal(buffer, value):
                    buffer.copy_(value)
                part._buffers[name] = buffer


def _may_write(part: nn.Module) -> bool:
    """Whether a module may write to its buffers; what does not train among torch's own norms does not."""
    return not (isinstance(part, (_BatchNorm, _InstanceNorm)) and not part.training)


def _buffers(part: nn.Module) -> Iterator[tuple[str, Tensor]]:
    return ((name, buffer) for name, buffer in part._buffers.items() if buffer is not None)
