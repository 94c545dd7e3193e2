"""Makes a search space of a model that was written without choices: puts choices in the place of its parts.

A free mutator in the terms of the field: the model's source stays as it is, and what is replaced is told by patterns.
Choices without a label are called after the place of the part that they replace, so labels are the same in search and
retraining, and stay when the model or the patterns are edited elsewhere.

Not here: what stands in the place, which are modules with choices as anywhere (``layer_choice``, ``repeat``).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from nascore.errors import SpaceError, StateError
from torch import nn

from nas_trial.choice import decision_of, holds_choices
from nas_trial.construction import construction
from nas_trial.decision import Identity, Site
from nas_trial.extract import Factory, check_factory, checked_model
from nas_trial.layer_choice import LayerChoice
from nas_trial.layers.elastic import Elastic
from nas_trial.names import candidate_key
from nas_trial.place import caller
from nas_trial.repeat import Repeat
from nas_trial.survey import Survey

Predicate = Callable[[str, nn.Module], bool]
Pattern = type[nn.Module] | str | Predicate
Replacement = Callable[[nn.Module], nn.Module]

_PATTERN = (
    "Give a class of modules (nn.Conv2d), a name with wildcards as in model.named_modules() ('layer*.conv1'), or a "
    "function of the name and the module that says whether it is replaced."
)
_REPLACEMENT = 'Write a function of the original: lambda conv: nas.LayerChoice({"conv": conv, "skip": nn.Identity}).'


class Mutated:
    """A factory that makes a model with parts replaced; see `mutate`.

    Args:
        factory: Makes the model.
        rules: Patterns and what replaces the parts that they match.
    """

    def __init__(self, factory: Factory, rules: Mapping[Pattern, Replacement]) -> None:
        self._factory = factory
        self._rules = dict(rules)

    def __call__(self) -> nn.Module:
        """Make the model.

        Raises:
            SpaceError: A pattern matches nothing, or a replacement is no module.
        """
        model = checked_model(self._factory())
        run = construction().identify("mutate")
        # Of a model with choices, a network that is built may lack what a pattern matches.
        is_whole = isinstance(construction(), Survey) or not holds_choices(model)
        names = [name for name, _ in model.named_modules() if name]
        rewriting = _Rewriting(self._rules, run)
        mutated = rewriting.rewritten(model, Place())
        if is_whole:
            rewriting.check_all_matched(names)
        return mutated

    def __repr__(self) -> str:
        return f"nas.mutate({self._factory!r}, {{{', '.join(map(_shown, self._rules))}}})"


def mutate(factory: Factory, rules: Mapping[Pattern, Replacement]) -> Mutated:
    """A model in which parts are replaced, such as plain layers by choices, without a change to its source.

    Give it wherever a factory is taken: ``nas.extract``, ``nas.build``, ``nas.export_source``; a trial's ``build`` may
    return ``self.mutated()`` of one made in ``__init__``, or call it on the spot.

    Args:
        factory: Makes the model, without arguments, such as its class.
        rules: What is replaced, and by what. A pattern is a class of modules; the dotted name of a module, in which
            ``*``, ``?`` and ``[...]`` are wildcards (``*`` crosses dots); or a function of name and module that says
            whether. The first that matches counts; what stands in place of a module is not looked through again. A
            replacement gets the original module, which it may use as a candidate, and returns a module.

    Returns:
        A factory for the model with these parts replaced.

    Raises:
        SpaceError: There are no rules, or one is no pattern with a function.
        InvalidInputError: The factory makes no model.
    """
    check_factory(factory)
    given: object = rules
    if not isinstance(given, Mapping) or not given:
        raise SpaceError(
            f"nas.mutate ({caller()}) is given {given!r} as rules.", hint=f"Map patterns to functions. {_PATTERN}"
        )
    for pattern, replacement in rules.items():
        _check_rule(pattern, replacement)
    return Mutated(factory, rules)


class Slot(nn.Module):
    """A place in a model that `mutate` fills: it holds what has to be known there, and computes nothing.

    Fill it by class and read what it holds: ``nas.mutate(Net, {nas.Slot: lambda slot: Block(slot.given["width"])})``.

    Args:
        given: What the filling has to know, by name: widths, strides.
    """

    def __init__(self, **given: object) -> None:
        super().__init__()
        self.given: Mapping[str, object] = given

    def forward(self, *args: object, **kwargs: object) -> object:
        """Refuse, for nothing is there.

        Raises:
            StateError: Always.
        """
        raise StateError(
            f"A slot ({self.extra_repr()}) is not filled.",
            hint="Fill it: nas.mutate(factory, {nas.Slot: lambda slot: ...}).",
        )

    def extra_repr(self) -> str:
        """What it holds."""
        return ", ".join(f"{name}={value!r}" for name, value in self.given.items())


@dataclass(frozen=True, slots=True)
class Place:
    """Where a module stands.

    Attributes:
        name: Its dotted name.
        inner: The part of the name within the innermost candidate or copy, whose choice has a name of its own.
    """

    name: str = ""
    inner: str = ""

    def child(self, name: str, *, of_choice: bool) -> Place:
        """The place of a child."""
        return Place(_joined(self.name, name), "" if of_choice else _joined(self.inner, name))


class _Rewriting:
    """One pass through one model."""

    def __init__(self, rules: dict[Pattern, Replacement], run: Identity) -> None:
        self._rules = rules
        self._run = run
        self._done: dict[int, nn.Module] = {}
        self._kept: list[nn.Module] = []  # while the pass goes on, no id is given twice
        self._matched: set[Pattern] = set()

    def rewritten(self, module: nn.Module, place: Place) -> nn.Module:
        """What stands in place of a module: the same for a module that stands in several places."""
        if id(module) not in self._done:
            self._kept.append(module)
            self._done[id(module)] = self._replaced(module, place)
        return self._done[id(module)]

    def check_all_matched(self, names: Sequence[str]) -> None:
        """Refuses a pattern that matched nothing, which is nearly always a slip of the pen."""
        for pattern in self._rules:
            if pattern not in self._matched:
                near = get_close_matches(pattern, names, 3, 0.4) if isinstance(pattern, str) else names[:6]
                raise SpaceError(
                    f"The pattern {_shown(pattern)} of nas.mutate matches no module of the model.",
                    hint=f"Names are, among others: {', '.join(near or names[:6])}. The first pattern that matches "
                    "counts, and parts that are replaced are not looked through.",
                )

    def _replaced(self, module: nn.Module, place: Place) -> nn.Module:
        for pattern, replacement in self._rules.items():
            if _matches(pattern, place.name, module):
                self._matched.add(pattern)
                with construction().at(Site(self._run, place.inner or type(module).__name__)):
                    return _made(replacement, module, place.name)
        for name, child in _children(module):
            with _around(module, name):
                made = self.rewritten(child, place.child(name, of_choice=isinstance(module, (LayerChoice, Repeat))))
            if made is not child:
                module._modules[name] = made
        return module


def _joined(name: str, child: str) -> str:
    return f"{name}.{child}" if name else child


def _children(module: nn.Module) -> list[tuple[str, nn.Module]]:
    if isinstance(module, (nn.MultiheadAttention, Elastic)):
        return []  # they read the tensors of their children
    return [(name, child) for name, child in module._modules.items() if child is not None]


def _around(module: nn.Module, child_name: str) -> AbstractContextManager[None]:
    """What is put into a candidate or a copy depends on its choice."""
    if isinstance(module, LayerChoice):
        return construction().inside(decision_of(module), candidate_key(child_name))
    if isinstance(module, Repeat):
        return construction().inside(decision_of(module), int(child_name))
    return nullcontext()


def _matches(pattern: Pattern, name: str, module: nn.Module) -> bool:
    if isinstance(pattern, str):
        return bool(name) and fnmatchcase(name, pattern)
    return isinstance(module, pattern) if isinstance(pattern, type) else bool(pattern(name, module))


def _made(replacement: Replacement, module: nn.Module, name: str) -> nn.Module:
    made: object = replacement(module)
    if isinstance(made, nn.Module):
        return made
    raise SpaceError(
        f"The replacement of {name!r} ({type(module).__name__}) is {made!r}, which is not a module.", hint=_REPLACEMENT
    )


def _check_rule(pattern: object, replacement: object) -> None:
    is_class = isinstance(pattern, type) and issubclass(pattern, nn.Module)
    if not (is_class or (isinstance(pattern, str) and pattern) or inspect.isroutine(pattern)):
        raise SpaceError(f"nas.mutate ({caller()}): {pattern!r} is no pattern.", hint=_PATTERN)
    if not callable(replacement) or isinstance(replacement, nn.Module):
        raise SpaceError(
            f"nas.mutate ({caller()}): {_shown(pattern)} is to be replaced by {replacement!r}.", hint=_REPLACEMENT
        )


def _shown(pattern: object) -> str:
    return repr(pattern) if isinstance(pattern, str) else str(getattr(pattern, "__name__", pattern))
