"""Compiles a file for a search: annotations become calls of ``nas_trial.annotated``, and the rest stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nascore.nni import layer_label
from nascore.nni.options import option_key

from nas_trial_plugin.annotation.document import Document, NamedSite
from nas_trial_plugin.annotation.layers import Layer
from nas_trial_plugin.annotation.operations import Operation
from nas_trial_plugin.annotation.pieces import INDENT, removed, replaced, wrapped
from nas_trial_plugin.annotation.sites import CallSite, FunctionSite, LayersSite, VariableSite
from nas_trial_plugin.annotation.sourcefile import Edit, SourceFile

SPACE_FILE = "search_space.json"
_COMPILED = re.compile(r"^import nas_trial\.annotated as nas_annotated_*\r?$", re.MULTILINE)


def is_compiled(text: str) -> bool:
    """Whether a file was compiled before."""
    return _COMPILED.search(text) is not None


def for_search(document: Document) -> bytes:
    """The file with its annotations compiled; without any, and no program, it is as it was."""
    return document.source.edited(_Rewriting(document).edits())


class _Rewriting:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._source = document.source
        self._module = free_name("nas_annotated", self._source)
        self._program = free_name("nas_program", self._source)

    def edits(self) -> Iterator[Edit]:
        yield self._header()
        for named in self._document.sites:
            yield from self._site(named)

    def _header(self) -> Edit:
        surveyed, depth = self._document.surveyed, len(self._source.path.parts) - 1
        space = f'"{"../" * depth}{SPACE_FILE}"'
        opened = (
            f"{self._module}.program(__file__, {space})"
            if surveyed.imports_sdk
            else f"{self._module}.script(__name__, __file__, {space})"
        )
        lines = (f"import nas_trial.annotated as {self._module}", f"{self._program} = {opened}", "")
        return Edit(surveyed.header, surveyed.header, self._source.line_end(1).join(lines))

    def _site(self, named: NamedSite) -> Iterator[Edit]:
        site = named.site
        if isinstance(site, LayersSite):
            layers = zip(site.layers, named.layers, strict=True)
            owner = site.annotation.owner
            statements = tuple(self._layer(layer, layer_label(*names), owner) for layer, names in layers)
            yield replaced(self._source, site.annotation, statements)
        elif isinstance(site, CallSite):
            yield replaced(self._source, site.annotation, (f"{self._program}.{site.function}({site.source})",))
        elif isinstance(site, VariableSite):
            yield removed(self._source, site.annotation)
            choices = self._choices(site)
            yield from wrapped(
                self._source, site.value, f"{self._program}.variable({quoted(named.key)}, ", f"{choices})"
            )
        else:
            yield removed(self._source, site.annotation)
            yield Edit(site.call.start, site.call.end, self._function_choice(site, named.key))

    def _layer(self, layer: Layer, key: str, owner: str) -> str:
        candidates = [f"{quoted(candidate.text)}: {self._call(candidate)}" for candidate in layer.candidates]
        arguments = [quoted(key), _block("{", candidates, "}")]
        if layer.fixed_inputs:
            arguments.append(f"fixed_inputs=[{', '.join(layer.fixed_inputs)}]")
        if layer.optional_inputs:
            inputs = (f"{quoted(source)}: {source}" for source in layer.optional_inputs)
            arguments.append(f"optional_inputs={{{', '.join(inputs)}}}")
            arguments.append(f"optional_input_size=({layer.size[0]}, {layer.size[1]})")
        if layer.input_aggregate is not None:
            arguments.append(f"input_aggregate={self._call(layer.input_aggregate)}")
        if layer.post_process is not None:
            arguments.append(f"post_process={self._call(layer.post_process)}")
        if owner:
            arguments.append(f"owner={owner}")
        return _block(f"{layer.output} = {self._program}.layer(", arguments, ")")

    def _call(self, operation: Operation) -> str:
        return f"{self._module}.call({', '.join((operation.function, *operation.keywords))})"

    def _choices(self, site: VariableSite) -> str:
        if site.variable.is_literal:
            return ""
        return f", {{{', '.join(f'{quoted(option_key(value))}: {source}' for value, source in site.variable.options)}}}"

    def _function_choice(self, site: FunctionSite, key: str) -> str:
        calls = ", ".join(f"{quoted(source)}: lambda: {source}" for source in site.choice.calls)
        return f"{self._program}.function_choice({quoted(key)}, {{{calls}}})"


def free_name(name: str, source: SourceFile) -> str:
    """A name that the file does not use."""
    while re.search(rf"\b{name}\b", source.text):
        name += "_"
    return name


def quoted(text: str) -> str:
    """A text as Python writes it, in double quotes where it has none itself."""
    shown = repr(text)
    return f'"{shown[1:-1]}"' if shown.startswith("'") and '"' not in shown and "\\'" not in shown else shown


def _block(opening: str, parts: list[str], closing: str) -> str:
    """Parts in brackets, each on a line of its own."""
    lines = "".join(f"{part},\n" for part in parts).replace("\n", f"\n{INDENT}").rstrip(" ")
    return f"{opening}\n{INDENT}{lines}{closing}"
