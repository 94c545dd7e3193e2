"""What choices are called: names that survive edits elsewhere in a file, or NNI's own.

Ours are made of the classes and functions around a layer and of the variable that it assigns: layer ``out4`` of the
function ``build`` is ``out4`` in block ``build``. If a whole folder is compiled, the module stands before them. NNI's
are ``<module>/mutable_block_<line>`` and ``mutable_layer_<index>``, with the line that NNI takes under Python 3.8 and
later: the first one of the string.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from nascore.nni import inputs_label, layer_label

from nas_trial_plugin.annotation.layers import Layer
from nas_trial_plugin.annotation.sites import FunctionSite, LayersSite, VariableSite
from nas_trial_plugin.annotation.sourcefile import SourceFile


class KeyStyle(StrEnum):
    """How choices are named."""

    NASCORE = "nascore"
    NNI = "nni"


@dataclass(slots=True)
class Names:
    """Gives out names, no name twice; files and sites come in a fixed order.

    Attributes:
        style: How choices are named.
        is_tree: Whether several files are compiled, so that names begin with the module.
    """

    style: KeyStyle
    is_tree: bool
    _taken: set[str] = field(default_factory=set)

    def layers(self, source: SourceFile, site: LayersSite) -> tuple[tuple[str, str], ...]:
        """Block and layer of each layer of an annotation."""
        if self.style is KeyStyle.NNI:
            block = f"{source.module}/mutable_block_{site.annotation.span.line}"
            return tuple((block, f"mutable_layer_{number}") for number in range(len(site.layers)))
        block = self._block(source, site.annotation.scope)
        return tuple(self._layer(block, layer) for layer in site.layers)

    def parameter(self, source: SourceFile, site: VariableSite | FunctionSite) -> str:
        """Key of a variable or of a choice of calls."""
        is_variable = isinstance(site, VariableSite)
        name = site.variable.name if isinstance(site, VariableSite) else site.choice.name
        if self.style is KeyStyle.NNI:
            kind = site.variable.kind if isinstance(site, VariableSite) else "function_choice"
            return self._free(f"{source.module}/{name}/{kind}")
        name = name if is_variable else f"{name}()"
        return self._free(f"{self._block(source, site.annotation.scope)}.{name}".replace(":", "."))

    def _block(self, source: SourceFile, scope: tuple[str, ...]) -> str:
        return ".".join((source.module, *scope) if self.is_tree or not scope else scope)

    def _layer(self, block: str, layer: Layer) -> tuple[str, str]:
        number = 1
        name = layer.output
        while {layer_label(block, name), inputs_label(block, name)} & self._taken:
            number += 1
            name = f"{layer.output}#{number}"
        self._taken |= {layer_label(block, name), inputs_label(block, name)}
        return block, name

    def _free(self, key: str) -> str:
        number, name = 1, key
        while name in self._taken:
            number += 1
            name = f"{key}#{number}"
        self._taken.add(name)
        return name
