"""Compiles a file for one architecture: what was chosen is written out, and no SDK is imported.

``out = conv([[x], [out3]], ch=128)`` stands where the annotation stood. Reports to a tuner stay the plain strings that
they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nascore.nni import inputs_label, layer_label
from nascore.nni.options import option_key
from nascore.space import SearchSpace, Value
from nascore.space import path as paths

from nas_trial_plugin.annotation.document import Document, NamedSite
from nas_trial_plugin.annotation.findings import Findings
from nas_trial_plugin.annotation.layers import Layer
from nas_trial_plugin.annotation.operations import Operation
from nas_trial_plugin.annotation.pieces import removed, replaced
from nas_trial_plugin.annotation.rewriting import free_name
from nas_trial_plugin.annotation.sites import CallSite, FunctionSite, LayersSite, VariableSite
from nas_trial_plugin.annotation.sourcefile import Edit


def for_architecture(
    document: Document, space: SearchSpace, architecture: Mapping[str, Value], findings: Findings
) -> bytes:
    """The file with an architecture written out.

    Args:
        document: The file.
        space: What all files offer together.
        architecture: What was chosen; it belongs to the space.
        findings: Takes what cannot be written out.
    """
    return document.source.edited(_Specialising(document, space, architecture, findings).edits())


class _Specialising:
    def __init__(
        self, document: Document, space: SearchSpace, architecture: Mapping[str, Value], findings: Findings
    ) -> None:
        self._document = document
        self._source = document.source
        self._chosen = architecture
        self._values = space.values(architecture)
        self._findings = findings

    def edits(self) -> Iterator[Edit]:
        for named in self._document.sites:
            yield from self._site(named)

    def _site(self, named: NamedSite) -> Iterator[Edit]:
        site = named.site
        if isinstance(site, LayersSite):
            layers = zip(site.layers, named.layers, strict=True)
            for layer in site.layers:
                self._refuse_classes(layer, site)
            lines = tuple(line for layer, names in layers for line in self._layer(layer, names))
            yield replaced(self._source, site.annotation, lines)
        elif isinstance(site, VariableSite):
            yield removed(self._source, site.annotation)
            yield Edit(site.value.start, site.value.end, self._value(site, named.key))
        elif isinstance(site, FunctionSite):
            yield removed(self._source, site.annotation)
            yield Edit(site.call.start, site.call.end, str(self._chosen[paths.escape(named.key)]))
        else:
            assert isinstance(site, CallSite)

    def _layer(self, layer: Layer, names: tuple[str, str]) -> Iterator[str]:
        text = self._chosen[paths.escape(layer_label(*names))]
        operation = next(candidate for candidate in layer.candidates if candidate.text == text)
        found = self._chosen.get(paths.escape(inputs_label(*names)), ())
        # In the order in which they are written, whatever order they were chosen in.
        picked = [source for source in layer.optional_inputs if isinstance(found, tuple) and source in found]
        inputs = f"[{', '.join(picked)}]"
        if layer.post_process is None:
            yield f"{layer.output} = {self._called(layer, operation, inputs)}"
            return
        # The two get the same list, as they do in a search, and what it holds is computed once.
        name = free_name(f"{layer.output}_inputs", self._source)
        yield f"{name} = {inputs}"
        yield f"{layer.output} = {layer.post_process.called(f'[{self._called(layer, operation, name)}, {name}]')}"

    def _called(self, layer: Layer, operation: Operation, inputs: str) -> str:
        argument = f"[[{', '.join(layer.fixed_inputs)}], {inputs}]"
        return operation.called(argument if layer.input_aggregate is None else layer.input_aggregate.called(argument))

    def _value(self, site: VariableSite, key: str) -> str:
        if site.variable.kind != "choice":
            return repr(self._values[paths.escape(key)])
        keys = {option_key(value): source for value, source in site.variable.options}
        return keys[str(self._chosen[paths.escape(key)])]

    def _refuse_classes(self, layer: Layer, site: LayersSite) -> None:
        for candidate in layer.candidates:
            name = candidate.function.rpartition(".")[2]
            is_class = candidate.function in self._document.surveyed.classes
            # What is imported is known by its name alone, and a class is written so wherever PEP 8 is kept.
            if is_class or (name[:1].isupper() and not name.isupper()):
                self._findings.add(
                    site.annotation.text.place,
                    f"{candidate.function} is {'' if is_class else 'named as '}a class, whose module a search makes "
                    "once and keeps.",
                    field="layer_choice",
                    instead=f"Make it in __init__, as self.{layer.output}_{name.lower()}, and name that.",
                )
