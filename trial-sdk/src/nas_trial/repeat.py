"""A part that stands several times in a row."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from typing import cast

from nascore.errors import SpaceError
from nascore.space import Repeat as RepeatNode
from nascore.space import Value as Decided
from torch import nn

from nas_trial.choice import Choice
from nas_trial.construction import construction, described
from nas_trial.mixing import Mixing
from nas_trial.repeat_passes import Pass
from nas_trial.values import Leaf

_FACTORY = "Give a function of the number of the copy, from 0, whether it uses it or not: lambda i: Block(16)."


class Repeat(Choice):
    """Repeats a part, a chosen number of times; a sequence of the copies, and called in a row.

    Every copy makes its own module, a child named ``"0"``, ``"1"``, .... Copies may differ in what is fixed (a stride),
    but must offer the same choices. Those are decided for each copy (``depth[1]/act``), or once for all if ``tied``.

    Args:
        factory: Makes copy ``i``, counted from 0.
        count: How many copies: a number, or an inclusive range to choose from, of which the lowest is the default.
        label: Name of the decision; without one it is named after its place in the model.
        tied: Whether all copies share their decisions.

    Raises:
        SpaceError: The range is not valid, a factory makes no module, or copies offer different choices.
    """

    def __init__(
        self,
        factory: Callable[[int], nn.Module],
        count: int | tuple[int, int],
        *,
        label: str | None = None,
        tied: bool = False,
    ) -> None:
        low, high = _bounds(count, label)
        _check(factory, label)
        super().__init__(RepeatNode("", (), low, high, tied), label=label)
        for i in range(high if self._decision.is_open else self._count()):
            with construction().inside(self._decision, i):
                self.add_module(str(i), _made(factory, i, label))

    @property
    def count(self) -> int:
        """How many copies are computed; in a supernet an expression that layers of this package understand."""
        return cast("int", Leaf(self._decision)) if self._decision.is_open else self._count()

    def __len__(self) -> int:
        return self._count()

    def __iter__(self) -> Iterator[nn.Module]:
        """The copies that are computed; in a mixture of counts the last one returns the weighted sum."""
        return (self[i] for i in range(self._count()))

    def __getitem__(self, i: int) -> nn.Module:
        count = self._count()
        if not -count <= i < count:
            raise IndexError(f"There is no copy {i} of Repeat {self._decision.identity!r}, which has {count}.")
        mixing = self._decision.mixing
        return self._copy(i % count) if mixing is None else self._passing(mixing, i % count)

    def _live(self, value: Decided) -> Collection[str]:
        return tuple(map(str, range(cast("int", value))))

    def _computed(self, value: Decided, first: object, *args: object, **kwargs: object) -> object:
        """What becomes of ``first`` in all copies, one after the other; the other arguments go to each of them."""
        for i in range(cast("int", value)):
            first = self._copy(i)(first, *args, **kwargs)
        return first

    def _mixed(self, mixing: Mixing, first: object, *args: object, **kwargs: object) -> object:
        if not self._count():
            return mixing.sum([mixing.term(index, first) for index in mixing.computed])
        for copy in self:
            first = copy(first, *args, **kwargs)
        return first

    def _passing(self, mixing: Mixing, i: int) -> nn.Module:
        if i == 0 or self not in mixing.memory:
            mixing.memory[self] = Pass(mixing)
        return cast("nn.Module", cast("Pass", mixing.memory[self]).through(i, self._copy(i)))

    def _copy(self, i: int) -> nn.Module:
        return cast("nn.Module", self._modules[str(i)])

    def _count(self) -> int:
        mixing = self._decision.mixing
        return cast("int", self._decision.get()) if mixing is None else Pass(mixing).count


def _bounds(count: object, label: str | None) -> tuple[int, int]:
    match count:
        case (int(low), int(high)) | [int(low), int(high)] if bool not in {type(low), type(high)}:
            return low, high
        case int(fixed) if type(fixed) is not bool:
            return fixed, fixed
        case _:
            raise SpaceError(
                f"{described('Repeat', label)}: the count is {count!r}.",
                hint="Give a number of copies, or an inclusive range: (1, 4).",
            )


def _check(factory: object, label: str | None) -> None:
    if not callable(factory) or isinstance(factory, nn.Module):
        raise SpaceError(
            f"{described('Repeat', label)}: {type(factory).__name__} is given where copies are to be made.",
            hint=_FACTORY,
        )
    if not _takes_a_number(factory):
        raise SpaceError(f"{described('Repeat', label)}: the factory cannot be called with one number.", hint=_FACTORY)


def _takes_a_number(factory: Callable[..., object]) -> bool:
    try:
        inspect.signature(factory).bind(0)
    except TypeError:
        return False
    except ValueError:  # a callable of an extension module, which does not tell
        return True
    return True


def _made(factory: Callable[[int], nn.Module], i: int, label: str | None) -> nn.Module:
    made: object = factory(i)
    if not isinstance(made, nn.Module):
        raise SpaceError(f"{described('Repeat', label)}: copy {i} is {made!r}, which is not a module.")
    return made
