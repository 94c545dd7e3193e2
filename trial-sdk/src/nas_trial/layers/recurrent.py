"""Recurrent layers whose sizes may be values. Every gate is cut for itself, and so is every direction of an input."""

from __future__ import annotations

from typing import ClassVar, cast

from torch import nn

from nas_trial.layers.pattern import Patterned
from nas_trial.values import Value


class _Recurrent(Patterned):
    """What recurrent layers have in common: tensors ``weight_ih_l0``, ``bias_hh_l1_reverse`` and so on.

    Attributes:
        GATES: How many gates one tensor holds, one after the other.
        FURTHER: Arguments that torch takes by position as well, after the first three.
    """

    MIXED = frozenset({"input_size", "hidden_size"})
    GATES: ClassVar[int]
    FURTHER: ClassVar[tuple[str, ...]] = ("bias", "batch_first", "dropout", "bidirectional", "proj_size")

    def __init__(
        self,
        input_size: int | Value,
        hidden_size: int | Value,
        num_layers: int | Value = 1,
        *further: object,
        **options: object,
    ) -> None:
        # By name: torch's own signatures say no more than *args.
        named = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
        super().__init__(**named, **dict(zip(self.FURTHER, further, strict=False)), **options)

    def blocks(self, name: str) -> tuple[int, ...]:
        """See `Patterned.blocks`."""
        kind, _, layer = name.partition("_l")
        if kind == "weight_hr":
            return ()
        both = 2 if cast("nn.RNNBase", self).bidirectional else 1
        is_inner = kind == "weight_ih" and not layer.startswith("0")
        return (self.GATES, both if is_inner else 1)


class RNN(_Recurrent, nn.RNN):
    """``torch.nn.RNN`` whose sizes, ``num_layers`` and ``dropout`` may be values; shapes as in torch."""

    PLAIN = nn.RNN
    GATES = 1
    FURTHER = ("nonlinearity", "bias", "batch_first", "dropout", "bidirectional")


class LSTM(_Recurrent, nn.LSTM):
    """``torch.nn.LSTM`` whose sizes, ``num_layers`` and ``dropout`` may be values; shapes as in torch."""

    PLAIN = nn.LSTM
    GATES = 4


class GRU(_Recurrent, nn.GRU):
    """``torch.nn.GRU`` whose sizes, ``num_layers`` and ``dropout`` may be values; shapes as in torch."""

    PLAIN = nn.GRU
    GATES = 3
