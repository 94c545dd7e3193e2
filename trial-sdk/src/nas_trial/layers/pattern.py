"""Any module as an elastic layer: it computes like a smaller one of its kind, with parts of its own tensors.

The smaller one, the pattern, is made by the same class with the sizes that are decided; it gives the shapes of the
tensors, the attributes and the code, and for each call it borrows tensors that are cut out of the large ones. So
nothing has to be known about the module. Layers that are computed very often have code of their own instead
(``convolution``, ``linear``, ``normalization``), which saves some microseconds per call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, ClassVar, ParamSpec, TypeVar, cast

from nascore.errors import SpaceError
from nascore.space import Literal
from torch import Tensor, nn
from torch.func import functional_call

from nas_trial.choice import holds_choices
from nas_trial.generators import generators_kept
from nas_trial.layers.elastic import Elastic, check_sizes
from nas_trial.layers.mixture import LayerMixture
from nas_trial.layers.part import Slices, centred, leading, whole
from nas_trial.layers.sizes import Argument, Read, Sizes
from nas_trial.place import caller
from nas_trial.shapes_only import shapes_only
from nas_trial.values import Value

MAX_PATTERNS = 64
"""Patterns that a layer remembers."""

Blocks = Mapping[str, tuple[int, ...]]

P = ParamSpec("P")
M = TypeVar("M", bound=nn.Module)


class Patterned(Elastic):
    """An elastic layer whose sizes and code are those of a pattern; stands before the plain class among the bases.

    Attributes:
        PLAIN: The class of which patterns are made.
        BLOCKS: For tensors that hold blocks one after the other: how many there are along each dimension.
        MIXED: Names of the arguments that may be mixed: those of which tensors filled up with zeros compute the same.
    """

    PLAIN: ClassVar[type[nn.Module]]
    BLOCKS: ClassVar[Blocks] = {}
    MIXED: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, *args: object, **kwargs: object) -> None:
        bound = inspect.signature(self.PLAIN).bind(*args, **kwargs)
        arguments = _by_name(bound)
        self.check(arguments)
        largest = _settled(bound, _largest)
        super().__init__(*largest.args, **largest.kwargs)
        self._bound = bound
        self._arguments = arguments
        self._patterns: dict[tuple[Literal, ...], nn.Module] = {}
        if self.is_elastic:
            _check_parts(self)

    def check(self, arguments: Mapping[str, Argument]) -> None:
        """Refuses arguments that do not go together; for classes of torch, sizes that are none.

        Raises:
            SpaceError: They do not.
        """
        if self.PLAIN.__module__.partition(".")[0] == "torch":
            check_sizes(self, arguments)

    def values(self) -> Iterator[tuple[str, Value]]:
        """See `Elastic.values`."""
        return ((name, value) for name, argument in self._arguments.items() for value in _values(argument))

    def blocks(self, name: str) -> tuple[int, ...]:
        """How many blocks a tensor holds along each dimension; what is missing is 1."""
        return self.BLOCKS.get(name, ())

    def shapes(self, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """See `Elastic.shapes`."""
        return {name: tuple(tensor.shape) for name, tensor in self._pattern(sizes.read).state_dict().items()}

    def slices(self, read: Read) -> dict[str, Slices]:
        """See `Elastic.slices`."""
        if not self.is_elastic:
            return {name: whole(tensor) for name, tensor in self.state_dict().items()}
        return {name: self._cut(name, shape) for name, shape in self._shapes(read).items()}

    def forward(self, *args: Any, **kwargs: Any) -> Any:  # as torch declares it: the plain module's own signature
        """What the plain module makes of the same arguments."""
        if not self.is_elastic:
            return super().forward(*args, **kwargs)
        mixture = self.mixture()
        pattern = self._pattern(Value.current if mixture is None else mixture.largest)
        for name, part in pattern.named_modules():
            part.training = self.get_submodule(name).training
        return functional_call(pattern, self._borrowed(pattern), args, kwargs)

    def check_mixture(self, mixture: LayerMixture) -> None:
        """See `Elastic.check_mixture`."""
        for name, value in self.values():
            if name not in self.MIXED:
                mixture.same(self, name, partial(_read_by, value))

    def _borrowed(self, pattern: nn.Module) -> dict[str, Tensor]:
        """Cut tensors for what has a state, and for other buffers those that the pattern computed for its own size."""
        _, parts = self.now()
        own = {name: part for name, part in parts.items() if part is not None}
        for name, buffer in pattern.named_buffers():
            if name not in own:
                large = self._tensor(name)
                own[name] = buffer if large is None else buffer.to(large.device, large.dtype)
        return own

    def _pattern(self, read: Read) -> nn.Module:
        key = tuple(read(value) for _, value in self.values())
        if key not in self._patterns:
            if len(self._patterns) >= MAX_PATTERNS:
                del self._patterns[next(iter(self._patterns))]
            self._patterns[key] = self._made(read)
        return self._patterns[key]

    def _made(self, read: Read) -> nn.Module:
        settled = _settled(self._bound, read)
        with generators_kept():
            with shapes_only():
                pattern = self.PLAIN(*settled.args, **settled.kwargs)
            # What is not in the state is computed by the constructor, which takes real memory.
            if set(dict(pattern.named_buffers())) - set(pattern.state_dict()):
                pattern = self.PLAIN(*settled.args, **settled.kwargs)
        return pattern

    def _tensor(self, name: str) -> Tensor | None:
        owner, _, last = name.rpartition(".")
        return cast("Tensor | None", getattr(self.get_submodule(owner), last, None))

    def _cut(self, name: str, shape: tuple[int, ...]) -> Slices:
        large = self._tensor(name)
        full = tuple(large.shape) if large is not None else ()
        if len(full) != len(shape) or any(size > all_ for all_, size in zip(full, shape, strict=True)):
            raise SpaceError(
                f"{type(self).__name__}: {name} has shape {shape} for the sizes that are decided, and {full} where "
                "everything is created with its largest arguments, so it cannot be cut out.",
                hint="Write a nas.LayerChoice with a layer for each of these arguments.",
            )
        blocks = self.blocks(name)
        return tuple(
            centred(all_, size)
            if dim >= self.CENTRED_FROM
            else leading(all_, size, blocks=blocks[dim] if dim < len(blocks) else 1)
            for dim, (all_, size) in enumerate(zip(full, shape, strict=True))
        )


def _read_by(value: Value, read: Read) -> Literal:
    return read(value)


def elastic(cls: Callable[P, M], *, blocks: Blocks | None = None) -> Callable[P, M]:
    """A module class of your own whose arguments may then be choices, also in a supernet.

    ``Gate = nas.elastic(Gate)`` and ``Gate(width)``, where ``width`` is a choice. In a supernet there is one module,
    made with the largest arguments; of each tensor the leading part is used. A class that only passes its arguments on
    to layers of this package needs none of this.

    Args:
        cls: A class of modules. Its constructor creates no choices, and gets numbers only.
        blocks: For a tensor of the state that holds several blocks one after the other, such as queries, keys and
            values: how many there are along each dimension. Each block is then cut for itself.

    Returns:
        What makes the module. Where all arguments are plain it makes one of the class itself.

    Raises:
        SpaceError: It is no class of modules, or takes choices already.
    """
    if not isinstance(cls, type) or not issubclass(cls, nn.Module) or issubclass(cls, Elastic):
        raise SpaceError(
            f"nas.elastic ({caller()}) is given {cls!r}.",
            hint="Give a class of modules that takes numbers, such as nas.elastic(Gate); nas.Linear and others take "
            "choices as they are.",
        )
    plain: type[nn.Module] = cls
    named = tuple(sorted((blocks or {}).items()))

    def make(*args: object, **kwargs: object) -> nn.Module:
        is_plain = not any(True for argument in (*args, *kwargs.values()) for _ in _values(argument))
        return plain(*args, **kwargs) if is_plain else _elastic_class(cast("Hashable", plain), named)(*args, **kwargs)

    return cast("Callable[P, M]", make)


@lru_cache(maxsize=256)
def _elastic_class(cls: Hashable, blocks: tuple[tuple[str, tuple[int, ...]], ...]) -> type[nn.Module]:
    plain = cast("type[nn.Module]", cls)  # mypy takes __hash__ of a class for that of its objects
    members = {"PLAIN": plain, "BLOCKS": dict(blocks), "__doc__": plain.__doc__, "__module__": plain.__module__}
    return type(plain.__name__, (Patterned, plain), members)


def _values(argument: object) -> Iterator[Value]:
    if isinstance(argument, Value):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for part in argument:
            yield from _values(part)
    elif isinstance(argument, dict):
        yield from _values(list(argument.values()))


def _by_name(bound: inspect.BoundArguments) -> dict[str, Argument]:
    kinds = {name: parameter.kind for name, parameter in bound.signature.parameters.items()}
    named: dict[str, Argument] = {}
    for name, argument in bound.arguments.items():
        named |= argument if kinds[name] is inspect.Parameter.VAR_KEYWORD else {name: argument}
    return named


def _settled(bound: inspect.BoundArguments, read: Read) -> inspect.BoundArguments:
    arguments = {name: _plain(argument, read) for name, argument in bound.arguments.items()}
    return inspect.BoundArguments(bound.signature, arguments)


def _plain(argument: object, read: Read) -> object:
    if isinstance(argument, Value):
        return read(argument)
    if type(argument) in {tuple, list} and isinstance(argument, (tuple, list)):
        return type(argument)(_plain(part, read) for part in argument)
    if type(argument) is dict:
        return {key: _plain(part, read) for key, part in argument.items()}
    return argument


def _largest(value: Value) -> Literal:
    """The largest value; of texts, which have no size, the first by the alphabet."""
    possible = value.possible()
    texts = sorted(each for each in possible if isinstance(each, str))
    return texts[0] if texts else value.maximum()


def _check_parts(layer: Patterned) -> None:
    wrong = [part for part in layer.modules() if part is not layer and isinstance(part, Elastic)]
    if wrong or holds_choices(layer):
        raise SpaceError(
            f"{type(layer).__name__} at {caller()} creates choices in its constructor, and its arguments are choices.",
            hint="Leave nas.elastic out, and give the arguments to nas.Linear and other layers of this package.",
        )
