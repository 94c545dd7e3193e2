"""What choices without a label are called.

A module is called after its place in the model, the attributes that lead to it joined by dots: ``features.0.op``; in a
candidate ``op.conv3.act``. A value is called after the attribute that holds it (``width``), or else after the layer
argument that uses it first (``fc1.out_features``). For copies in a Repeat, which have one label in common, ``*`` stands
for the number of the copy: ``stage.*.act``. What cannot be reached from the model is counted: ``LayerChoice-0``. These
labels do not change when another choice is added elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from nascore.errors import SpaceError
from torch import nn

from nas_trial.choice import Choice, decision_of
from nas_trial.decision import Decision, Identity, Unnamed
from nas_trial.layer_choice import LayerChoice
from nas_trial.layers.elastic import Elastic
from nas_trial.names import candidate_key
from nas_trial.repeat import Repeat
from nas_trial.survey import Draft
from nas_trial.values import Leaf, Operation


def labels(model: nn.Module, drafts: Sequence[Draft]) -> Mapping[Unnamed, str]:
    """The label of every choice that has none of its own.

    Args:
        model: The model, constructed with everything in it.
        drafts: What was met while it was constructed.

    Raises:
        SpaceError: A label that would be given is taken.
    """
    if all(isinstance(draft.decision.identity, str) for draft in _all(drafts)):
        return {}  # walking through a large model costs as much as a third of constructing it
    names: dict[Unnamed, str] = {}
    for name, decision in (*_of_modules(model), *_of_attributes(model), *_of_arguments(model)):
        if isinstance(decision.identity, Unnamed):
            names.setdefault(decision.identity, name)
    taken: dict[str, Identity] = {}
    for draft in sorted(_all(drafts), key=lambda draft: isinstance(draft.decision.identity, Unnamed)):
        identity = draft.decision.identity
        name = _named(identity, names)
        if taken.setdefault(name, identity) != identity:
            raise SpaceError(
                f"The choice at {draft.place} has no label, and {name!r}, its place in the model, is the label of "
                "another choice.",
                hint="Give it a label of its own: label=...",
            )
    return names


def _named(identity: Identity, names: dict[Unnamed, str]) -> str:
    """The label of an identity; one that could not be reached is counted, and noted in ``names``."""
    if isinstance(identity, str):
        return identity
    if identity not in names:
        around = [] if identity.owner is None else [_named(identity.owner, names)]
        branch = [identity.branch] if identity.branch else []
        site = [identity.site.name] if identity.site else []
        names[identity] = ".".join([*around, *branch, *site, f"{identity.kind}-{identity.number}"])
    return names[identity]


def _all(drafts: Sequence[Draft]) -> Iterator[Draft]:
    for draft in drafts:
        yield draft
        for inner in draft.inner.values():
            yield from _all(inner)


def _walk(module: nn.Module, name: str, seen: set[int]) -> Iterator[tuple[str, nn.Module]]:
    """Every module with its place, once, in the order in which they were registered."""
    if id(module) in seen:
        return
    seen.add(id(module))
    yield name, module
    for child_name, child in module.named_children():
        yield from _walk(child, _below(name, _step(module, child_name)), seen)


def _step(module: nn.Module, child_name: str) -> str:
    if isinstance(module, LayerChoice):
        return candidate_key(child_name)
    return "*" if isinstance(module, Repeat) else child_name


def _of_modules(model: nn.Module) -> Iterator[tuple[str, Decision]]:
    for name, module in _walk(model, "", set()):
        if isinstance(module, Choice):
            yield name or type(module).__name__, decision_of(module)


def _of_attributes(model: nn.Module) -> Iterator[tuple[str, Decision]]:
    for name, module in _walk(model, "", set()):
        for attribute, value in vars(module).items():
            decision = _held(value)
            if decision is not None:
                yield _below(name, attribute), decision


def _held(value: object) -> Decision | None:
    """The choice that an attribute holds: a number or text, or all entries of a tuple."""
    if isinstance(value, Leaf):
        return value.decision
    if isinstance(value, tuple) and value and all(isinstance(entry, Operation) for entry in value):
        entries = cast("tuple[Operation, ...]", value)
        made = {(decision.key, entry.function) for entry in entries for decision in entry.decisions()}
        return entries[0].decisions()[0] if len(made) == 1 else None
    return None


def _of_arguments(model: nn.Module) -> Iterator[tuple[str, Decision]]:
    for name, module in _walk(model, "", set()):
        if isinstance(module, Elastic):
            for argument, value in module.values():
                decisions = value.decisions()
                for index, decision in enumerate(decisions):
                    suffix = "" if len(decisions) == 1 else f".{index}"
                    yield _below(name, argument + suffix), decision


def _below(name: str, child: str) -> str:
    return f"{name}.{child}" if name else child
