"""What is decided for the annotated code of this process, by label.

A trial says it (a worker's script, or the model that was built last); without one it is the default architecture. There
is one trial at a time in a process, and so there is one answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from nascore.errors import StateError
from nascore.space import Literal, Node, OneOf, SearchSpace
from nascore.space import path as paths

from nas_trial.mixing import Mixing

Decided = str | tuple[str, ...] | int | float


class Source(Protocol):
    """Says what is decided; ``None`` for a label that it does not know."""

    def __call__(self, label: str) -> Decided | None:
        """Return the value of a decision."""
        ...


@runtime_checkable
class MixedSource(Source, Protocol):
    """A source that may say weights instead, in a one-shot search."""

    def mixing(self, label: str) -> Mixing | None:
        """Return the weights of a decision; ``None`` if it is decided."""
        ...


class Choices:
    """The decisions of a space, as they are at present.

    Args:
        space: What there is to decide.
        trial: Says what the trial of this process decides, if there is one.
    """

    def __init__(self, space: SearchSpace, trial: CurrentTrial) -> None:
        self._nodes: dict[str, Node] = {node.label: node for node in space.nodes}
        self._default = space.default()
        self._trial = trial

    @property
    def is_decided(self) -> bool:
        """Whether a trial decides, and not the default."""
        return self._trial.source is not None

    def value(self, label: str) -> Decided:
        """What is decided: a candidate's key, several, or a number.

        Raises:
            StateError: The space has no such decision.
        """
        if label not in self._nodes:
            raise StateError(
                f"The search space has no decision {label!r}.",
                hint="It was made from other code; run `nascore compile` again.",
            )
        found = None if self._trial.source is None else self._trial.source(label)
        return self._default[paths.escape(label)] if found is None else found

    def mixing(self, label: str) -> Mixing | None:
        """The weights of a decision, if a mixture is computed."""
        source = self._trial.source
        return source.mixing(label) if isinstance(source, MixedSource) else None

    def text(self, label: str) -> str:
        """The key of the one candidate that is chosen."""
        return str(self.value(label))

    def texts(self, label: str) -> tuple[str, ...]:
        """The keys of the candidates that are chosen, in the order of the space."""
        value = self.value(label)
        return value if isinstance(value, tuple) else (str(value),)

    def literal(self, label: str) -> Literal:
        """What the chosen value stands for: a candidate's literal, or the number."""
        value = self.value(label)
        node = self._nodes[label]
        if isinstance(node, OneOf):
            candidate = next(candidate for candidate in node.candidates if candidate.key == value)
            return candidate.key if candidate.value is None else candidate.value
        if isinstance(value, tuple):
            raise StateError(f"{label!r} is a choice of several, and has no one value.")
        return value


class CurrentTrial:
    """What the trial of this process decides."""

    def __init__(self) -> None:
        self.source: Source | None = None

    @contextmanager
    def deciding(self, source: Source | None) -> Iterator[None]:
        """While a source decides."""
        before, self.source = self.source, source
        try:
            yield
        finally:
            self.source = before


def from_architecture(architecture: Mapping[str, Decided]) -> Source:
    """A source that says what an architecture decides."""
    return lambda label: architecture.get(paths.escape(label))
