"""The operators of Python for what stands for a number: each gives what the class makes of a function and operands.

Not here: what that is (``values``).
"""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from nascore.space import Literal

Result = TypeVar("Result")


class Arithmetic(ABC, Generic[Result]):
    """Arithmetic, comparisons, and ``&`` and ``|`` of comparisons."""

    __slots__ = ()

    @abstractmethod
    def _combined(self, function: Callable[..., Literal], *operands: object) -> Result:
        """The function of the operands, of which one is this."""

    def __add__(self, other: object) -> Result:
        return self._combined(operator.add, self, other)

    def __radd__(self, other: object) -> Result:
        return self._combined(operator.add, other, self)

    def __sub__(self, other: object) -> Result:
        return self._combined(operator.sub, self, other)

    def __rsub__(self, other: object) -> Result:
        return self._combined(operator.sub, other, self)

    def __mul__(self, other: object) -> Result:
        return self._combined(operator.mul, self, other)

    def __rmul__(self, other: object) -> Result:
        return self._combined(operator.mul, other, self)

    def __truediv__(self, other: object) -> Result:
        return self._combined(operator.truediv, self, other)

    def __rtruediv__(self, other: object) -> Result:
        return self._combined(operator.truediv, other, self)

    def __floordiv__(self, other: object) -> Result:
        return self._combined(operator.floordiv, self, other)

    def __rfloordiv__(self, other: object) -> Result:
        return self._combined(operator.floordiv, other, self)

    def __mod__(self, other: object) -> Result:
        return self._combined(operator.mod, self, other)

    def __rmod__(self, other: object) -> Result:
        return self._combined(operator.mod, other, self)

    def __pow__(self, other: object) -> Result:
        return self._combined(operator.pow, self, other)

    def __rpow__(self, other: object) -> Result:
        return self._combined(operator.pow, other, self)

    def __neg__(self) -> Result:
        return self._combined(operator.neg, self)

    def __abs__(self) -> Result:
        return self._combined(operator.abs, self)

    def __round__(self, digits: int | None = None) -> Result:
        return self._combined(round, self) if digits is None else self._combined(round, self, digits)

    def __floor__(self) -> Result:
        return self._combined(math.floor, self)

    def __ceil__(self) -> Result:
        return self._combined(math.ceil, self)

    def __trunc__(self) -> Result:
        return self._combined(math.trunc, self)

    def __and__(self, other: object) -> Result:
        return self._combined(operator.and_, self, other)

    def __rand__(self, other: object) -> Result:
        return self._combined(operator.and_, other, self)

    def __or__(self, other: object) -> Result:
        return self._combined(operator.or_, self, other)

    def __ror__(self, other: object) -> Result:
        return self._combined(operator.or_, other, self)

    def __eq__(self, other: object) -> Result:  # type: ignore[override]  # a result, like the other comparisons
        return self._combined(operator.eq, self, other)

    def __ne__(self, other: object) -> Result:  # type: ignore[override]  # as above
        return self._combined(operator.ne, self, other)

    def __lt__(self, other: object) -> Result:
        return self._combined(operator.lt, self, other)

    def __le__(self, other: object) -> Result:
        return self._combined(operator.le, self, other)

    def __gt__(self, other: object) -> Result:
        return self._combined(operator.gt, self, other)

    def __ge__(self, other: object) -> Result:
        return self._combined(operator.ge, self, other)

    __hash__ = object.__hash__
