"""Katib's parameters as nodes of a search space, and their values as the texts that Katib writes into trials.

All numbers of Katib are texts. What it says of a parameter is one of four: numbers between bounds, the same on a grid,
whole numbers, and one of a list. A grid of real numbers becomes a whole number, its place on the grid, which keeps the
order of its points for those tuners that use it; so does a normal distribution (``scale``).

Not here: what is made of several parameters (``flat``, ``layers``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from nascore.errors import ArchitectureError, SpaceError, Violation
from nascore.space import Candidate, Integer, OneOf, Real, Value

from nas_katib.scale import BELL_PLACES, Bell, Grid, Scale
from nas_katib.v1beta1 import api_pb2

_LARGEST_GRID = 1_000_000
_MOST = Decimal("1e300")
_ROUNDING = Decimal("1e-6")
_LOGARITHMIC = (api_pb2.LOG_UNIFORM, api_pb2.LOG_NORMAL)
_NORMAL = (api_pb2.NORMAL, api_pb2.LOG_NORMAL)
_DISTRIBUTIONS = (api_pb2.DISTRIBUTION_UNSPECIFIED, api_pb2.UNIFORM, *_LOGARITHMIC, api_pb2.NORMAL)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: Katib's name for it, which is the label of its node.
        node: What there is to decide.
        scale: Which real numbers the places of ``node`` stand for; ``None`` if its values are Katib's.
    """

    name: str
    node: OneOf | Integer | Real
    scale: Scale | None = None

    @property
    def size(self) -> int | None:
        """How many values it has; ``None`` for real numbers."""
        if isinstance(self.node, OneOf):
            return len(self.node.candidates)
        return None if isinstance(self.node, Real) else (self.node.high - self.node.low) // self.node.step + 1

    @property
    def is_continuous(self) -> bool:
        """Whether it takes any real number of its range."""
        return isinstance(self.node, Real) or isinstance(self.scale, Bell)

    def text(self, value: Value) -> str:
        """Return a value of the node as Katib writes it."""
        if self.scale is not None and isinstance(value, int):
            return self.scale.text(value)
        return repr(value) if isinstance(value, float) else str(value)

    def value(self, text: str) -> Value:
        """Return the value of the node that a text of Katib's stands for.

        Raises:
            ArchitectureError: It stands for none.
        """
        if isinstance(self.node, OneOf):
            return text
        number = _finite(text)
        if number is not None and self.scale is not None:
            number = self.scale.place(number)
        if number is None or (isinstance(self.node, Integer) and not _is_whole(number)):
            raise ArchitectureError(f"{self.name}: {text[:40]!r} is not a number of its range.")
        return float(number) if isinstance(self.node, Real) else int(number.to_integral_value())

    def place(self, value: Value) -> int:
        """Return which of its values this is, from 0; not for real numbers."""
        if isinstance(self.node, OneOf):
            return [candidate.key for candidate in self.node.candidates].index(str(value))
        assert isinstance(self.node, Integer)
        assert isinstance(value, int)
        return (value - self.node.low) // self.node.step

    def at(self, place: int) -> Value:
        """Return the value at a place; see `place`."""
        if isinstance(self.node, OneOf):
            return self.node.candidates[place].key
        assert isinstance(self.node, Integer)
        return self.node.low + place * self.node.step


def read_parameters(
    specs: Iterable[api_pb2.ParameterSpec], where: str, *, may_be_continuous: bool = True
) -> tuple[Parameter, ...]:
    """Return the parameters of a list.

    Args:
        specs: What Katib says of them.
        where: Path of the list in the message, for findings.
        may_be_continuous: Whether ranges of real numbers without a step are allowed.

    Raises:
        SpaceError: Something is wrong with them; all of it is listed.
    """
    found, violations = [], []
    for place, spec in enumerate(specs):
        try:
            parameter = _parameter(spec)
            if not may_be_continuous and parameter.is_continuous:
                raise _Fault("feasible_space.step", "a real number of an operation needs a step.")
            found.append(parameter)
        except _Fault as fault:
            violations.append(Violation(f"{where}[{place}].{fault.field}", f"{spec.name or 'parameter'}: {fault}"))
    if violations:
        listing = " ".join(map(str, violations[:5]))
        raise SpaceError(f"The parameters are not valid. {listing}", violations=tuple(violations))
    return tuple(found)


