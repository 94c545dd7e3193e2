"""Names of modules: a candidate's key, which is any text, written so that torch takes it as the name of a child.

Percent-escaped like a URL (RFC 3986, section 2.1) and reversible. Ordinary keys (``conv3``) stay as they are, so tensor
keys read ``op.conv3.weight``. Escaped are ``%`` and ``.``, a leading underscore, and the first letter of words that a
module has as attributes already (``train``); the empty key is a lone ``%``. The list of such words is fixed, not read
from the installed torch, so that tensor keys are the same under every version of it.

Not here: paths of decisions, which escape by other rules (``nascore.space.path``).
"""

from __future__ import annotations

import re

from nascore.errors import InvalidInputError

RESERVED = frozenset(
    """
    T_destination add_module apply bfloat16 buffers call_super_init children chosen compile cpu cuda double
    dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu keys
    load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters
    register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
    register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty
    train training type xpu zero_grad
    """.split()  # noqa: SIM905 -- a list of 70 lines says no more
)
"""Attributes of ``torch.nn.Module`` (2.4 to 2.13) and of `nas_trial.LayerChoice`."""

_ESCAPE = re.compile(r"%([0-9A-F]{2})")


def module_name(key: str) -> str:
    """The name of the child that holds the candidate ``key``."""
    if not key:
        return "%"
    name = key.replace("%", "%25").replace(".", "%2E")
    if name.startswith("_") or name in RESERVED:
        return f"%{ord(name[0]):02X}{name[1:]}"
    return name


def candidate_key(name: str) -> str:
    """The key that `module_name` wrote.

    Raises:
        InvalidInputError: ``name`` is no name that `module_name` writes.
    """
    key = "" if name == "%" else _ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), name)
    if module_name(key) != name:
        raise InvalidInputError(f"{name!r} is not the name of a candidate's module; see nas_trial.names.module_name.")
    return key
