"""What a space of the hub is: a model with choices in it, where it was published, and its known members.

Not here: which spaces there are (``nas_trial.hub.catalogue``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from torch import nn

Option = bool | float | int | str
"""An option of a model, such as its width or its number of layers."""


class Maker(Protocol):
    """Makes the model of a space, with its choices in it."""

    def __call__(self, *, classes: int, channels: int, **options: Option) -> nn.Module:
        """Return a model that takes images of shape (N, channels, height, width) and gives logits (N, classes)."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """A published member of a space.

    Attributes:
        decisions: What is decided, by path: a whole architecture of the space.
        source: Where it was published: authors, year, table or figure.
        options: Options of the model it was published with, where they differ from the space's own.
        parameters: Its number of parameters as published or as its reference code counts them; None if not given.
        macs: Its multiply-accumulates for one image of the space's input shape; None if not given.
    """

    decisions: Mapping[str, object]
    source: str
    options: Mapping[str, Option] = field(default_factory=dict)
    parameters: int | None = None
    macs: int | None = None


@dataclass(frozen=True, slots=True)
class HubSpace:
    """A space of the hub.

    Attributes:
        name: What it is called: ``hub:NAME``.
        title: What it is, in one line.
        source: Where it was published: authors, year, title.
        input_shape: The shape of one image: channels, height, width.
        classes: Number of classes it was published with.
        make: Makes the model.
        options: What ``make`` takes beside ``classes`` and ``channels``, with the published values.
        known: Published members, by name.
        size: The published number of architectures; None if none was published.
    """

    name: str
    title: str
    source: str
    input_shape: tuple[int, int, int]
    classes: int
    make: Maker
    options: Mapping[str, Option] = field(default_factory=dict)
    known: Mapping[str, Known] = field(default_factory=dict)
    size: int | None = None
