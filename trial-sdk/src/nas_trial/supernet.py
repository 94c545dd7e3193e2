"""A supernet: one network that holds every architecture of a space, and computes one of them at a time.

Parameters are never copied. Where an architecture is narrower than the supernet, layers compute with views: the leading
part of a width, the centre of a kernel. `slices` names these parts, by the same keys that the network built for the
architecture has, so that weights pass between the two.

`activate` changes the network in place: it is not for use by several threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import cast

import torch
from nascore.errors import InvalidInputError
from nascore.space import Architecture, SearchSpace
from torch import Tensor, nn

from nas_trial.choice import live_children
from nas_trial.decision import Decision
from nas_trial.layers.elastic import Elastic, whole_slices
from nas_trial.layers.part import Slices, cut

_MARK = "_nas_supernet"


@dataclass(frozen=True, slots=True)
class Supernet:
    """What a supernet knows of its space; an attribute of the module that was built, and copied with it.

    Attributes:
        space: The space.
        decisions: The decision at every path, shared with the modules and values that depend on it.
    """

    space: SearchSpace
    decisions: dict[str, Decision]

    def __deepcopy__(self, memo: dict[int, object]) -> Supernet:
        # A copied network switches by itself, so its decisions are its own; the space never changes.
        return Supernet(self.space, deepcopy(self.decisions, memo))


def mark_supernet(model: nn.Module, space: SearchSpace, decisions: dict[str, Decision]) -> None:
    """Makes a supernet of a model that was constructed with everything in it."""
    setattr(model, _MARK, Supernet(space, decisions))


def activate(supernet: nn.Module, architecture: Mapping[str, object]) -> Architecture:
    """Lets the supernet compute exactly one architecture, until the next call.

    Args:
        supernet: From ``build(factory, None)``, or a module that holds it.
        architecture: What is decided, by path.

    Returns:
        The architecture, checked and complete.

    Raises:
        ArchitectureError: It does not belong to the space; every violation is listed.
        InvalidInputError: The module is no supernet.
    """
    check_architecture(architecture)
    _, known = _found(supernet)
    checked = known.space.architecture(architecture)
    for path, decision in known.decisions.items():
        decision.value = checked.get(path)
        decision.mixing = None
    return checked


def deactivate(supernet: nn.Module) -> None:
    """Lets the supernet compute nothing, until something is decided again.

    Raises:
        InvalidInputError: The module is no supernet.
    """
    for decision in decisions_of(supernet).values():
        decision.value = decision.mixing = None


def decisions_of(supernet: nn.Module) -> Mapping[str, Decision]:
    """The decisions of a supernet, by path: what its modules and values read.

    Raises:
        InvalidInputError: The module is no supernet.
    """
    return _found(supernet)[1].decisions


def space_of(supernet: nn.Module) -> SearchSpace:
    """The space of a supernet.

    Raises:
        InvalidInputError: The module is no supernet.
    """
    return _found(supernet)[1].space


def is_supernet(module: nn.Module) -> bool:
    """Whether a module is a supernet, or holds one."""
    return any(_MARK in vars(part) for part in module.modules())


def check_architecture(architecture: object) -> None:
    """Refuse what is no mapping at all, before its paths are looked at.

    Raises:
        InvalidInputError: Its type is named.
    """
    if not isinstance(architecture, Mapping):
        raise InvalidInputError(
            f"An architecture maps paths to what is decided there, but a {type(architecture).__name__} is given.",
            hint='Give a dictionary such as {"op": "conv3"}, or Architecture.from_json(text).',
        )


def slices(supernet: nn.Module, architecture: Mapping[str, object]) -> dict[str, Slices]:
    """Which part of each of the supernet's tensors an architecture uses.

    Args:
        supernet: From ``build(factory, None)``; on the meta device as well. What is active in it does not matter.
        architecture: What is decided, by path.

    Returns:
        For each tensor in the state of the network built for the architecture, under its key, which is that of the
        supernet: one slice per dimension, with start and stop, or several that are joined (a tuple of slices) where a
        tensor holds blocks, such as the gates of a recurrent layer.

    Raises:
        ArchitectureError: The architecture does not belong to the space.
        InvalidInputError: The module is no supernet.
    """
    prefix, known = _found(supernet)
    checked = known.space.architecture(architecture)
    return dict(_parts(supernet.get_submodule(prefix), f"{prefix}." if prefix else "", checked))


def copy_weights(source: Mapping[str, Tensor], target: nn.Module, *, slices: Mapping[str, Slices]) -> None:
    """Fills a network with the parts of a supernet's tensors that belong to it; device and dtype are the target's.

    Args:
        source: State of the supernet, by key.
        target: The network built for the architecture.
        slices: From `slices`, for the same architecture.

    Raises:
        InvalidInputError: A tensor of the target has no source or no slices, or another shape; nothing is copied.
    """
    pairs = [(tensor, _part(source, slices, key, tensor)) for key, tensor in target.state_dict().items()]
    with torch.no_grad():
        for tensor, part in pairs:
            tensor.copy_(part)


def _found(module: nn.Module) -> tuple[str, Supernet]:
    for name, part in module.named_modules():
        if _MARK in vars(part):
            return name, cast("Supernet", vars(part)[_MARK])
    raise InvalidInputError(
        f"{type(module).__name__} is not a supernet, and holds none.", hint="Make one with nas.build(factory, None)."
    )


def _parts(module: nn.Module, prefix: str, architecture: Architecture) -> Iterator[tuple[str, Slices]]:
    """Slices of all tensors of a module and of what is active in it, in the order of ``state_dict``."""
    if isinstance(module, Elastic):  # names what its children use as well
        parts = module.slices(lambda value: value.at(architecture))
        yield from ((prefix + name, part) for name, part in parts.items())
        return
    yield from ((prefix + name, part) for name, part in whole_slices(module).items())
    for name, child in _active_children(module, architecture):
        yield from _parts(child, f"{prefix}{name}.", architecture)


def _active_children(module: nn.Module, architecture: Architecture) -> Iterator[tuple[str, nn.Module]]:
    # _modules and not named_children(), which leaves out a module that stands in two places; state_dict does not.
    children = ((name, child) for name, child in module._modules.items() if child is not None)
    live = live_children(module, lambda decision: architecture[decision.path])
    yield from (pair for pair in children if live is None or pair[0] in live)


def _part(source: Mapping[str, Tensor], slices: Mapping[str, Slices], key: str, tensor: Tensor) -> Tensor:
    if key not in source or key not in slices:
        lacking = "source" if key not in source else "slices"
        raise InvalidInputError(f"The network has a tensor {key!r}, but the {lacking} have none.", hint=_SAME)
    part = cut(source[key], slices[key])
    if part.shape != tensor.shape:
        raise InvalidInputError(
            f"The part of {key!r} has shape {tuple(part.shape)}, but the network's tensor {tuple(tensor.shape)}.",
            hint=_SAME,
        )
    return part


_SAME = "Use slices(supernet, architecture) for the architecture that the network was built for."
