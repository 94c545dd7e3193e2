"""With how many bits is computed: bfloat16 where it is asked for, and all that tensors have where it matters.

The finite difference of second order moves weights by some 7e-5 of their norm, which is below what TF32 and bfloat16
can tell apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def true_precision(device: torch.device) -> Iterator[None]:
    """No autocast, no TF32, no bfloat16 within products of matrices."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device.type, enabled=False), torch.backends.cudnn.flags(allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def mixed_precision(device: torch.device, *, is_wanted: bool) -> Iterator[None]:
    """Autocast to bfloat16, if it is wanted."""
    if not is_wanted:
        yield
        return
    with torch.autocast(device.type, dtype=torch.bfloat16):
        yield