class _Fault(Exception):
    """What is wrong with one parameter, and in which field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _parameter(spec: api_pb2.ParameterSpec) -> Parameter:
    if not spec.name:
        raise _Fault("name", "it has no name.")
    if spec.parameter_type in (api_pb2.CATEGORICAL, api_pb2.DISCRETE):
        return _listed(spec)
    if spec.parameter_type not in (api_pb2.INT, api_pb2.DOUBLE):
        raise _Fault("parameter_type", f"the type {spec.parameter_type} is not double, int, discrete or categorical.")
    space = spec.feasible_space
    if space.distribution not in _DISTRIBUTIONS:
        raise _Fault("feasible_space.distribution", f"{space.distribution} is not known here; take UNIFORM.")
    low, high = _number(space.min, "min"), _number(space.max, "max")
    if low > high:
        raise _Fault("feasible_space", f"min {space.min} is above max {space.max}.")
    name = api_pb2.Distribution.Name(space.distribution)
    is_log = space.distribution in _LOGARITHMIC
    if is_log and low <= 0:
        raise _Fault("feasible_space.min", f"{name} needs a min above 0, not {space.min}.")
    if space.distribution in _NORMAL:
        return _normal(spec, Bell(float(low), float(high), is_log), name)
    if spec.parameter_type == api_pb2.INT:
        return _whole(spec, low, high, is_log=is_log)
    return _real(spec, low, high, is_log=is_log)


def _listed(spec: api_pb2.ParameterSpec) -> Parameter:
    keys = tuple(spec.feasible_space.list)
    if not keys:
        raise _Fault("feasible_space.list", "its list is empty.")
    if len(set(keys)) < len(keys):
        raise _Fault("feasible_space.list", f"it names {max(keys, key=keys.count)!r} twice.")
    if spec.parameter_type == api_pb2.CATEGORICAL:
        return Parameter(spec.name, OneOf(spec.name, tuple(map(Candidate, keys))))
    values = [float(_number(key, "list")) for key in keys]
    return Parameter(spec.name, OneOf(spec.name, tuple(map(Candidate, keys, values))))


def _normal(spec: api_pb2.ParameterSpec, bell: Bell, name: str) -> Parameter:
    if spec.parameter_type != api_pb2.DOUBLE or spec.feasible_space.step:
        raise _Fault("feasible_space.distribution", f"{name} is for a double without a step; take UNIFORM here.")
    if bell.is_too_narrow:
        raise _Fault("feasible_space", f"min {bell.low} and max {bell.high} are too close for {name}; take UNIFORM.")
    return Parameter(spec.name, Integer(spec.name, 0, BELL_PLACES - 1), bell)


def _whole(spec: api_pb2.ParameterSpec, low: Decimal, high: Decimal, *, is_log: bool) -> Parameter:
    step = _step(spec) or Decimal(1)
    for name, number in (("min", low), ("max", high), ("step", step)):
        if number != number.to_integral_value():
            raise _Fault(f"feasible_space.{name}", f"an int has whole numbers, not {number}.")
    return Parameter(spec.name, Integer(spec.name, int(low), int(high), int(step), is_log))


def _real(spec: api_pb2.ParameterSpec, low: Decimal, high: Decimal, *, is_log: bool) -> Parameter:
    step = _step(spec)
    if step is None:
        return Parameter(spec.name, Real(spec.name, float(low), float(high), is_log))
    if is_log:
        raise _Fault("feasible_space.step", "LOG_UNIFORM and a step do not go together for a double.")
    points = int((high - low) / step) + 1 if (high - low) / step <= _LARGEST_GRID else math.inf
    if points > _LARGEST_GRID:
        raise _Fault("feasible_space.step", f"{step} makes more than {_LARGEST_GRID} points; leave it out.")
    return Parameter(spec.name, Integer(spec.name, 0, int(points) - 1), Grid(low, step))


def _step(spec: api_pb2.ParameterSpec) -> Decimal | None:
    if not spec.feasible_space.step:
        return None
    step = _number(spec.feasible_space.step, "step")
    if step <= 0:
        raise _Fault("feasible_space.step", f"the step {step} is not above 0.")
    return step


def _number(text: str, name: str) -> Decimal:
    number = _finite(text)
    if number is None:
        raise _Fault(f"feasible_space.{name}", f"{text[:40]!r} is not a finite number.")
    return number


def _is_whole(number: Decimal) -> bool:
    """Whether it is a place of its own; other writers may have rounded a little."""
    return abs(number - number.to_integral_value()) < _ROUNDING


def _finite(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < _MOST else None
