"""Which spaces the hub has, and in which module each is; a module is imported when its space is asked for.

Not here: what a space is (``entry``), and what is done with one (``nas_trial.hub``).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from nascore.errors import NotFoundError
from nascore.space.nearest import nearest

from nas_trial.hub.entry import HubSpace

MODULES: Mapping[str, str] = MappingProxyType(
    {
        "amoebanet": "amoebanet",
        "autoformer": "autoformer",
        "darts": "darts",
        "enas-macro": "enas_macro",
        "enas-micro": "enas_micro",
        "mobilenetv2": "mobilenetv2",
        "mobilenetv2-cifar": "mobilenetv2",
        "mobilenetv2-cifar-gpu": "mobilenetv2",
        "mobilenetv2-gpu": "mobilenetv2",
        "mobilenetv3": "mobilenetv3",
        "nasbench101": "nasbench101",
        "nasbench201": "nasbench201",
        "nasnet": "nasnet",
        "pnas": "pnas",
        "proxylessnas": "proxylessnas",
        "shufflenetv2": "shufflenetv2",
    }
)
"""The module of each space, in ``nas_trial.hub``; it has it as ``SPACE`` or among ``SPACES``."""


class UnknownSpaceError(NotFoundError):
    """The hub has no space, or a space no member, of that name."""


def names() -> tuple[str, ...]:
    """The names of all spaces, sorted."""
    return tuple(sorted(MODULES))


def get(name: str) -> HubSpace:
    """The space of a name.

    Raises:
        UnknownSpaceError: There is none; says what it may have been.
    """
    if name not in MODULES:
        raise UnknownSpaceError(f"The hub has no space {name!r}.", hint=suggestion(name, names()))
    return spaces_of(MODULES[name])[name]


def spaces_of(module: str) -> dict[str, HubSpace]:
    """The spaces of a module of the hub, by name."""
    found = import_module(f"nas_trial.hub.{module}")
    spaces: tuple[HubSpace, ...] = getattr(found, "SPACES", None) or (found.SPACE,)
    return {space.name: space for space in spaces}


def suggestion(name: str, known: tuple[str, ...]) -> str:
    """What a name may have been, or what there is."""
    near = nearest(name.lower(), known)
    return f"Did you mean {' or '.join(map(repr, near))}?" if near else f"There are {', '.join(known) or 'none'}."
