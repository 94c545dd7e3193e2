"""What is registered in modules: parameters, buffers, what is shared between places, and what may not be there."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn.utils import parametrize

from nas_trial.export.failure import ExportError
from nas_trial.export.layout import Call, Expression, quoted, statement
from nas_trial.export.origin import is_sdk
from nas_trial.export.plain import is_choice
from nas_trial.export.values import LARGEST_TENSOR, NoExpressionError, empty, tensor

_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_load_state_dict_pre_hooks",
)


def ties(root: nn.Module) -> Iterator[str]:
    """Statements that make modules and parameters shared that the network shares, for the end of its ``__init__``."""
    modules: dict[int, str] = {}
    parameters: dict[int, str] = {}
    shared: list[str] = []
    for path, module in root.named_modules(remove_duplicate=False):
        if any(path.startswith(f"{each}.") for each in shared):
            continue
        first = modules.setdefault(id(module), path)
        if first != path:
            shared.append(path)
            yield statement(access(root, path), access(root, first), indent=2)
            continue
        for name, value in module._parameters.items():
            full = below(path, name)
            origin = full if value is None else parameters.setdefault(id(value), full)
            if origin != full:
                yield statement(access(root, full), access(root, origin), indent=2)


def access(root: nn.Module, path: str) -> str:
    """The expression for a part of the network, from inside of its class: ``self.stage[0].conv.weight``."""
    written, module = "self", root
    for name in path.split("."):
        is_row = isinstance(module, nn.Sequential | nn.ModuleList | nn.ParameterList) or is_choice(module)
        if name.isdigit() and is_row:
            written += f"[{name}]"
        elif isinstance(module, nn.ModuleDict | nn.ParameterDict):
            written += f"[{quoted(name)}]"
        elif name.isidentifier():
            written += f".{name}"
        else:
            raise ExportError(f"{path}: is shared with another place, under a name that Python cannot write.")
        module = getattr(module, name, module)
    return written


def parameter(value: Tensor) -> Call:
    """A parameter whose numbers come from the weights."""
    keywords: dict[str, Expression] = {} if value.requires_grad else {"requires_grad": "False"}
    return Call("nn.Parameter", [empty(value)], keywords)


def embedded(value: Tensor, path: str) -> Expression:
    """A buffer with its numbers, for one that is not saved.

    Raises:
        ExportError: It is too large.
    """
    try:
        return tensor(value)
    except NoExpressionError as error:
        raise ExportError(
            f"{path} is a buffer that is not saved with the weights, and it is {error} (at most {LARGEST_TENSOR}).",
            hint="Register it with persistent=True, or compute it in forward.",
        ) from None


def check_is_plain(module: nn.Module, path: str) -> None:
    """Refuses what was done to a module from outside of its class.

    Raises:
        ExportError: It has hooks or parametrizations.
    """
    shown = f"{type(module).__name__} at {path!r}" if path else type(module).__name__
    if parametrize.is_parametrized(module):
        names = ", ".join(module.parametrizations)  # type: ignore[arg-type]  # a ModuleDict, iterated by key
        raise ExportError(
            f"{shown} has a parametrization of {names}.",
            hint="Call torch.nn.utils.parametrize.remove_parametrizations(module, name) before the export.",
        )
    if is_choice(module) or is_sdk(type(module).__module__):
        return
    hooks = [name for name in _HOOKS if getattr(module, name, None)]
    if hooks:
        raise ExportError(
            f"{shown} has hooks ({hooks[0].strip('_')}), which are not written in any class.",
            hint="Do what they do in forward, or remove them in build().",
        )


def below(path: str, name: str) -> str:
    """Path of a child, ``stage.0`` for ``0`` below ``stage``."""
    return f"{path}.{name}" if path else name
