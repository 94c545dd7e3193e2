"""Models of the hub's spaces, and their published members."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from nascore.errors import ArchitectureError, InternalError
from nascore.space import Architecture
from torch import nn

from nas_trial.build import build
from nas_trial.extract import Factory, extract
from nas_trial.hub.catalogue import UnknownSpaceError, get, suggestion
from nas_trial.hub.entry import HubSpace, Known, Option


def model(name: str, *, classes: int | None = None, channels: int | None = None, **options: Option) -> Factory:
    """What makes the model of a space, with its choices in it: give it to ``nas.extract`` and ``nas.build``.

    Args:
        name: The name of the space.
        classes: Number of classes; ``None`` for the published one.
        channels: Number of channels of an image; ``None`` for the published one.
        options: Options of the model, such as ``width=8``; see ``get(name).options``.

    Raises:
        UnknownSpaceError: There is no such space; says what it may have been.
    """
    return _factory(get(name), classes, channels, options)


def architecture(name: str, known: str) -> Architecture:
    """A published member of a space, as an architecture of its model with the member's own options.

    Raises:
        UnknownSpaceError: There is no such space or member; says what it may have been.
    """
    member = known_member(get(name), known)
    factory = _factory(get(name), None, None, member.options)
    try:
        return extract(factory).architecture(member.decisions)
    except ArchitectureError as error:
        raise InternalError(f"{known!r} is no member of hub:{name}: {error}") from error


def load(
    name: str, known: str, *, classes: int | None = None, channels: int | None = None, **options: Option
) -> nn.Module:
    """A published member of a space as a network, not trained; options go before those it was published with.

    Raises:
        UnknownSpaceError: There is no such space or member; says what it may have been.
    """
    member = known_member(get(name), known)
    merged: dict[str, Option] = {**member.options, **options}
    factory = _factory(get(name), classes, channels, merged)
    return build(factory, extract(factory).architecture(member.decisions))


def known_member(space: HubSpace, known: str) -> Known:
    """The published member of a name.

    Raises:
        UnknownSpaceError: There is none.
    """
    if known not in space.known:
        hint = suggestion(known, tuple(space.known))
        raise UnknownSpaceError(f"hub:{space.name} has no member {known!r}.", hint=hint)
    return space.known[known]


def _factory(space: HubSpace, classes: int | None, channels: int | None, options: Mapping[str, Option]) -> Factory:
    return partial(
        space.make,
        classes=space.classes if classes is None else classes,
        channels=space.input_shape[0] if channels is None else channels,
        **options,
    )
