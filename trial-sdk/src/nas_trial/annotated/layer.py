"""An annotated layer at run time: what there is to compute with, whatever part of it an execution computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nascore.errors import InvalidInputError
from torch import nn

Function = Callable[..., object]


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A callable and its keyword arguments; the compiled code writes it ``nas_annotated.call(conv, ch=128)``.

    Attributes:
        function: A function, a module, or a class of modules, of which one is made for each layer and kept.
        arguments: Keyword arguments of the function, or of the class.
    """

    function: Function
    arguments: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_factory(self) -> bool:
        """Whether it is a class of modules."""
        return isinstance(self.function, type) and issubclass(self.function, nn.Module)

    def __call__(self, value: object) -> object:
        """Call the function with a value before its keyword arguments."""
        return self.function(value, **self.arguments)


def call(function: Function, **arguments: object) -> Operation:
    """Return an operation of a layer.

    Raises:
        InvalidInputError: What is given as a function cannot be called.
    """
    if not callable(function):
        raise InvalidInputError(
            f"{function!r} is named as an operation, but cannot be called.",
            hint="Name a function, a module, or a class of modules.",
        )
    return Operation(function, arguments)


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedLayer:
    """A layer as its annotation describes it, with the inputs of this call.

    Attributes:
        key: Label of the decision which candidate it is; ``key:inputs`` is the one which inputs it has.
        candidates: The operations to choose from, by their text.
        fixed_inputs: What every operation gets, in order.
        optional_inputs: What there is to choose from, by source text.
        size: The fewest and the most optional inputs that are chosen.
        input_aggregate: Makes one value of ``[fixed, chosen]``, which the operation gets in their place.
        post_process: Makes the output of ``[result, chosen]``.
        owner: The object whose method the layer stands in; modules made for the layer belong to it.
    """

    key: str
    candidates: Mapping[str, Operation]
    fixed_inputs: Sequence[object] = ()
    optional_inputs: Mapping[str, object] = field(default_factory=dict)
    size: tuple[int, int] = (0, 0)
    input_aggregate: Operation | None = None
    post_process: Operation | None = None
    owner: object = None

    @property
    def inputs_key(self) -> str:
        """Label of the decision which inputs it has."""
        return f"{self.key}:inputs"

    def argument(self, chosen: Sequence[object]) -> object:
        """What the operation gets: ``[fixed, chosen]``, or what ``input_aggregate`` makes of it."""
        inputs = [list(self.fixed_inputs), chosen]
        return inputs if self.input_aggregate is None else self.input_aggregate(inputs)

    def output(self, result: object, chosen: Sequence[object]) -> object:
        """The output of the layer: the operation's result, or what ``post_process`` makes of it."""
        return result if self.post_process is None else self.post_process([result, chosen])
