"""Hyper-parameters between bounds: NNI's distributions, which of them a space has, and what to write for the others.

``quniform`` and ``qloguniform`` are whole steps, and become integers where bounds and step are whole numbers; other
steps of ``quniform`` become a choice of their values. Normal distributions have no bounds, and so no place in a space.
"""

from __future__ import annotations

import math
from decimal import Decimal

from nascore.errors import SpaceError
from nascore.nni.entries import Range
from nascore.nni.faults import Faults
from nascore.nni.located import Located
from nascore.nni.texts import shown
from nascore.space import Candidate, Integer, OneOf, Real
from nascore.space.constraint import INTEGER_HIGH, INTEGER_LOW

KINDS = {"uniform": 2, "quniform": 3, "loguniform": 2, "qloguniform": 3, "randint": 2}
_NORMAL = {"normal": 2, "qnormal": 3, "lognormal": 2, "qlognormal": 3}
_MOST_STEPS = 1000


def read_range(key: str, kind: str, node: Located, faults: Faults) -> Range | None:
    """A range; ``None``, and a note, if the bounds are none."""
    bounds = _read_bounds(kind, node, faults)
    if bounds is None:
        return None
    low, high = bounds[0], bounds[1]
    if fault := _fault(kind, low, high, *bounds[2:]):
        faults.wrong(node, fault)
        return None
    return Range(key, kind, bounds)


def _read_bounds(kind: str, node: Located, faults: Faults) -> tuple[int | float, ...] | None:
    names = ("low", "high", "step")[: KINDS[kind]]
    items = node.value if isinstance(node.value, list) else []
    if kind == "randint" and len(items) == 1 and isinstance(items[0].value, int):
        message = f"randint has one bound, {shown(items[0])}"
        write, read = f"write [0, {shown(items[0])}]", f"read as [0, {shown(items[0])}]"
        faults.forgive(node, message, write=write, read=read)
        return 0, items[0].value
    if len(items) != len(names):
        faults.wrong(node, f"{shown(node)} is no {kind}; write [{', '.join(names)}]")
        return None
    bounds = [
        _number(item, name, is_whole=kind == "randint", faults=faults) for item, name in zip(items, names, strict=True)
    ]
    return None if None in bounds else tuple(bound for bound in bounds if bound is not None)


def _number(node: Located, name: str, *, is_whole: bool, faults: Faults) -> int | float | None:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        faults.wrong(node, f"{name} is {shown(node)}; write a number")
        return None
    if not INTEGER_LOW <= value <= INTEGER_HIGH and (is_whole or isinstance(value, int)):
        faults.wrong(node, f"{name} is {value}, which does not fit 64 bits; write a smaller number")
        return None
    if is_whole and isinstance(value, float):
        faults.forgive(node, f"{name} is {value}", write=f"write {int(value)}", read=f"read as {int(value)}")
        return int(value)
    return value


def _fault(kind: str, low: float, high: float, step: float = 1) -> str:
    """What is wrong with bounds; empty if nothing is."""
    if kind == "randint" and low >= high:
        return f"randint leaves {high} out, so there is nothing from {low}; write [{low}, {max(low, high) + 1}]"
    if low > high:
        return f"low {low} is above high {high}; write [{high}, {low}{f', {step}' if kind.startswith('q') else ''}]"
    if "log" in kind and low <= 0:
        return f"low is {low}, but a {kind} must begin above 0; write a small number such as 0.0001"
    if step <= 0:
        return f"the step is {step}; write a number above 0"
    if kind == "qloguniform" and not _is_whole_range(low, high, step):
        return f"steps of {step} from {low} to {high} are no whole numbers; write loguniform, or choice with the values"
    if kind == "quniform" and (high - low) / step > _MOST_STEPS and not _is_whole_range(low, high, step):
        return f"{(high - low) / step:,.0f} steps are too many to choose from; write uniform, or whole numbers"
    return ""


def _is_whole_range(low: float, high: float, step: float) -> bool:
    whole = all(float(bound).is_integer() for bound in (low, high, step))
    return whole and low % step == 0 and high % step == 0


def node_of(label: str, parameter: Range) -> Integer | Real | OneOf:
    """The node that a range becomes."""
    low, high, *rest = parameter.bounds
    is_log = "log" in parameter.kind
    if parameter.kind == "randint":
        return Integer(label, int(low), int(high) - 1)
    if not rest:
        return Real(label, low, high, log=is_log)
    if _is_whole_range(low, high, rest[0]):
        return Integer(label, int(low), int(high), int(rest[0]), log=is_log)
    return OneOf(label, tuple(Candidate(str(value), value) for value in _steps(low, high, rest[0])))


def _steps(low: float, high: float, step: float) -> list[float]:
    """What NNI's ``quniform`` gives: multiples of the step, and the bounds where a multiple would be outside."""
    exact = Decimal(str(step))
    first, last = round(low / step), round(high / step)
    values = {min(max(float(exact * index), float(low)), float(high)) for index in range(first, last + 1)}
    return sorted(values)


def value_of(parameter: Range, value: object) -> object:
    """A value of NNI's as the node decides it; what is no value of the range is returned as it is."""
    node = node_of(parameter.key, parameter)
    if not _is_number(value):
        return value
    assert isinstance(value, (int, float))
    if isinstance(node, Real):
        return float(value)
    if isinstance(node, Integer):
        return int(value) if float(value).is_integer() else value
    # NNI multiplies floats, so that 0.3 may be written 0.30000000000000004.
    return next((each.key for each in node.candidates if math.isclose(float(each.key), value, abs_tol=1e-12)), value)


def has_value(parameter: Range, value: float) -> bool:
    """Whether a number is a value of a range."""
    node, found = node_of(parameter.key, parameter), value_of(parameter, value)
    if isinstance(node, OneOf):
        return isinstance(found, str)
    if not isinstance(found, (int, float)) or (isinstance(node, Integer) and not isinstance(found, int)):
        return False
    step = node.step if isinstance(node, Integer) else 0
    return node.low <= found <= node.high and not (step and (found - node.low) % step)


def range_of(key: str, node: Integer | Real) -> Range:
    """The range that a node becomes.

    Raises:
        SpaceError: NNI has none like it.
    """
    if isinstance(node, Real):
        return Range(key, "loguniform" if node.log else "uniform", (node.low, node.high))
    if node.step == 1 and not node.log:
        return Range(key, "randint", (node.low, node.high + 1))
    if node.low % node.step or node.high % node.step:
        raise SpaceError(
            f"{node.label!r} goes from {node.low} to {node.high} in steps of {node.step}; NNI steps from 0 on.",
            hint=f"Let both bounds be multiples of {node.step}, or write a choice of the values.",
        )
    return Range(key, "qloguniform" if node.log else "quniform", (node.low, node.high, node.step))


def replaced_distribution(kind: str, value: object) -> str:
    """What to write instead of a normal distribution; empty for another type."""
    if kind not in _NORMAL:
        return ""
    log, step = "log" in kind, kind.startswith("q")
    instead = f"{'q' if step else ''}{'loguniform' if log else 'uniform'}"
    names = f"[low, high{', step' if step else ''}]"
    if isinstance(value, list) and len(value) == _NORMAL[kind] and all(_is_number(item) for item in value):
        low, high = value[0] - 3 * value[1], value[0] + 3 * value[1]
        if log and high < 700:
            low, high = math.exp(low), math.exp(high)
        names = f"[{low:.6g}, {high:.6g}{f', {value[2]}' if step else ''}]"
    return f'{{"_type": "{instead}", "_value": {names}}}, which is within three standard deviations'


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
