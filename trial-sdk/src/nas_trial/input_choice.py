"""A choice between inputs: which of several tensors go on, and how they become one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast, get_args

import torch
from nascore.errors import InvalidInputError, SpaceError
from nascore.space import Candidate, OneOf, SomeOf
from nascore.space import Value as Decided
from torch import Tensor

from nas_trial.choice import Choice
from nas_trial.construction import described
from nas_trial.mixing import Mixing, Term
from nas_trial.values import Leaf

Reduction = Literal["sum", "mean", "concat", "none"]


class InputChoice(Choice):
    """Chooses some of its inputs and reduces them to one tensor.

    Call it with one list of all inputs. It holds no parameters. If none is chosen (``n_chosen`` from 0), sum
    and mean are zeros like the first input.

    Args:
        inputs: How many inputs there are, or their names; those of a number are ``"0"``, ``"1"``, ....
        n_chosen: How many are chosen: a number, an inclusive range, or None for any number from 0 to all.
        reduction: ``sum``, ``mean``, ``concat`` along ``dim``, or ``none``: a list of the chosen ones.
        dim: Dimension of ``concat``; 1 are the channels.
        label: Name of the decision; without one it is named after its place in the model.

    Raises:
        SpaceError: The number chosen does not fit the inputs, the reduction is unknown, or there may be nothing to
            concatenate.
    """

    def __init__(
        self,
        inputs: int | Sequence[str],
        *,
        n_chosen: int | tuple[int, int] | None = 1,
        reduction: Reduction = "sum",
        dim: int = 1,
        label: str | None = None,
    ) -> None:
        keys = _keys(inputs, label)
        low, high = _bounds(n_chosen, len(keys), label)
        _check(keys, (low, high), reduction=reduction, label=label)
        candidates = tuple(map(Candidate, keys))
        super().__init__(
            OneOf("", candidates) if n_chosen == 1 else SomeOf("", candidates, low, high),
            label=label,
        )
        self._index = {key: index for index, key in enumerate(keys)}
        self._reduction = reduction
        self._dim = dim

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the inputs that go on, in the order of the inputs.

        Raises:
            StateError: This is part of a supernet, and no architecture is active here.
        """
        return _names(self._decision.get())

    @property
    def count(self) -> int:
        """How many inputs are chosen; in a supernet an expression, for ``nas.Conv2d(choice.count * 16, 32, 1)``."""
        if isinstance(self._decision.node, OneOf):
            return 1
        return cast("int", Leaf(self._decision)) if self._decision.is_open else len(self.chosen)

    def _computed(self, value: Decided, inputs: Sequence[Tensor]) -> Tensor | list[Tensor]:
        """The chosen inputs, reduced.

        Args:
            value: Names of the chosen inputs.
            inputs: One tensor for each input, shapes equal (for ``concat`` up to ``dim``).

        Raises:
            InvalidInputError: There are more or fewer inputs than were announced.
        """
        self._check_inputs(inputs)
        chosen = [inputs[self._index[key]] for key in _names(value)]
        if self._reduction == "none":
            return chosen
        if not chosen:
            return torch.zeros_like(inputs[0])
        if self._reduction == "concat":
            return torch.cat(chosen, dim=self._dim)
        total = chosen[0]
        for tensor in chosen[1:]:
            total = total + tensor
        return total / len(chosen) if self._reduction == "mean" else total

    def _mixed(self, mixing: Mixing, inputs: Sequence[Tensor]) -> Tensor | list[Tensor]:
        """Every input times its weight, reduced like chosen ones; a mean divides by the sum of the weights.

        Where one is chosen, all reductions are the sum.
        """
        self._check_inputs(inputs)
        terms = [mixing.term(index, inputs[index]) for index in mixing.computed]
        if isinstance(self._decision.node, OneOf):
            total = cast("Tensor", mixing.sum(terms))
            return [total] if self._reduction == "none" else total
        if self._reduction in {"concat", "none"}:
            return self._several(mixing, terms)
        if not terms:
            return torch.zeros_like(inputs[0])
        total = cast("Tensor", mixing.sum(terms))
        return total if self._reduction == "sum" else _divided(total, mixing)

    def _several(self, mixing: Mixing, terms: Sequence[Term]) -> Tensor | list[Tensor]:
        most = cast("SomeOf", self._decision.node).max_chosen
        if len(terms) > most:
            raise mixing.refusal(f"{len(terms)} inputs have weights, but at most {most} are chosen where they are kept")
        weighted = [cast("Tensor", mixing.sum([term])) for term in terms]
        return weighted if self._reduction == "none" else torch.cat(weighted, dim=self._dim)

    def _check_inputs(self, inputs: object) -> None:
        # Not as a tensor with a leading dimension, which a single input by mistake could be.
        if isinstance(inputs, Sequence) and len(inputs) == len(self._index):
            return
        given = f"{len(inputs)} were given" if isinstance(inputs, Sequence) else f"a {type(inputs).__name__} was given"
        raise InvalidInputError(
            f"InputChoice {self._decision.identity!r} has {len(self._index)} inputs, but {given}.",
            hint=f"Call it with one list of {len(self._index)} tensors: choice([x, y, ...]).",
        )


def _divided(total: Tensor, mixing: Mixing) -> Tensor:
    if not sum(mixing.weights):
        return total
    return total / sum((mixing.factor(index) for index in mixing.computed), 0.0)


def _names(value: Decided) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def _keys(inputs: object, label: str | None) -> tuple[str, ...]:
    if isinstance(inputs, int) and not isinstance(inputs, bool):
        return tuple(map(str, range(inputs)))
    if isinstance(inputs, Sequence) and not isinstance(inputs, str) and all(isinstance(key, str) for key in inputs):
        return tuple(inputs)
    raise SpaceError(
        f"{described('InputChoice', label)}: inputs is {inputs!r}.",
        hint="Give how many inputs there are, or a list of their names.",
    )


def _bounds(n_chosen: object, count: int, label: str | None) -> tuple[int, int]:
    match n_chosen:
        case None:
            return 0, count
        case int(fixed) if type(fixed) is not bool:
            return fixed, fixed
        case (int(low), int(high)) | [int(low), int(high)] if bool not in {type(low), type(high)}:
            return low, high
        case _:
            raise SpaceError(
                f"{described('InputChoice', label)}: n_chosen is {n_chosen!r}.",
                hint="Give a number, an inclusive range (low, high), or None for any number.",
            )


def _check(keys: tuple[str, ...], bounds: tuple[int, int], *, reduction: str, label: str | None) -> None:
    place = described("InputChoice", label)
    if reduction not in get_args(Reduction):
        raise SpaceError(f"{place}: the reduction {reduction!r} is none of {', '.join(get_args(Reduction))}.")
    if not keys:
        raise SpaceError(
            f"{place}: there are no inputs.", hint="Give a number of 1 or more, or the names of the inputs."
        )
    if not 0 <= bounds[0] <= bounds[1] <= len(keys) or bounds[1] == 0:
        raise SpaceError(
            f"{place}: n_chosen is {bounds[0]} to {bounds[1]}, of {len(keys)} inputs.",
            hint=f"Give a number of 1 to {len(keys)}, or a range (low, high) within 0 to {len(keys)}.",
        )
    if reduction == "concat" and bounds[0] == 0:
        raise SpaceError(
            f"{place}: none of the inputs may be chosen, and then there is nothing to concatenate.",
            hint=f"Write n_chosen=(1, {bounds[1]}), or reduction='sum', which gives zeros.",
        )
