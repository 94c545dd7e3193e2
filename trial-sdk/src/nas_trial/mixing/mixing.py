"""``Mixing``: the weights of one decision while a sample is carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from nas_trial.mixing.economy import Economy
from nas_trial.mixing.nothing import Nothing
from nas_trial.mixing.partial import PartialChannels
from nas_trial.mixing.unmixable import UnmixableError
from nas_trial.mixing.untracked import untracked
from nas_trial.mixing.weighted_sum import Term, weighted_sum

Option = str | int


@dataclass(frozen=True, slots=True, eq=False)
class Mixing:
    """The weights of one decision.

    Attributes:
        path: Path of the decision.
        options: What there is to decide: keys of candidates, or counts of a Repeat.
        weights: One for each option.
        gates: The weights whose gradient is wanted, as scalar tensors, by index.
        economy: Computes what candidates have in common once; ``None`` computes each by itself.
        partial: Lets only some channels take part; ``None`` for all of them.
        memory: What choices remember until the sample is done.
    """

    path: str
    options: tuple[Option, ...]
    weights: tuple[float, ...]
    gates: Mapping[int, Tensor] = field(default_factory=dict)
    economy: Economy | None = None
    partial: PartialChannels | None = None
    memory: dict[object, object] = field(default_factory=dict)

    @property
    def computed(self) -> tuple[int, ...]:
        """Indices of the options that are computed: those with a weight, and those whose gradient is wanted."""
        return tuple(index for index, weight in enumerate(self.weights) if weight != 0 or index in self.gates)

    @property
    def taken(self) -> tuple[Option, ...]:
        """The options that have a weight."""
        return tuple(option for option, weight in zip(self.options, self.weights, strict=True) if weight != 0)

    def refusal(self, why: str) -> UnmixableError:
        """The error that says why this decision cannot be mixed."""
        return UnmixableError(self.path, why)

    def index(self, option: Option) -> int:
        """Where an option's weight stands."""
        return self.options.index(option)

    def factor(self, index: int) -> float | Tensor:
        """The weight, as a tensor where its gradient is wanted."""
        return self.gates.get(index, self.weights[index])

    def term(self, index: int, output: object) -> Term:
        """The output of an option with its weight."""
        return Term(str(self.options[index]), output, self.weights[index], self.gates.get(index))

    def sum(self, terms: Sequence[Term]) -> object:
        """The sum of outputs with their weights.

        Raises:
            UnmixableError: They cannot be added up.
        """
        if not terms:
            raise self.refusal("no candidate has a weight, so there is nothing to compute")
        return weighted_sum(self.path, terms)

    def mixed(
        self, module_of: Callable[[Option], nn.Module], args: Sequence[object], kwargs: Mapping[str, object]
    ) -> object:
        """The sum of what modules make of the same arguments, one for each option, each times its weight.

        A module without weight whose gradient is wanted is computed without keeping anything for its own gradient,
        which is zero, and without touching its statistics. What is `Nothing` is left out.

        Raises:
            UnmixableError: Their outputs cannot be added up, or one changes its input.
        """
        if self.partial is not None:
            return self.partial.output(self, module_of, args, kwargs)
        computed = [(index, module_of(self.options[index])) for index in self.computed]
        something = [pair for pair in computed if not isinstance(pair[1], Nothing)]
        return self.sum([self._term(index, module, args, kwargs) for index, module in something or computed])

    def alone(self, index: int, modules: Sequence[nn.Module], compute: Callable[[], object]) -> object:
        """What is computed for an option; without a trace in modules if it has no weight."""
        if self.weights[index] != 0:
            return compute()
        with torch.no_grad(), untracked(*modules):
            return compute()

    def _term(self, index: int, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]) -> Term:
        if isinstance(module, Nothing):
            return Term(str(self.options[index]), module(*args, **kwargs), 1.0)
        versions = [each._version for each in args if isinstance(each, Tensor)]
        weight = self.weights[index]
        if self.economy is None or weight == 0:
            output, is_scaled = self.alone(index, (module,), lambda: module(*args, **kwargs)), False
        else:
            output, is_scaled = self.economy.output(module, args, kwargs, scale=self.factor(index))
        if versions != [each._version for each in args if isinstance(each, Tensor)]:
            raise self.refusal(
                f"candidate {self.options[index]!r} changes its input, which the others read (write inplace=False)"
            )
        return Term(str(self.options[index]), output, 1.0) if is_scaled else self.term(index, output)
