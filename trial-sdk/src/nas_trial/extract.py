"""Reads the search space from a model: constructs it once with everything in it, on the meta device.

Parameters of the meta device have shapes but no memory, so a supernet of any size costs only its Python objects. The
generators of torch, NumPy and Python are left as they were.

Not here: building a network (``build``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import MethodType
from weakref import WeakKeyDictionary

from nascore.errors import InvalidInputError, SpaceError
from nascore.space import Architecture, Node, SearchSpace
from nascore.space.scope import inner_lists
from torch import nn

from nas_trial.construction import constructing
from nas_trial.decision import Identity, Unnamed
from nas_trial.generators import generators_kept
from nas_trial.labels import labels
from nas_trial.shapes_only import shapes_only
from nas_trial.survey import Survey, nodes
from nas_trial.values import LAYERS_HINT, Leaf, Operation

Factory = Callable[[], nn.Module]


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """A space, with what is needed to find its decisions while the model is constructed again.

    Attributes:
        space: The space.
        names: Labels of the choices that have none of their own.
        table: The node of every decision, by path.
        shared: Labels that stand in several places.
    """

    space: SearchSpace
    names: dict[Unnamed, str]
    table: dict[str, Node]
    shared: frozenset[str]

    def expected(self, architecture: Architecture | None) -> set[str]:
        """Paths of the decisions that are certainly met while an architecture, or everything, is constructed.

        A shared decision lives around its uses, so it may be decided although the architecture has none of them.
        """
        if architecture is None:
            return {row.path for row in self.space.decisions if not row.is_search_only}
        return {path for path in architecture if self.table[path].label not in self.shared}

    def label(self, identity: Identity) -> str | None:
        """The label of a choice; None if no such choice was met."""
        return identity if isinstance(identity, str) else self.names.get(identity)


class Extractions:
    """Remembers the spaces of factories for as long as these live; methods are remembered with their objects.

    A factory may change what it builds; ``build`` notices when a model differs from what is remembered.
    """

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[object, dict[object, Extracted]] = WeakKeyDictionary()

    def get(self, factory: Factory) -> Extracted | None:
        """What is remembered of a factory, if anything."""
        owner, part = _owner(factory)
        try:
            return self._known.get(owner, {}).get(part)
        except TypeError:  # not hashable, or without weak references
            return None

    def put(self, factory: Factory, extracted: Extracted) -> None:
        """Remembers it if the factory allows."""
        owner, part = _owner(factory)
        try:
            self._known.setdefault(owner, {})[part] = extracted
        except TypeError:  # not hashable, or without weak references
            return


EXTRACTIONS = Extractions()
"""What was read in this process, also before it was forked."""


def extract(factory: Factory) -> SearchSpace:
    """Reads the search space of a model.

    Args:
        factory: Makes the model, without arguments, such as its class. It must not depend on data, and must make the
            same model every time.

    Returns:
        The space: every choice, in the order in which the choices are constructed.

    Raises:
        SpaceError: The choices do not make a space; which one, where it was written and what to write is said.
    """
    return extract_all(factory).space


def extract_all(factory: Factory) -> Extracted:
    """Like `extract`, with what ``build`` needs as well; it is remembered."""
    check_factory(factory)
    survey = Survey()
    with generators_kept(), shapes_only(), constructing(survey):
        model = checked_model(_constructed(factory))
    names = dict(labels(model, survey.drafts))
    space = SearchSpace(
        nodes(survey.drafts, lambda identity: identity if isinstance(identity, str) else names[identity]),
        tuple(survey.constraints),
    )
    uses = Counter(_labels(space.nodes))
    shared = frozenset(label for label, count in uses.items() if count > 1)
    extracted = Extracted(space, names, {row.path: row.node for row in space.decisions}, shared)
    EXTRACTIONS.put(factory, extracted)
    return extracted


def check_factory(factory: object) -> None:
    """Refuses what makes no model.

    Raises:
        InvalidInputError: It is a model already, or cannot be called.
    """
    if isinstance(factory, nn.Module) or not callable(factory):
        raise InvalidInputError(
            f"{type(factory).__name__} is given where a callable that makes the model is needed.",
            hint="Give the class of the model, or a function without arguments: lambda: Net(10).",
        )


def checked_model(made: object) -> nn.Module:
    """What a factory made, if it is a module.

    Raises:
        InvalidInputError: It is not.
    """
    if not isinstance(made, nn.Module):
        raise InvalidInputError(f"The factory made {made!r}, which is not a module.", hint="Let it return the model.")
    return made


def _constructed(factory: Factory) -> nn.Module:
    try:
        return factory()
    except TypeError as error:
        if not any(kind.__name__ in str(error) for kind in (Leaf, Operation)):
            raise
        raise SpaceError(f"A choice is given to something that takes none: {error}.", hint=LAYERS_HINT) from error
    except (RuntimeError, NotImplementedError) as error:
        # SpaceError and its kin are no RuntimeErrors; torch reports what the meta device cannot do as these two.
        if "meta" not in str(error):
            raise
        raise SpaceError(
            f"The model reads the numbers in a tensor while it is constructed: {error}",
            hint="The space is read without data, on the meta device: compute with Python numbers, or device='cpu'.",
        ) from error


def _labels(members: Iterable[Node]) -> Iterator[str]:
    for node in members:
        yield node.label
        for inner in inner_lists(node):
            yield from _labels(inner)


def _owner(factory: Factory) -> tuple[object, object]:
    if isinstance(factory, MethodType):
        return factory.__self__, factory.__func__
    return factory, None
