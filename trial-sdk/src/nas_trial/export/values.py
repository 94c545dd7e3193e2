"""Values as expressions: what an attribute or an argument holds, written so that Python reads the same value again.

Numbers, text, containers, dtypes, enumerations, dataclasses, functions and classes have an expression; tensors do up to
`LARGEST_TENSOR` elements. Everything else has none.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, FunctionType

import torch
from torch import Tensor, nn

from nas_trial.export.layout import Brackets, Call, Expression, flat, quoted

LARGEST_TENSOR = 256

Refer = Callable[[type | FunctionType | BuiltinFunctionType], str]
"""Names a class or function in the generated file, and sees to it that the file has it."""


class NoExpressionError(Exception):
    """A value has no expression; the message says what kind of value it is."""


def express(value: object, refer: Refer) -> Expression:
    """The expression of a value.

    Raises:
        NoExpressionError: It has none.
    """
    if isinstance(value, enum.Enum):
        return refer_enum(value, refer)
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return _number_or_text(value)
    if isinstance(value, torch.dtype | torch.device | torch.layout | torch.memory_format):
        return f'torch.device("{value}")' if isinstance(value, torch.device) else str(value)
    if isinstance(value, Tensor):
        return tensor(value)
    if isinstance(value, type | FunctionType | BuiltinFunctionType):
        return _callable(value, refer)
    if isinstance(value, functools.partial):
        items = [express(item, refer) for item in (value.func, *value.args)]
        return Call(f"{refer(functools.partial)}", items, _named(value.keywords, refer))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        given = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
        return Call(refer(type(value)), (), _named(given, refer))
    return _container(value, refer)


def tensor(value: Tensor) -> Expression:
    """A small tensor with its numbers.

    Raises:
        NoExpressionError: It has more than `LARGEST_TENSOR` elements.
    """
    if value.numel() > LARGEST_TENSOR:
        raise NoExpressionError(f"a tensor of {value.numel()} numbers, which are too many to write down")
    if value.requires_grad:
        raise NoExpressionError("a tensor that takes a gradient but is not registered")
    if not bool(torch.isfinite(value).all()):
        raise NoExpressionError("a tensor with numbers that are not finite")
    return Call("torch.tensor", (repr(value.detach().cpu().tolist()),), {"dtype": str(value.dtype)})


def empty(value: Tensor) -> Call:
    """A tensor of the same shape and dtype, whose numbers come from the weights; ``torch.empty(())`` for a scalar."""
    shape = [str(size) for size in value.shape]
    keywords: dict[str, Expression] = {} if value.dtype == torch.float32 else {"dtype": str(value.dtype)}
    return Call("torch.empty", shape or ["()"], keywords)


def refer_enum(value: enum.Enum, refer: Refer) -> str:
    """``Mode.FAST``."""
    return f"{refer(type(value))}.{value.name}"


def _number_or_text(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if type(value) not in {bool, int, float, complex, str, bytes, type(None)}:
        raise NoExpressionError(f"of the class {type(value).__qualname__}")
    return quoted(value) if isinstance(value, str) else repr(value)


def _callable(value: type | FunctionType | BuiltinFunctionType, refer: Refer) -> str:
    if value.__name__ == "<lambda>":
        raise NoExpressionError("a lambda; write it as a method or as a function of the module")
    return refer(value)


def _container(value: object, refer: Refer) -> Expression:
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return Call(refer(type(value)), (), _named(dict(zip(value._fields, value, strict=True)), refer))
    if isinstance(value, Mapping) and type(value) is dict:
        return Brackets("{", [_pair(key, item, refer) for key, item in value.items()], "}")
    if isinstance(value, tuple) and type(value) in {tuple, torch.Size}:
        return Brackets("(", [express(item, refer) for item in value], ")")
    if type(value) in {list, set, frozenset} and isinstance(value, list | set | frozenset):
        items = [express(item, refer) for item in (value if isinstance(value, list) else sorted(value, key=repr))]
        return _listing(value, items)
    if isinstance(value, range | slice):
        return repr(value)
    if isinstance(value, nn.Module):
        raise NoExpressionError("a module that is not registered")
    raise NoExpressionError(f"of the class {type(value).__qualname__}")


def _listing(value: list[object] | set[object] | frozenset[object], items: list[Expression]) -> Expression:
    if isinstance(value, list):
        return Brackets("[", items, "]")
    if isinstance(value, frozenset):
        return Call("frozenset", [Brackets("[", items, "]")])
    return Brackets("{", items, "}") if items else "set()"


def _pair(key: object, item: object, refer: Refer) -> str:
    return f"{flat(express(key, refer))}: {flat(express(item, refer))}"


def _named(values: Mapping[str, object], refer: Refer) -> dict[str, Expression]:
    return {name: express(item, refer) for name, item in values.items()}
