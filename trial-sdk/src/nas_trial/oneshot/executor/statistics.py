"""What batch norms use while a network is judged: statistics of the batch, running ones, or running ones of its own.

A supernet's running averages mix all paths, so they fit none (Dong, Yang, NAS-Bench-201, ICLR 2020, section 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from nas_trial.mixing import untracked


@contextmanager
def batch_statistics(model: nn.Module) -> Iterator[None]:
    """The model judges, but batch norms normalize by the batch, and keep their averages."""
    model.eval()
    for norm in _norms(model):
        norm.train()
    with untracked(model):
        yield


@contextmanager
def running_statistics(model: nn.Module, *, estimate: Callable[[], None] | None) -> Iterator[None]:
    """The model judges with running averages.

    Args:
        model: The model.
        estimate: Computes batches by which the averages are estimated first; they are put back afterwards. ``None``
            takes them as they are.
    """
    norms = [norm for norm in _norms(model) if norm.track_running_stats] if estimate is not None else []
    kept = [(norm, norm.momentum, [buffer.clone() for buffer in norm.buffers(recurse=False)]) for norm in norms]
    try:
        if estimate is not None:
            _estimate(model, norms, estimate)
        model.eval()
        yield
    finally:
        with torch.no_grad():
            for norm, momentum, buffers in kept:
                norm.momentum = momentum
                for buffer, value in zip(norm.buffers(recurse=False), buffers, strict=True):
                    buffer.copy_(value)


def _estimate(model: nn.Module, norms: list[_BatchNorm], estimate: Callable[[], None]) -> None:
    model.eval()
    for norm in norms:
        norm.train()
        norm.reset_running_stats()
        norm.momentum = None  # the plain average of all batches
    estimate()


def _norms(model: nn.Module) -> Iterator[_BatchNorm]:
    return (part for part in model.modules() if isinstance(part, _BatchNorm))
