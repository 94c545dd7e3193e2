"""Linear, Embedding and PReLU with sizes, and Dropout with a rate, that may be values."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas_trial.layers.elastic import Elastic, largest
from nas_trial.layers.mixture import LayerMixture
from nas_trial.layers.sizes import Number, Sizes
from nas_trial.values import Value


class Linear(Elastic, nn.Linear):
    """``torch.nn.Linear`` whose features may be values; input (..., in_features), output (..., out_features)."""

    def __init__(
        self,
        in_features: int | Value,
        out_features: int | Value,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        arguments = {"in_features": in_features, "out_features": out_features}
        most = largest(self, arguments)
        super().__init__(most.whole("in_features"), most.whole("out_features"), bias=bias, device=device, dtype=dtype)
        self._arguments = {**arguments}

    def shapes(self, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """See `Elastic.shapes`."""
        out = sizes.whole("out_features")
        return {"weight": (out, sizes.whole("in_features")), "bias": (out,)}

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 -- the name in torch.nn
        """See ``torch.nn.Linear``."""
        if not self.is_elastic:
            return super().forward(input)
        _, part = self.now()
        weight = part["weight"]
        assert weight is not None
        return functional.linear(input, weight, part["bias"])


class Embedding(Elastic, nn.Embedding):
    """``torch.nn.Embedding`` whose sizes may be values; input (*) of indices, output (*, embedding_dim)."""

    def __init__(
        self,
        num_embeddings: int | Value,
        embedding_dim: int | Value,
        padding_idx: int | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        arguments = {"num_embeddings": num_embeddings, "embedding_dim": embedding_dim}
        most = largest(self, arguments)
        super().__init__(
            most.whole("num_embeddings"), most.whole("embedding_dim"), padding_idx, device=device, dtype=dtype
        )
        self._arguments = {**arguments}

    def shapes(self, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """See `Elastic.shapes`."""
        return {"weight": (sizes.whole("num_embeddings"), sizes.whole("embedding_dim"))}

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 -- the name in torch.nn
        """See ``torch.nn.Embedding``."""
        if not self.is_elastic:
            return super().forward(input)
        _, part = self.now()
        weight = part["weight"]
        assert weight is not None
        return functional.embedding(input, weight, self.padding_idx)


class PReLU(Elastic, nn.PReLU):
    """``torch.nn.PReLU`` with a number of slopes that may be a value; input and output (N, C, ...)."""

    def __init__(
        self,
        num_parameters: int | Value = 1,
        init: float = 0.25,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        arguments = {"num_parameters": num_parameters}
        super().__init__(largest(self, arguments).whole("num_parameters"), init, device=device, dtype=dtype)
        self._arguments = {**arguments}

    def shapes(self, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """See `Elastic.shapes`."""
        return {"weight": (sizes.whole("num_parameters"),)}

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 -- the name in torch.nn
        """See ``torch.nn.PReLU``."""
        if not self.is_elastic:
            return super().forward(input)
        _, part = self.now()
        weight = part["weight"]
        assert weight is not None
        return functional.prelu(input, weight)


class Dropout(Elastic, nn.Dropout):
    """``torch.nn.Dropout`` whose probability may be a value; any shape."""

    def __init__(self, p: Number = 0.5, inplace: bool = False) -> None:
        arguments = {"p": p}
        super().__init__(largest(self, arguments).number("p"), inplace=inplace)
        self._arguments = {**arguments}

    def shapes(self, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """See `Elastic.shapes`; there is nothing to cut."""
        return {}

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 -- the name in torch.nn
        """See ``torch.nn.Dropout``."""
        if not self.is_elastic:
            return super().forward(input)
        mixture = self.mixture()
        if mixture is not None:
            return self._mixed(input, mixture)
        sizes, _ = self.now()
        return functional.dropout(input, sizes.number("p"), self.training, self.inplace)

    def _mixed(self, input: Tensor, mixture: LayerMixture) -> Tensor:  # noqa: A002 -- the name in torch.nn
        """Dropout at several rates: one number is drawn for each element, which rates below it keep."""
        rates = [
            (each.factor, Sizes("Dropout", self._arguments, each.read).number("p")) for each in mixture.combinations
        ]
        if len(rates) == 1:
            factor, rate = rates[0]
            return functional.dropout(input, rate, self.training, inplace=False) * factor
        if not self.training:
            return input * sum((factor for factor, _ in rates), 0.0)
        drawn = torch.rand_like(input)
        kept = ((drawn >= rate).to(input.dtype) * (factor / (1 - rate)) for factor, rate in rates if rate < 1)
        return input * sum(kept, torch.zeros_like(input))
