"""A file whose annotations are read and named, and what they offer as entries of a search space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nascore.nni import Choice, Entry, MutableLayer, Range

from nas_trial_plugin.annotation.layers import Layer
from nas_trial_plugin.annotation.naming import Names
from nas_trial_plugin.annotation.sites import CallSite, FunctionSite, LayersSite, Site, VariableSite
from nas_trial_plugin.annotation.sourcefile import SourceFile
from nas_trial_plugin.annotation.statements import Surveyed


@dataclass(frozen=True, slots=True)
class NamedSite:
    """A site with its names: block and layer for each layer, or one key; a call to the tuner has none."""

    site: Site
    layers: tuple[tuple[str, str], ...] = ()
    key: str = ""

    def entries(self) -> Iterator[Entry]:
        """What it offers."""
        if isinstance(self.site, LayersSite):
            for layer, (block, name) in zip(self.site.layers, self.layers, strict=True):
                yield _entry(layer, block, name)
        elif isinstance(self.site, FunctionSite):
            yield Choice(self.key, self.site.choice.calls)
        elif isinstance(self.site, VariableSite):
            variable = self.site.variable
            if variable.kind == "choice":
                yield Choice(self.key, tuple(value for value, _ in variable.options))
            else:
                yield Range(self.key, variable.kind, variable.bounds)


@dataclass(frozen=True, slots=True)
class Document:
    """A file with its annotations."""

    source: SourceFile
    surveyed: Surveyed
    sites: tuple[NamedSite, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What the file offers, in its order."""
        return tuple(entry for site in self.sites for entry in site.entries())


def named(site: Site, source: SourceFile, names: Names) -> NamedSite:
    """A site with its names."""
    if isinstance(site, LayersSite):
        return NamedSite(site, layers=names.layers(source, site))
    return NamedSite(site, key="" if isinstance(site, CallSite) else names.parameter(source, site))


def _entry(layer: Layer, block: str, name: str) -> MutableLayer:
    choice = tuple(candidate.text for candidate in layer.candidates)
    return MutableLayer(block, name, choice, layer.optional_inputs, layer.size)
