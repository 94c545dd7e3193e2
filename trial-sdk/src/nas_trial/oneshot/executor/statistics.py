"""Running statistics by which a network is judged: those of training, or some that are estimated for it alone.

A supernet's running averages mix all paths, so they fit none (Dong, Yang, NAS-Bench-201, ICLR 2020, section 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from nas_trial.oneshot.executor.members import Members


@contextmanager
def running_statistics(members: Members, *, estimate: Callable[[], None] | None) -> Iterator[None]:
    """The supernet judges with running averages.

    Args:
        members: What it consists of.
        estimate: Computes batches by which the averages are estimated first; they are put back afterwards. ``None``
            takes them as they are.
    """
    norms = [norm for norm in members.norms if norm.track_running_stats] if estimate is not None else []
    kept = [(norm, norm.momentum, [buffer.clone() for buffer in norm.buffers(recurse=False)]) for norm in norms]
    try:
        if estimate is not None:
            _estimate(members, norms, estimate)
        members.judge(norms_train=False)
        yield
    finally:
        with torch.no_grad():
            for norm, momentum, buffers in kept:
                norm.momentum = momentum
                for buffer, value in zip(norm.buffers(recurse=False), buffers, strict=True):
                    buffer.copy_(value)


def _estimate(members: Members, norms: list[_BatchNorm], estimate: Callable[[], None]) -> None:
    members.judge(norms_train=False)
    for norm in norms:
        norm.train()
        norm.reset_running_stats()
        norm.momentum = None  # the plain average of all batches
    estimate()
