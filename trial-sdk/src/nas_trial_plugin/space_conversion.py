"""Spaces and architectures from one dialect to another; what needs no change keeps its bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum

from nascore.errors import ArchitectureError
from nascore.nni import (
    Dialect,
    NniArchitecture,
    NniSpace,
    architecture_of,
    chosen_of,
    nni_space_of,
    read_architecture,
    write_architecture,
    write_space,
)
from nascore.space import Architecture
from nascore.space.strictjson import read_json

from nas_trial_plugin.sources import Source

_LAYERED = frozenset({Dialect.BARE, Dialect.WRAPPED})


class Target(StrEnum):
    """What can be written."""

    NASCORE = "nascore"
    NNI = "nni"
    NNI_WRAPPED = "nni-wrapped"
    NNI_FLAT = "nni-flat"


def converted_space(source: Source, target: Target) -> str:
    """The text of a space in a dialect.

    Raises:
        SpaceError: NNI cannot express a part of it, which is named.
    """
    return source.space.to_json() if target is Target.NASCORE else write_space(_nni_space(source, target))


def converted_architecture(source: Source, text: bytes, target: Target, *, lenient: bool) -> NniArchitecture | str:
    """An architecture of the space in a dialect: NNI's, with what was forgiven, or the text of ours.

    Raises:
        ArchitectureError: It does not belong to the space; every fault is listed with its place.
        SpaceError: NNI cannot express a part of the space, which is named.
    """
    read, ours = _architecture(source, text, lenient=lenient)
    if target is Target.NASCORE:
        return json.dumps(dict(ours), ensure_ascii=False, indent=2) + "\n"
    wanted = Dialect(target.value)
    if read is not None and source.nni is not None and _is_alike(source.nni.dialect, wanted):
        return read
    return chosen_of(ours, _nni_space(source, target))


def text_of(architecture: NniArchitecture | str) -> str:
    """The text that is written."""
    return architecture if isinstance(architecture, str) else write_architecture(architecture)


def _nni_space(source: Source, target: Target) -> NniSpace:
    wanted = Dialect(target.value)
    if source.nni is not None and _is_alike(source.nni.dialect, wanted):
        return replace(source.nni, dialect=wanted)
    written = nni_space_of(source.space, wanted)
    return written if source.nni is None else replace(written, style=source.nni.style)


def _is_alike(first: Dialect, second: Dialect) -> bool:
    """Whether two dialects hold the same entries, written in the same way or only wrapped."""
    return first is second or {first, second} <= _LAYERED


def _architecture(source: Source, text: bytes, *, lenient: bool) -> tuple[NniArchitecture | None, Architecture]:
    """An architecture of ours, and the file of NNI's that it was read from, if it was one."""
    document = read_json(text, error=ArchitectureError)
    is_nested = isinstance(document, dict) and any(isinstance(member, dict) for member in document.values())
    nni = source.nni
    if not is_nested and isinstance(document, dict):
        try:
            return None, source.space.architecture(document)
        except ArchitectureError:
            # Hyper-parameters alone look alike in both; what is wrong is said by the reader of the space's own dialect.
            if nni is None:
                raise
    if nni is None:
        nni = nni_space_of(source.space, Dialect.WRAPPED)
    read = read_architecture(text, nni, lenient=lenient)
    return read, architecture_of(read, nni)
