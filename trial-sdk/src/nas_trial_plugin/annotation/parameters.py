"""``@nni.variable`` and ``@nni.function_choice``: what they offer, as entries of NNI's search space.

Source: NNI's annotation specification, v0.5 to v2.10: choice, randint, uniform, quniform, loguniform, qloguniform. Its
normal distributions have no bounds, and so no place in a space; an error names the uniform one that is near.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass

from nas_trial_plugin.annotation.findings import Findings
from nas_trial_plugin.annotation.nearest import nearest
from nas_trial_plugin.annotation.texts import Call

BOUNDS = {"randint": 2, "uniform": 2, "quniform": 3, "loguniform": 2, "qloguniform": 3}
_NORMAL = {"normal": "uniform", "qnormal": "quniform", "lognormal": "loguniform", "qlognormal": "qloguniform"}
_MOST_STEPS = 1000

Number = int | float
Option = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable whose value is chosen.

    Attributes:
        name: Source of what is assigned.
        kind: ``choice``, or the name of a distribution.
        options: Of a choice: the values, and their sources; a value that is no literal is named by its source.
        bounds: Of a distribution.
    """

    name: str
    kind: str
    options: tuple[tuple[Option, str], ...] = ()
    bounds: tuple[Number, ...] = ()

    @property
    def is_literal(self) -> bool:
        """Whether every value is known without running the code."""
        return all(_literal(source) is not None for _, source in self.options)


@dataclass(frozen=True, slots=True)
class FunctionChoice:
    """A call that is chosen.

    Attributes:
        name: The function whose call is replaced.
        calls: Normalised sources of the calls to choose from.
    """

    name: str
    calls: tuple[str, ...]


def read_variable(call: Call, findings: Findings) -> Variable | None:
    """The variable that ``variable(nni.choice(...), name=x)`` names; ``None``, and notes, if it is wrong."""
    name = _name(call, findings)
    offer = call.node.args[0] if len(call.node.args) == 1 else None
    place = call.text.place_of(call.node)
    if not isinstance(offer, ast.Call) or not isinstance(offer.func, ast.Attribute):
        instead = "Write @nni.variable(nni.choice(0.1, 0.01), name=x)."
        findings.add(place, "It names no kind of choice.", field="variable", instead=instead)
        return None
    kind = offer.func.attr
    if offer.keywords:
        findings.add(
            call.text.place_of(offer), "Keywords are not read here.", field=kind, instead="Write the values only."
        )
        return None
    if kind == "choice":
        options = _options(offer, call, findings)
        return None if name is None or options is None else Variable(name, kind, options=options)
    if kind in BOUNDS:
        bounds = _bounds(kind, offer, call, findings)
        return None if name is None or bounds is None else Variable(name, kind, bounds=bounds)
    instead = nearest(kind, ("choice", *BOUNDS)) or f"Write one of choice, {', '.join(BOUNDS)}."
    if kind in _NORMAL:
        instead = f"It has no bounds; write nni.{_NORMAL[kind]} with bounds three standard deviations away."
    findings.add(call.text.place_of(offer), "There is no such kind of choice here.", field=kind, instead=instead)
    return None


def read_function_choice(call: Call, findings: Findings) -> FunctionChoice | None:
    """The choice that ``function_choice(f(x), g(x), name=f)`` names; ``None``, and notes, if it is wrong."""
    name = _name(call, findings)
    calls: dict[str, None] = {}
    if not call.node.args:
        instead = "Write @nni.function_choice(f(x), g(x), name=f)."
        findings.add(
            call.text.place_of(call.node), "There is nothing to choose.", field="function_choice", instead=instead
        )
        return None
    for argument in call.node.args:
        source = ast.unparse(argument)
        if not isinstance(argument, ast.Call):
            findings.add(
                call.text.place_of(argument),
                f"{source} is no call.",
                field="function_choice",
                instead=f"Write {source}(...).",
            )
            name = None
        elif source in calls:
            findings.forgives(
                call.text.place_of(argument),
                f"{source} stands twice.",
                field="function_choice",
                instead="Remove one of the two.",
                read_as="It is read once.",
            )
        calls[source] = None
    return None if name is None else FunctionChoice(name, tuple(calls))


