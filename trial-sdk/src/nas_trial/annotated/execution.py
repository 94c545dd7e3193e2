"""How annotated layers are computed: which of the candidates and inputs take part in it.

`SubGraph` computes what was chosen and nothing else. The full-graph ways (a path for each mini-batch, dropout of paths,
weighted sums) are further implementations of `Execution`: an `AnnotatedLayer` holds all candidates and all inputs.
"""

from __future__ import annotations

from typing import Protocol

from nascore.errors import StateError

from nas_trial.annotated.choices import Choices
from nas_trial.annotated.kept import Kept
from nas_trial.annotated.layer import AnnotatedLayer


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
        text = choices.text(layer.key)
        if text not in layer.candidates:
            raise _changed(layer.key, text, layer.candidates)
        chosen = [_input(layer, name) for name in choices.texts(layer.inputs_key)] if layer.optional_inputs else []
        result = self._kept.function(layer, text)(layer.argument(chosen))
        return layer.output(result, chosen)


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
