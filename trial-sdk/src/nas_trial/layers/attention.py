"""Multi-head attention whose widths and number of heads may be values (as in Chen et al., AutoFormer, 2021).

Queries, keys and values are cut each for itself, also where torch keeps them in one tensor; heads share the width that
is decided.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import ClassVar

from nascore.errors import SpaceError
from torch import nn

from nas_trial.combinations import combinations, described_combination
from nas_trial.layers.elastic import check_divides
from nas_trial.layers.pattern import Blocks, Patterned
from nas_trial.layers.sizes import Argument
from nas_trial.place import caller
from nas_trial.value_functions import is_same_value
from nas_trial.values import Value, operation


class MultiheadAttention(Patterned, nn.MultiheadAttention):
    """``torch.nn.MultiheadAttention`` whose widths, ``num_heads`` and ``dropout`` may be values; shapes as in torch.

    The widths are ``embed_dim``, ``kdim`` and ``vdim``. The last two must equal ``embed_dim`` always or never: torch
    keeps one tensor for queries, keys and values in the first case, and three in the second.
    """

    PLAIN = nn.MultiheadAttention
    BLOCKS: ClassVar[Blocks] = {"in_proj_weight": (3,), "in_proj_bias": (3,)}

    def check(self, arguments: Mapping[str, Argument]) -> None:
        """See `Patterned.check`."""
        super().check(arguments)
        check_divides(self, arguments, "num_heads", widths=("embed_dim",), noun="heads")
        for name in ("kdim", "vdim"):
            if arguments.get(name) is not None:
                _check_layout(arguments["embed_dim"], arguments[name], name)


def _check_layout(embed_dim: Argument, width: Argument, name: str) -> None:
    if is_same_value(embed_dim, width):
        return
    is_equal = operation(operator.eq, embed_dim, width)
    if len(is_equal.possible()) == 1:
        return
    chosen = next(chosen for chosen in combinations(is_equal.decisions()) if is_equal.on(chosen))
    shown = width.on(chosen) if isinstance(width, Value) else width
    raise SpaceError(
        f"MultiheadAttention at {caller()}: {name} may equal embed_dim ({name} = {shown} where "
        f"{described_combination(chosen)}), for which torch keeps other tensors than where it does not.",
        hint=f"Offer only numbers for {name} that embed_dim never has, or write a nas.LayerChoice of the two.",
    )
