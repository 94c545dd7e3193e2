"""What a worker gives to a table and takes from it: the bytes of whole tensors, and pieces of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from nascore.weights.live.terms import Rule

Take: TypeAlias = Callable[[int, int, memoryview], None]
"""What is called with each piece that is pulled: index of the tensor, where in its bytes it begins, and the bytes."""


@dataclass(frozen=True, slots=True)
class Share:
    """What is pushed for one tensor.

    Attributes:
        tensor: Its index.
        data: All its bytes, contiguous; they stay as they are until the push has ended.
        rule: For this tensor; ``None`` for the table's.
    """

    tensor: int
    data: memoryview
    rule: Rule | None = None
