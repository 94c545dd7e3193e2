"""A network as an ONNX file, which runtimes other than torch compute; proved with onnxruntime before it is there.

The file takes batches of any size: the first dimension of every input is the batch. Conversion is that of torch
(``torch.onnx.export`` by way of ``torch.export``).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from nas_trial.export.failure import ExportError
from nas_trial.supernet import is_supernet

ONNX_TOLERANCE = 1e-4
"""Largest difference of outputs, relative to the largest output where that is above 1."""

_NEEDED = ("onnx", "onnxscript", "onnxruntime")
_EXAMPLE = "Give a tensor, or a tuple of what the network is called with, whose first dimension is the batch."


@dataclass(frozen=True, slots=True)
class Example:
    """What a network is called with, for a batch of two at least: torch takes a batch of one for a constant.

    Attributes:
        inputs: Arguments by position.
        options: Arguments by name.
    """

    inputs: tuple[object, ...]
    options: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, inputs: tuple[object, ...], options: Mapping[str, object]) -> Example:
        """The example, with a batch of one doubled.

        Raises:
            ExportError: There is no tensor with a batch in it, or the batches differ.
        """
        sizes = {tensor.shape[0] if tensor.dim() else 0 for tensor in _tensors((inputs, options))}
        if len(sizes) != 1 or 0 in sizes:
            raise ExportError(
                f"The example input has {'no batch' if not sizes or 0 in sizes else 'batches of different sizes'}: "
                f"{[list(tensor.shape) for tensor in _tensors((inputs, options))]}.",
                hint=_EXAMPLE,
            )
        example = cls(inputs, dict(options))
        return example.doubled() if sizes == {1} else example

    def doubled(self) -> Example:
        """The same with every batch twice as large."""
        inputs, options = pytree.tree_map_only(
            Tensor, lambda tensor: torch.cat([tensor, tensor.flip(0)]), (self.inputs, dict(self.options))
        )
        return Example(inputs, options)

    def tensors(self) -> list[Tensor]:
        """All tensors, in the order in which the file takes them."""
        return _tensors((self.inputs, dict(self.options)))


def export_onnx(model: nn.Module, example_input: object, path: str | Path) -> Path:
    """Writes a network as an ONNX file with a batch of any size, and proves that onnxruntime computes the same.

    Outputs agree within `ONNX_TOLERANCE` of the largest one, for the example and for a batch twice as large. The
    network is exported as it computes in ``eval`` mode. Inputs are called ``input``, or ``input0``, ``input1``, ... if
    there are several, outputs likewise.

    Args:
        model: The network, on the CPU.
        example_input: A tensor, or a tuple of arguments; the first dimension of every tensor is the batch.
        path: The file to write.

    Returns:
        The file.

    Raises:
        ExportError: A package is missing, torch cannot convert the network, or the outputs differ; what is said is
            which. No file is written.
    """
    inputs = example_input if isinstance(example_input, tuple) else (example_input,)
    return write_onnx(model, inputs, {}, path=Path(path))


def write_onnx(model: nn.Module, inputs: tuple[object, ...], options: Mapping[str, object], *, path: Path) -> Path:
    """As `export_onnx`, for arguments by position and by name."""
    _check_packages()
    if is_supernet(model):
        raise ExportError(
            f"{type(model).__name__} is a supernet, which holds everything that there is to choose.",
            hint="Export one network of it: nas.build(factory, architecture).",
        )
    example = Example.of(inputs, options)
    was_training = model.training
    model.eval()
    try:
        _write(model, example, path)
    finally:
        model.train(was_training)
    return path


def _write(model: nn.Module, example: Example, path: Path) -> None:
    expected = [_outputs(model, each) for each in (example, example.doubled())]  # errors of the network are its own
    new = path.with_name(f"{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _quiet():
            _convert(model, example, new, outputs=len(expected[0]))
            found = [_run(new, each) for each in (example, example.doubled())]
        for wanted, given in zip(expected, found, strict=True):
            _compare(wanted, given)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _check_packages() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ExportError(
            f"Writing ONNX needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed.",
            hint="Install them: `pip install 'nas-trial[onnx]'`.",
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what torch says about its own conversion from people who cannot change it."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


class _OfTensors(nn.Module):
    """The network as a function of tensors alone, of which torch can say that each has a batch of any size."""

    def __init__(self, model: nn.Module, example: Example) -> None:
        super().__init__()
        self.model = model
        leaves, self._layout = pytree.tree_flatten((example.inputs, dict(example.options)))
        self._others = [None if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        self._places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        leaves = list(self._others)
        for place, tensor in zip(self._places, tensors, strict=True):
            leaves[place] = tensor
        inputs, options = pytree.tree_unflatten(leaves, self._layout)
        return tuple(_tensors(self.model(*inputs, **options)))


def _convert(model: nn.Module, example: Example, path: Path, *, outputs: int) -> None:
    tensors = example.tensors()
    try:
        torch.onnx.export(
            _OfTensors(model, example).eval(),
            tuple(tensors),
            path,
            input_names=_numbered("input", len(tensors)),
            output_names=_numbered("output", outputs),
            dynamic_shapes=(tuple({0: torch.export.Dim.DYNAMIC} for _ in tensors),),
            external_data=False,
            dynamo=True,
            verbose=False,
        )
    except Exception as error:  # torch and onnxscript raise what they like
        raise ExportError(
            f"torch cannot convert {type(model).__name__} to ONNX: {_reason(error)}",
            hint="Operations that depend on the numbers in a tensor, or on the size of the batch, have no ONNX form.",
        ) from error


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}{number}" for number in range(count)]


def _reason(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"


def _outputs(model: nn.Module, example: Example) -> list[Tensor]:
    with torch.no_grad():
        return [tensor.clone() for tensor in _tensors(model(*example.inputs, **example.options))]


def _run(path: Path, example: Example) -> list[Tensor]:
    # Heavy and optional, and without types.
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    given = {name: tensor.numpy() for name, tensor in zip(names, example.tensors(), strict=True)}
    return [torch.from_numpy(array) for array in session.run(None, given)]


def _compare(expected: Sequence[Tensor], found: Sequence[Tensor]) -> None:
    if len(expected) != len(found):
        raise ExportError(f"The ONNX file gives {len(found)} outputs instead of {len(expected)}.")
    for number, (wanted, given) in enumerate(zip(expected, found, strict=True)):
        if wanted.shape != given.shape:
            raise ExportError(
                f"Output {number} of the ONNX file has shape {list(given.shape)}, not {list(wanted.shape)}."
            )
        scale = max(1.0, float(wanted.double().abs().max())) if wanted.numel() else 1.0
        difference = float((wanted.double() - given.double()).abs().max()) if wanted.numel() else 0.0
        if not difference <= ONNX_TOLERANCE * scale:
            raise ExportError(
                f"Output {number} of the ONNX file differs by {difference:.3g} "
                f"(allowed: {ONNX_TOLERANCE * scale:.3g}).",
                hint="Does forward draw random numbers, or depend on something outside of the network?",
            )


def _tensors(part: object) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(part) if isinstance(leaf, Tensor)]
