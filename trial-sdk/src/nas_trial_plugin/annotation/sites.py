"""What the annotations of a file ask for: every annotation read, and matched with the statement that it speaks of."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from nas_trial_plugin.annotation.findings import Findings
from nas_trial_plugin.annotation.layers import Layer, read_layers
from nas_trial_plugin.annotation.nearest import nearest
from nas_trial_plugin.annotation.parameters import FunctionChoice, Variable, read_function_choice, read_variable
from nas_trial_plugin.annotation.statements import Annotation, Span, Surveyed
from nas_trial_plugin.annotation.texts import Call, parsed

_REPORTS = ("report_intermediate_result", "report_final_result")
_NEXT = "get_next_parameter"
FUNCTIONS = ("mutable_layers", "variable", "function_choice", *_REPORTS, _NEXT)
_GONE = {"training_update": "Remove it; how candidates are trained is chosen when the search starts, not in the code."}


@dataclass(frozen=True, slots=True)
class LayersSite:
    """Layers with choices, where their annotation stands."""

    annotation: Annotation
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class VariableSite:
    """A value that is chosen: ``value`` is what the code assigns, and what is put in its place."""

    annotation: Annotation
    variable: Variable
    value: Span


@dataclass(frozen=True, slots=True)
class FunctionSite:
    """A call that is chosen: ``call`` is what the code calls, and what is put in its place."""

    annotation: Annotation
    choice: FunctionChoice
    call: Span


@dataclass(frozen=True, slots=True)
class CallSite:
    """A call to the tuner: ``source`` is what it is called with."""

    annotation: Annotation
    function: str
    source: str


Site = LayersSite | VariableSite | FunctionSite | CallSite


def read_sites(surveyed: Surveyed, findings: Findings) -> tuple[Site, ...]:
    """Read the annotations of a file; those that are wrong are noted and left out."""
    found: list[Site] = []
    for annotation in surveyed.annotations:
        call = parsed(annotation.text, findings)
        site = None if call is None else _site(annotation, call, findings)
        if site is not None:
            found.append(site)
    return tuple(found)


def _site(annotation: Annotation, call: Call, findings: Findings) -> Site | None:
    if call.function == "mutable_layers":
        return LayersSite(annotation, read_layers(call, findings))
    if call.function == "variable":
        return _variable_site(annotation, call, findings)
    if call.function == "function_choice":
        return _function_site(annotation, call, findings)
    if call.function in (*_REPORTS, _NEXT):
        return _call_site(annotation, call, findings)
    instead = _GONE.get(call.function) or nearest(call.function, FUNCTIONS) or f"Write one of {', '.join(FUNCTIONS)}."
    findings.add(annotation.text.place, f"There is no annotation @nni.{call.function}.", instead=instead)
    return None


def _variable_site(annotation: Annotation, call: Call, findings: Findings) -> VariableSite | None:
    variable = read_variable(call, findings)
    if variable is None or not _has_follower(annotation, f"{variable.name} = ...", findings):
        return None
    follower = annotation.follower
    if follower is None or follower.value is None or _normalised(follower.target) != variable.name:
        findings.add(
            annotation.text.place,
            f"The next statement does not assign {variable.name}.",
            field="name",
            instead=f"Write {variable.name} = ... on the next line.",
        )
        return None
    return VariableSite(annotation, variable, follower.value)


def _function_site(annotation: Annotation, call: Call, findings: Findings) -> FunctionSite | None:
    choice = read_function_choice(call, findings)
    if choice is None or not _has_follower(annotation, f"... {choice.name}(...)", findings):
        return None
    calls = annotation.follower.calls if annotation.follower is not None else ()
    span = next((span for name, span in calls if _normalised(name) == choice.name), None)
    if span is None:
        findings.add(
            annotation.text.place,
            f"The next statement does not call {choice.name}.",
            field="name",
            instead=f"Call {choice.name}(...) on the next line.",
        )
        return None
    return FunctionSite(annotation, choice, span)


def _call_site(annotation: Annotation, call: Call, findings: Findings) -> CallSite | None:
    wanted = 0 if call.function == _NEXT else 1
    if call.node.keywords or len(call.node.args) != wanted:
        written = f"@nni.{call.function}({'' if wanted == 0 else 'accuracy'})"
        findings.add(
            annotation.text.place,
            f"{call.function} takes {'nothing' if wanted == 0 else 'one value'}.",
            field=call.function,
            instead=f"Write {written}.",
        )
        return None
    return CallSite(annotation, call.function, ", ".join(map(ast.unparse, call.node.args)))


def _has_follower(annotation: Annotation, wanted: str, findings: Findings) -> bool:
    if annotation.follower is None:
        message, instead = "No statement follows the annotation.", f"Write {wanted} on the next line."
    elif annotation.follower.is_annotation:
        message, instead = "Another annotation follows the annotation.", f"Write {wanted} between the two."
    else:
        return True
    findings.add(annotation.text.place, message, instead=instead)
    return False


def _normalised(source: str) -> str:
    try:
        return ast.unparse(ast.parse(source, mode="eval"))
    except SyntaxError:
        return ""
