"""The generated file as a whole: its head, the network, how weights get into it, and the validation."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType

from torch import nn

from nas_trial.build import build
from nas_trial.export.carried import Carried
from nas_trial.export.deferred import define_validation, foreign_packages
from nas_trial.export.failure import ExportError
from nas_trial.export.imports import refuse_imports, sorted_imports
from nas_trial.export.layout import quoted
from nas_trial.export.specialised import Specialised
from nas_trial.export.validation import CopiedValidation
from nas_trial.export.weights_file import read_weights
from nas_trial.trial import Trial

logger = logging.getLogger(__name__)

_NAMES = ("WEIGHTS", "load")
_VALIDATION_NAMES = ("REPORTED", "Validation", "define_validation", "validate", "_moved", "_size_of")

_LOAD = '''
def load(weights: str | Path = WEIGHTS) -> {name}:
    """Return the network with trained weights, ready for use."""
    model = {name}()
    model.load_state_dict(read_weights(weights), strict=True)
    return model.eval()
'''

_MAIN = """
if __name__ == "__main__":
    for name, value in validate(load()).items():
        reported = f" (reported: {REPORTED[name]:.6g})" if name in REPORTED else ""
        print(f"{name}: {value:.6g}{reported}")
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A generated file.

    Attributes:
        text: The file.
        class_name: Name of the network's class in it.
        without_validation: Why the trial's validation is not in it; empty if it is, or if there is no trial.
    """

    text: str
    class_name: str
    without_validation: str


def export_source(
    trial_or_factory: Trial | Callable[[], nn.Module],
    architecture: Mapping[str, object],
    *,
    weights_file: str | None = None,
    metrics: Mapping[str, float] | None = None,
) -> str:
    """Writes one architecture as a stand-alone PyTorch file, readable, with the choices made and the SDK gone.

    The network has the tensor keys of the trial's, so that its weights load with ``strict=True``, and gives the same
    outputs.

    Args:
        trial_or_factory: The trial, or what makes its model (a class or function without arguments).
        architecture: What is decided, by path.
        weights_file: Name of the weights' file beside the generated one; by default its name with ``.safetensors``.
        metrics: What the trial reported, to be shown beside what the file computes.

    Raises:
        ExportError: A part cannot be written; the place in the file or in the network is named, and what to change.
        ArchitectureError: The architecture does not belong to the space.
    """
    return write_source(trial_or_factory, architecture, weights_file=weights_file, metrics=metrics).text


def write_source(
    trial_or_factory: Trial | Callable[[], nn.Module],
    architecture: Mapping[str, object],
    *,
    weights_file: str | None = None,
    metrics: Mapping[str, float] | None = None,
) -> Source:
    """As `export_source`, with what one has to know about the text."""
    trial = trial_or_factory if isinstance(trial_or_factory, Trial) else None
    model = build(trial_or_factory.build if isinstance(trial_or_factory, Trial) else trial_or_factory, architecture)
    document = _Document(architecture, weights_file, dict(metrics or {}))
    if trial is None:
        return document.write(model, None)
    try:
        return document.write(model, trial)
    except ExportError as error:
        source = document.write(model, None, reason=str(error))
    logger.warning("The exported file has no validation: %s", source.without_validation)
    return source


@dataclass(frozen=True, slots=True)
class _Validation:
    """The validation as written: its parts, and packages that it needs while the network does not."""

    parts: tuple[str, ...]
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Document:
    architecture: Mapping[str, object]
    weights_file: str | None
    metrics: dict[str, float]

    def write(self, model: nn.Module, trial: Trial | None, *, reason: str = "") -> Source:
        known = _reserved(Carried(), trial)
        _copy_all(Specialised(model, known), None if trial is None else CopiedValidation(trial, known))
        carried = _reserved(Carried(known), trial)
        network = Specialised(model, carried)
        _copy_all(network, None)
        network.write()
        body = _body(carried, network)
        imports = carried.imports
        validation = None if trial is None else _validation(trial, carried, network)
        if validation is not None and not validation.packages:
            imports = carried.imports
        top = self._top(imports, body, validation, reason=reason)
        text = "\n\n\n".join([top, *body, *(() if validation is None else validation.parts)])
        refuse_imports(ast.parse(text), "The generated file")
        return Source(f"{text}\n", network.root_name, reason)

    def _top(self, imports: Sequence[str], body: Sequence[str], validation: _Validation | None, *, reason: str) -> str:
        packages = ["torch", *foreign_packages([*imports, *body])]
        head = _docstring(self._head(packages, validation, reason=reason))
        constants = self._constants(is_validated=validation is not None)
        return "\n\n".join([head, "from __future__ import annotations", "\n".join(sorted_imports(imports)), constants])

    def _constants(self, *, is_validated: bool) -> str:
        weights = f"with_name({quoted(self.weights_file)})" if self.weights_file else 'with_suffix(".safetensors")'
        constants = [f"WEIGHTS = Path(__file__).{weights}"]
        if is_validated:
            constants.append(f"REPORTED = {json.dumps(self.metrics)}")
        return "\n".join(constants)

    def _head(self, packages: Sequence[str], validation: _Validation | None, *, reason: str) -> str:
        lines = ["A network that a search with nascore found, as plain PyTorch.", "", "Architecture::", ""]
        lines += _json_lines(self.architecture)
        if self.metrics:
            shown = ", ".join(f"{name} {value:.6g}" for name, value in self.metrics.items())
            lines += ["", f"Reported by its trial: {shown}."]
        lines += ["", "Use::", "", "    from model import load  # if this file is model.py", "", "    model = load()"]
        lines += ["", f"Packages that it needs: {', '.join(packages)}."]
        if validation is not None:
            lines += ["", "Run as a script, it validates the network and shows the reported metrics beside."]
        if validation is not None and validation.packages:
            lines += [f"The validation alone needs more packages: {', '.join(validation.packages)}."]
        if reason:
            lines += ["", f"The trial's validation is not included: {reason}"]
        return "\n".join(lines)


def _reserved(carried: Carried, trial: Trial | None) -> Carried:
    """Keeps the names that the export itself writes from code that is brought along."""
    for name in _NAMES if trial is None else (*_NAMES, *_VALIDATION_NAMES):
        carried.bind(name, "", f"a name that the export writes, {name}")
    return carried


def _body(carried: Carried, network: Specialised) -> list[str]:
    """The network, and how weights get into it."""
    items = carried.items
    assert isinstance(read_weights, FunctionType)
    carried.refer(read_weights)
    load = _LOAD.strip().format(name=network.root_name)
    return [*_grouped(items), *network.classes, *carried.items[len(items) :], load]


def _validation(trial: Trial, carried: Carried, network: Specialised) -> _Validation:
    """The validation, defined only when it is used if it needs packages that the network does not."""
    imports, items = carried.imports, carried.items
    validation = CopiedValidation(trial, carried)
    _copy_all(network, validation)
    network.check_named_classes()
    text = validation.text()
    imports, items = carried.imports[len(imports) :], (*carried.items[len(items) :], text)
    packages = foreign_packages([*imports, *items])
    defined = [define_validation(imports, _grouped(items))] if packages else _grouped(items)
    return _Validation((*defined, validation.validate_text(is_deferred=bool(packages)), _MAIN.strip()), tuple(packages))


def _grouped(items: Sequence[str]) -> list[str]:
    """Copied items, with constants that follow each other kept together."""
    groups: list[str] = []
    was_constant = False
    for item in items:
        is_constant = isinstance(ast.parse(item).body[0], ast.Assign | ast.AnnAssign)
        if is_constant and was_constant:
            groups[-1] += f"\n{item}"
        else:
            groups.append(item)
        was_constant = is_constant
    return groups


def _copy_all(network: Specialised, validation: CopiedValidation | None) -> None:
    """Copies methods until none is missing: each that is copied may mention further ones."""
    while network.copy_methods() | (validation is not None and validation.copy_methods()):
        pass
    if validation is not None:
        validation.settle_attributes()
        while network.copy_methods() | validation.copy_methods():
            pass


def _json_lines(architecture: Mapping[str, object]) -> list[str]:
    """The architecture as JSON, a line for each decision."""
    pairs = [json.dumps({path: value}, ensure_ascii=False)[1:-1] for path, value in architecture.items()]
    return ["    {", *(f"        {pair}," for pair in pairs[:-1]), *(f"        {pair}" for pair in pairs[-1:]), "    }"]


def _docstring(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""{escaped}\n"""'
