"""A pass through the copies of a Repeat in a mixture of counts: it remembers what there is after each count.

The copies are handed out as stand-ins, so a model may call the Repeat, or loop over it and give each copy more than one
argument; the stand-in for the last copy returns the weighted sum.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from nas_trial.mixing import Mixing, Term


class Pass:
    """One way through the copies.

    Args:
        mixing: The weights of the counts.
    """

    def __init__(self, mixing: Mixing) -> None:
        self._mixing = mixing
        self._terms: list[Term] = []
        self._counts = {int(mixing.options[index]): index for index in mixing.computed}
        self._weighted = max((int(option) for option in mixing.taken), default=0)

    @property
    def count(self) -> int:
        """How many copies are computed."""
        return max(self._counts, default=0)

    def through(self, i: int, copy: nn.Module) -> Copy:
        """The stand-in for a copy."""
        return Copy(self, i, copy)

    def step(self, i: int, copy: nn.Module, first: object, *args: object, **kwargs: object) -> object:
        """What a copy makes of ``first``; the weighted sum if it is the last."""
        if i == 0:
            self._terms = []
            self._remember(0, first)
        # Beyond the last count that has a weight nothing is computed but for the gradient of weights.
        index = self._counts[self.count if i >= self._weighted else self._weighted]
        output = self._mixing.alone(index, (copy,), lambda: copy(first, *args, **kwargs))
        self._remember(i + 1, output)
        return self._mixing.sum(self._terms) if i + 1 == self.count else output

    def _remember(self, count: int, output: object) -> None:
        if count in self._counts:
            self._terms.append(self._mixing.term(self._counts[count], output))


class Copy:
    """Stands for a copy of a Repeat, and is called like it; other attributes are those of the copy."""

    def __init__(self, run: Pass, i: int, copy: nn.Module) -> None:
        self._run = run
        self._i = i
        self._copy = copy

    def __call__(self, first: object, *args: object, **kwargs: object) -> object:
        """See `Pass.step`."""
        return self._run.step(self._i, self._copy, first, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:  # as nn.Module has it
        return getattr(self._copy, name)
