"""``Members``: the modules and parameters of a supernet, walked through once.

Every step asks which of them train, what they keep and what is graded. A walk through a deep supernet takes as long as
some of its layers do, so what is never added or taken away is looked up here. Modules of a supernet are not replaced
once it is carried out; their modes, buffers and parameters' flags may change at any time, and are read anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from nas_trial.mixing import untracked_parts


class Members:
    """What a supernet consists of.

    Args:
        model: The supernet, where it is trained; it is set to training.

    Attributes:
        norms: Its batch norms.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._modules = tuple(model.modules())
        self._parameters = tuple(model.parameters())
        self.norms = tuple(part for part in self._modules if isinstance(part, _BatchNorm))
        self._others = tuple(part for part in self._modules if not isinstance(part, _BatchNorm))
        model.train()  # a part may have its own say in this, and is asked at least once

    def train(self) -> None:
        """Let everything train, as ``model.train()`` does."""
        if not all(module.training for module in self._modules):
            self._model.train()

    def judge(self, *, norms_train: bool) -> None:
        """Let everything judge, as ``model.eval()`` does, but for batch norms that are to train."""
        if any(module.training for module in self._others):
            self._model.eval()
        for norm in self.norms:
            if norm.training != norms_train:
                norm.train(norms_train)

    def untracked(self) -> AbstractContextManager[None]:
        """Buffers stay bit by bit as they are, while everything computes as it does otherwise."""
        return untracked_parts(self._modules)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """No gradients of parameters are computed."""
        graded = [parameter for parameter in self._parameters if parameter.requires_grad]
        for parameter in graded:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in graded:
                parameter.requires_grad_(True)