def _name(call: Call, findings: Findings) -> str | None:
    words = {word.arg: word.value for word in call.node.keywords}
    unknown = [word for word in call.node.keywords if word.arg != "name"]
    for word in unknown:
        findings.add(
            call.text.place_of(word), "There is no such field.", field=word.arg or "**", instead="Write name=x."
        )
    value = words.get("name")
    if value is None:
        findings.add(
            call.text.place_of(call.node),
            "The field is missing.",
            field="name",
            instead="Write name=x, which the next line assigns or calls.",
        )
        return None
    if not isinstance(value, ast.Name | ast.Attribute | ast.Subscript):
        shown = ast.unparse(value)
        bare = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else "x"
        findings.add(call.text.place_of(value), f"{shown} is no name.", field="name", instead=f"Write name={bare}.")
        return None
    return None if unknown else ast.unparse(value)


def _options(offer: ast.Call, call: Call, findings: Findings) -> tuple[tuple[Option, str], ...] | None:
    if not offer.args:
        findings.add(
            call.text.place_of(offer),
            "There is nothing to choose.",
            field="choice",
            instead="Write nni.choice(0.1, 0.01).",
        )
        return None
    found: dict[str, Option] = {}
    for argument in offer.args:
        source = ast.unparse(argument)
        if isinstance(argument, ast.Starred):
            findings.add(
                call.text.place_of(argument),
                f"{source} is not read here.",
                field="choice",
                instead="Write the values out.",
            )
            return None
        if source in found:
            findings.forgives(
                call.text.place_of(argument),
                f"{source} stands twice.",
                field="choice",
                instead="Remove one of the two.",
                read_as="It is read once.",
            )
        literal = _literal(source)
        found.setdefault(source, source if literal is None else literal)
    return tuple((value, source) for source, value in found.items())


def _literal(source: str) -> Option | None:
    try:
        value = ast.literal_eval(source)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str) else None


def _bounds(kind: str, offer: ast.Call, call: Call, findings: Findings) -> tuple[Number, ...] | None:
    place = call.text.place_of(offer)
    names = ("low", "high", "step")[: BOUNDS[kind]]
    values = tuple(_literal(ast.unparse(argument)) for argument in offer.args)
    numbers = tuple(value for value in values if isinstance(value, int | float) and not isinstance(value, bool))
    if len(numbers) != len(names) or len(values) != len(names) or (kind == "randint" and not _are_whole(numbers)):
        shown = ast.unparse(offer)
        whole = " of whole numbers" if kind == "randint" else ""
        findings.add(
            place,
            f"{shown} does not have its numbers.",
            field=kind,
            instead=f"Write nni.{kind}({', '.join(names)}){whole}.",
        )
        return None
    fault = _fault(kind, *numbers)
    if fault:
        findings.add(place, fault[0], field=kind, instead=fault[1])
        return None
    return numbers


def _are_whole(numbers: tuple[Number, ...]) -> bool:
    return all(isinstance(number, int) for number in numbers)


def _fault(kind: str, low: Number, high: Number, step: Number = 1) -> tuple[str, str] | None:
    """What is wrong with bounds, and what to write instead."""
    if kind == "randint" and low >= high:
        return (
            f"randint leaves {high} out, so there is nothing from {low}.",
            f"Write nni.randint({low}, {max(low, high) + 1}).",
        )
    if low > high:
        return f"low {low} is above high {high}.", "Write the smaller number first."
    if "log" in kind and low <= 0:
        return f"low is {low}, and a logarithm begins above 0.", "Write a small number such as 0.0001."
    if step <= 0:
        return f"The step is {step}.", "Write a number above 0."
    if kind.startswith("q") and not _is_whole_range(low, high, step):
        if "log" in kind:
            return f"Steps of {step} do not meet {low} and {high} in whole numbers.", "Write nni.loguniform(low, high)."
        if (high - low) / step > _MOST_STEPS:
            return f"{(high - low) / step:,.0f} steps are too many to choose from.", "Write nni.uniform(low, high)."
    return None


def _is_whole_range(low: float, high: float, step: float) -> bool:
    whole = all(float(bound).is_integer() for bound in (low, high, step))
    return whole and low % step == 0 and high % step == 0
