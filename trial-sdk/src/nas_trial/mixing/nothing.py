"""``Nothing``: a candidate that gives zeros, such as the ``none`` of DARTS and NAS-Bench-201."""

from __future__ import annotations

from torch import nn


class Nothing(nn.Module):
    """A module that gives zeros in the shape of the other candidates, whatever goes in.

    A mixture leaves it out where there are others: it adds nothing, and the gradient of its weight is zero, without a
    tensor of zeros being made, multiplied or kept, and without a backward pass through what lies before it.
    """
