"""How annotated layers are computed: which of the candidates and inputs take part in it.

`SubGraph` computes what was chosen and nothing else, which may be another path for each mini-batch. `FullGraph`
computes weighted sums of all candidates and all inputs as well, which an `AnnotatedLayer` holds.
"""

from __future__ import annotations

from typing import Protocol

from nascore.errors import StateError
from torch import nn

from nas_trial.annotated.choices import Choices
from nas_trial.annotated.kept import Kept
from nas_trial.annotated.layer import AnnotatedLayer, Operation
from nas_trial.mixing import Mixing, Term


class Execution(Protocol):
    """Computes layers."""

    def run(self, layer: AnnotatedLayer, choices: Choices) -> object:
        """Return the output of a layer."""
        ...


class SubGraph:
    """Calls the chosen candidate on the chosen inputs; no other candidate is called."""

    def __init__(self) -> None:
        self._kept = Kept()

    def run(self, layer: AnnotatedLayer, choices: Choices) -> object:
        """Return ``candidate([fixed, chosen])``, with what aggregates the inputs and what processes the result.

        Raises:
            StateError: The code offers other candidates or inputs than its search space.
        """
        chosen = self._inputs(layer, choices)
        return layer.output(self._result(layer, choices, layer.argument(chosen)), chosen)

    def _inputs(self, layer: AnnotatedLayer, choices: Choices) -> list[object]:
        if not layer.optional_inputs:
            return []
        return [_input(layer, name) for name in choices.texts(layer.inputs_key)]

    def _result(self, layer: AnnotatedLayer, choices: Choices, argument: object) -> object:
        return self._operation(layer, choices.text(layer.key))(argument)

    def _operation(self, layer: AnnotatedLayer, text: str) -> Operation:
        if text not in layer.candidates:
            raise _changed(layer.key, text, layer.candidates)
        return self._kept.function(layer, text)


class FullGraph(SubGraph):
    """In a mixture, adds up what all candidates make of all inputs, with their weights; otherwise a `SubGraph`.

    Every input is taken times its own weight; what aggregates them gets a list of those that have one.
    """

    def _inputs(self, layer: AnnotatedLayer, choices: Choices) -> list[object]:
        mixing = choices.mixing(layer.inputs_key) if layer.optional_inputs else None
        if mixing is None:
            return super()._inputs(layer, choices)
        inputs = ((index, _input(layer, str(mixing.options[index]))) for index in mixing.computed)
        return [mixing.sum([mixing.term(index, value)]) for index, value in inputs]

    def _result(self, layer: AnnotatedLayer, choices: Choices, argument: object) -> object:
        mixing = choices.mixing(layer.key)
        if mixing is None:
            return super()._result(layer, choices, argument)
        return mixing.sum([self._term(layer, mixing, index, argument) for index in mixing.computed])

    def _term(self, layer: AnnotatedLayer, mixing: Mixing, index: int, argument: object) -> Term:
        operation = self._operation(layer, str(mixing.options[index]))
        modules = [operation.function] if isinstance(operation.function, nn.Module) else []
        return mixing.term(index, mixing.alone(index, modules, lambda: operation(argument)))


def _input(layer: AnnotatedLayer, name: str) -> object:
    if name not in layer.optional_inputs:
        raise _changed(layer.inputs_key, name, layer.optional_inputs)
    return layer.optional_inputs[name]


def _changed(key: str, text: str, offered: object) -> StateError:
    names = ", ".join(map(repr, offered)) if isinstance(offered, dict) else repr(offered)
    return StateError(
        f"{key!r} is {text!r} in this architecture, but the code offers {names}.",
        hint="The search space was made from other code; run `nascore compile` again.",
    )
