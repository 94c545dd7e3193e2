"""A choice between modules."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import cast

from nascore.errors import SpaceError
from nascore.space import Candidate, OneOf
from nascore.space import Value as Decided
from torch import nn

from nas_trial.choice import Choice, holds_choices
from nas_trial.construction import construction, described
from nas_trial.mixing import Mixing
from nas_trial.names import module_name

_FACTORY = "A factory takes no arguments and returns a module: write lambda: nn.Conv2d(8, 8, 3), or nn.ReLU for F.relu."

LayerCandidate = nn.Module | Callable[[], nn.Module]


class LayerChoice(Choice):
    """Chooses one of several modules and is called like it.

    What was chosen is a child under its (escaped) key, so a tensor is ``op.conv3.weight`` in a sub-graph and in a
    supernet alike. Give factories: only what is needed is created, and choices may be nested in them. Modules are taken
    as well, but all of them are created in every mode, and they cannot hold choices.

    Args:
        candidates: Modules, or callables without arguments that make one (``nn.Identity``,
            ``lambda: nn.Conv2d(16, 16, 3)``), by name; those of a sequence are named ``"0"``, ``"1"``, .... Any
            text is a name. The first is the default.
        label: Name of the decision; without one it is named after its place in the model (``features.0.op``).
        search_only: Names of candidates that take part in mixtures only and are never chosen, such as DARTS' ``none``.

    Raises:
        SpaceError: There are no candidates to choose, or one is no module and makes none.
    """

    def __init__(
        self,
        candidates: Mapping[str, LayerCandidate] | Sequence[LayerCandidate],
        *,
        label: str | None = None,
        search_only: Collection[str] = (),
    ) -> None:
        named = _named(candidates, label)
        _check_search_only(search_only, named, label)
        offered = tuple(Candidate(key, search_only=key in search_only) for key in named)
        super().__init__(OneOf("", offered), label=label)
        for key, candidate in named.items():
            if self._decision.wants(key):
                with construction().inside(self._decision, key):
                    self.add_module(module_name(key), _made(candidate, key, label))

    @property
    def chosen(self) -> str:
        """Name of the candidate that is computed.

        Raises:
            StateError: This is part of a supernet, and no architecture is active here.
        """
        return str(self._decision.get())

    def _live(self, value: Decided) -> Collection[str]:
        return (module_name(str(value)),)

    def _computed(self, value: Decided, *args: object, **kwargs: object) -> object:
        """What the candidate makes of the same arguments; no other is touched."""
        return self._candidate(str(value))(*args, **kwargs)

    def _mixed(self, mixing: Mixing, *args: object, **kwargs: object) -> object:
        return mixing.mixed(self._candidate, args, kwargs)

    def _candidate(self, key: str | int) -> nn.Module:
        return cast("nn.Module", self._modules[module_name(str(key))])


def _named(
    candidates: Mapping[str, LayerCandidate] | Sequence[LayerCandidate], label: str | None
) -> dict[str, LayerCandidate]:
    # nn.ModuleDict is no Mapping, but has items() as well.
    if isinstance(candidates, (Mapping, nn.ModuleDict)):
        named = dict(candidates.items())
    elif not _is_list(candidates):
        # A set among others: its order, and so what is called "0", differs between processes.
        raise SpaceError(
            f"{described('LayerChoice', label)}: the candidates are {candidates!r}.",
            hint="Give a dictionary of modules or factories by name, or a list of them.",
        )
    else:
        named = {str(index): candidate for index, candidate in enumerate(candidates)}
    for key, candidate in named.items():
        _check(key, candidate, label)
    return named


def _check_search_only(search_only: object, named: Collection[str], label: str | None) -> None:
    listed = search_only if isinstance(search_only, Collection) and not isinstance(search_only, str) else [search_only]
    unknown = [key for key in listed if key not in named]
    if unknown:
        raise SpaceError(
            f"{described('LayerChoice', label)}: search_only names {unknown[0]!r}, which is no candidate.",
            hint=f"Give a list of some of {', '.join(named)}.",
        )


def _is_list(candidates: object) -> bool:
    return isinstance(candidates, (Sequence, nn.ModuleList)) and not isinstance(candidates, str)


def _check(key: object, candidate: object, label: str | None) -> None:
    place = described("LayerChoice", label)
    if not isinstance(key, str):
        raise SpaceError(f"{place}: the name {key!r} of a candidate is not text.")
    if not callable(candidate):
        raise SpaceError(
            f"{place}: candidate {key!r} is {candidate!r}.",
            hint="Give a module, or a callable without arguments that makes one.",
        )
    if isinstance(candidate, nn.Module) and holds_choices(candidate):
        raise SpaceError(
            f"{place}: candidate {key!r} was constructed before the choice and holds choices, which would then not "
            "depend on it.",
            hint="Write a factory instead, such as a class, or lambda: Block(...).",
        )


def _made(candidate: LayerCandidate, key: str, label: str | None) -> nn.Module:
    if isinstance(candidate, nn.Module):
        return candidate
    try:
        made: object = candidate()
    except TypeError as error:  # asked afterwards, for reading the signature takes longer than many a factory
        if not _needs_arguments(candidate):
            raise
        place = described("LayerChoice", label)
        raise SpaceError(f"{place}: candidate {key!r} needs arguments.", hint=_FACTORY) from error
    if not isinstance(made, nn.Module):
        raise SpaceError(
            f"{described('LayerChoice', label)}: candidate {key!r} made {made!r}, no module.", hint=_FACTORY
        )
    return made


def _needs_arguments(factory: Callable[[], nn.Module]) -> bool:
    try:
        inspect.signature(factory).bind()
    except TypeError:
        return True
    except ValueError:  # a callable of an extension module, which does not tell
        return False
    return False
