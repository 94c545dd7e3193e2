"""Any nascore tuner as a Pythia policy of OSS Vizier.

What needs ``vizier.pythia``, and with it JAX, is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from nas_vizier.study import NAMESPACE, Study, read_study

if TYPE_CHECKING:
    from nas_vizier.factory import NascorePolicyFactory
    from nas_vizier.policy import NascorePolicy

__all__ = ["NAMESPACE", "NascorePolicy", "NascorePolicyFactory", "Study", "read_study"]

_LATE = {"NascorePolicy": "nas_vizier.policy", "NascorePolicyFactory": "nas_vizier.factory"}


def __getattr__(name: str) -> object:
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
