"""The trial's validation as a plain class: its batches, its step, and what these use of the trial.

If the trial's ``__init__`` made something that cannot be written down (tensors, a data set), it is copied as well,
which takes an ``__init__`` that can be called without arguments.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from nas_trial.export.carried import Carried
from nas_trial.export.copied import CopiedClass
from nas_trial.export.failure import ExportError
from nas_trial.export.layout import Expression, flat, statement
from nas_trial.export.values import NoExpressionError, express
from nas_trial.export.written import indented
from nas_trial.trial import Trial

_ENTRY = ("validation_batches", "validation_step")
_NEVER = frozenset({"__init__", "__new__", "__init_subclass__", "__doc__", "__module__", "build", "device"})

_DEFAULT_STEP = """
def validation_step(self, model, batch):
    inputs, labels = batch
    logits = model(inputs)
    accuracy = (logits.argmax(dim=1) == labels).float().mean()
    loss = nn.functional.cross_entropy(logits, labels)
    return {"accuracy": accuracy, "loss": loss}
"""

VALIDATE = '''
def validate(model):
    """Return the mean of each metric over all batches, weighted by their sizes."""
{before}    validation = Validation()
    device = {device}
    totals, count = {{}}, 0
    model.to(device).eval()
    with torch.no_grad():
        for batch in validation.validation_batches():
            size = _size_of(batch)
            metrics = validation.validation_step(model, _moved(batch, device))
            for name, value in metrics.items():
                totals[name] = totals.get(name, 0.0) + float(value) * size
            count += size
    return {{name: total / count for name, total in totals.items()}}


def _moved(part, device):
    """Return a batch with its tensors on the device."""
    if isinstance(part, torch.Tensor):
        return part.to(device)
    if isinstance(part, dict):
        return {{name: _moved(value, device) for name, value in part.items()}}
    if isinstance(part, tuple) and hasattr(part, "_fields"):
        return type(part)(*(_moved(value, device) for value in part))
    if isinstance(part, (list, tuple)):
        return type(part)(_moved(value, device) for value in part)
    return part


def _size_of(part):
    """Return the first size of the first tensor of a batch; 0 if it holds none."""
    if isinstance(part, torch.Tensor):
        return part.shape[0] if part.dim() else 1
    values = part.values() if isinstance(part, dict) else part
    if not isinstance(part, (dict, list, tuple)):
        return 0
    return next((size for size in map(_size_of, values) if size), 0)
'''


class CopiedValidation:
    """The validation of one trial.

    Args:
        trial: The trial.
        carried: Collects what its code uses.
    """

    def __init__(self, trial: Trial, carried: Carried) -> None:
        self._trial = trial
        self._carried = carried
        self._copied = CopiedClass(type(trial), carried, never=_NEVER)
        carried.attributes |= set(_ENTRY)

    def copy_methods(self) -> bool:
        """Copies the methods that are mentioned by now, and says whether there were new ones."""
        return self._copied.copy_mentioned()

    def settle_attributes(self) -> None:
        """Decides whether ``__init__`` has to be copied; called when no method is missing.

        Raises:
            ExportError: It has to, and cannot.
        """
        unwritten = [name for name, value in self._attributes() if value is None]
        if not unwritten:
            return
        parameters = list(inspect.signature(type(self._trial)).parameters.values())
        required = [each.name for each in parameters if each.default is each.empty and each.kind < each.VAR_POSITIONAL]
        if required:
            raise ExportError(
                f"{self._copied.own_uses[unwritten[0]]}: self.{unwritten[0]} cannot be written down, and __init__ of "
                f"{type(self._trial).__name__} needs {required[0]!r}.",
                hint="Load the data in validation_batches, or give the parameter a default.",
            )
        self._copied = CopiedClass(type(self._trial), self._carried, never=_NEVER - {"__init__"})
        self._carried.attributes.add("__init__")

    def text(self) -> str:
        """The class ``Validation``.

        Raises:
            ExportError: The trial has no batches of its own.
        """
        body = ['"""The validation of the search, as it was written there."""', self._copied.class_attributes]
        attributes = [(name, value) for name, value in self._attributes() if value is not None]
        if attributes and "__init__" not in self._carried.attributes:
            lines = [statement(f"self.{name}", value, indent=2) for name, value in attributes]
            body.append("def __init__(self) -> None:\n" + "\n".join(line.removeprefix("    ") for line in lines))
        body += [*self._copied.methods, *self._from_sdk()]
        return "class Validation:\n" + "\n\n".join(indented(part) for part in body if part)

    def validate_text(self, *, is_deferred: bool) -> str:
        """The function ``validate`` and what it needs; a class that is deferred is defined by it."""
        self._carried.bind_torch("torch")
        has_device = any("device" in vars(cls) for cls in type(self._trial).__mro__ if cls is not Trial)
        device = repr(self._trial.device) if has_device else '"cuda" if torch.cuda.is_available() else "cpu"'
        before = "    define_validation()\n" if is_deferred else ""
        return VALIDATE.strip().format(before=before, device=device.replace("'", '"'))

    def _attributes(self) -> Iterator[tuple[str, Expression | None]]:
        """What the methods use of the object, ``None`` for data, which no one wants to read in a source file."""
        for name, value in vars(self._trial).items():
            if name not in self._copied.own_uses:
                continue
            try:
                found = express(value, self._carried.refer)
            except NoExpressionError:
                yield name, None
                continue
            has_data = "torch.tensor(" in flat(found)
            if "torch." in flat(found) and not has_data:
                self._carried.bind_torch("torch")
            yield name, None if has_data else found

    def _from_sdk(self) -> Iterator[str]:
        """What the methods use of the SDK's own Trial."""
        cls, uses = type(self._trial), self._copied.own_uses
        if cls.validation_batches is Trial.validation_batches:
            raise ExportError(f"{cls.__name__} has no validation_batches().")
        for name in ("epochs", "channels_last", "keeps_weights"):
            if name in uses and name not in vars(self._trial) and not any(name in vars(base) for base in self._users()):
                yield f"{name} = {getattr(self._trial, name)!r}"
        if "device" in uses:
            self._carried.bind_torch("torch")
            yield f"device = {self._trial.device!r}".replace("'", '"')
        if cls.validation_step is Trial.validation_step:
            yield _DEFAULT_STEP.strip()

    def _users(self) -> list[type]:
        return [cls for cls in type(self._trial).__mro__ if cls not in {Trial, *Trial.__mro__}]
