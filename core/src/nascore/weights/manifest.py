"""A checkpoint's manifest: which tensors it has, by digest, and where it came from.

Its id is the first half of the BLAKE3 digest of its canonical JSON (RFC 8785), which is also the whole content of its
file: so the id proves every byte, and saving the same thing twice gives the same id. Where a tensor's bytes lie is the
store's affair and not part of it; format 1, which said so, is still read. Not here: files (``directory``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, cast

from blake3 import blake3

from nascore.errors import DataLossError, InvalidInputError
from nascore.record import JsonValue
from nascore.space.canonical import JsonValue as CanonicalValue
from nascore.space.canonical import canonical_json
from nascore.space.strictjson import read_json
from nascore.weights.tensor import data_size

FORMAT = 2
_READABLE = (1, 2)
MAX_TENSORS = 100_000
MAX_KEY = 1024
MAX_PARENTS = 64
MAX_MANIFEST = 64 * 2**20
_REMEMBERED = 16
_MOST_REMEMBERED = 5000
"""Tensors of the largest manifest that is remembered."""

is_checkpoint = re.compile(r"[0-9a-f]{32}").fullmatch
is_digest = re.compile(r"[0-9a-f]{64}").fullmatch


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor of a checkpoint.

    Attributes:
        key: Its tensor key, as in the network's state.
        dtype: Its element type.
        shape: Sizes of the axes.
        digest: BLAKE3 of the safetensors file that holds it alone, named "tensor"; hexadecimal.
        size: Its bytes, without any header.
    """

    key: str
    dtype: str
    shape: tuple[int, ...]
    digest: str
    size: int

    def __post_init__(self) -> None:
        if not 1 <= len(self.key) <= MAX_KEY or "\0" in self.key:
            raise InvalidInputError(f"tensor key {self.key[:64]!r}: 1 to {MAX_KEY} characters without NUL are allowed.")
        if data_size(self.dtype, self.shape) != self.size:
            raise InvalidInputError(f"tensor {self.key!r}: {self.size} bytes do not fit its type and shape.")
        if not is_digest(self.digest):
            raise InvalidInputError(f"tensor {self.key!r}: a digest has 64 hexadecimal digits.")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A checkpoint without its bytes.

    Attributes:
        trial: Number of the trial that made it.
        entries: Its tensors, by key.
        parents: Checkpoints that it was made from.
        architecture: Fingerprint of its architecture; empty if it has none.
        metrics: The trial's metrics.
        notes: Anything worth recording.
    """

    trial: int
    entries: tuple[Entry, ...]
    parents: tuple[str, ...] = ()
    architecture: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, JsonValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if type(self.trial) is not int or not 0 <= self.trial < 2**53 or not isinstance(self.architecture, str):
            raise InvalidInputError(
                f"trial {self.trial!r:.40} is no number of a trial, or the architecture's fingerprint is no text."
            )
        if len(self.entries) > MAX_TENSORS:
            raise InvalidInputError(
                f"A checkpoint has at most {MAX_TENSORS} tensors, but this has {len(self.entries)}."
            )
        if len({entry.key for entry in self.entries}) != len(self.entries):
            raise InvalidInputError("A checkpoint names a tensor twice.")
        if len(self.parents) > MAX_PARENTS or not all(map(is_checkpoint, self.parents)):
            raise InvalidInputError(
                f"parents: at most {MAX_PARENTS} ids of checkpoints, each of 32 hexadecimal digits."
            )

    @property
    def size(self) -> int:
        """Bytes of all tensors."""
        return sum(entry.size for entry in self.entries)

    def to_bytes(self) -> bytes:
        """Return the canonical JSON of the manifest."""
        document = {
            "format": FORMAT,
            "trial": self.trial,
            "architecture": self.architecture,
            "parents": list(self.parents),
            "metrics": dict(self.metrics),
            "notes": dict(self.notes),
            "tensors": [],
        }
        empty = canonical_json(cast(CanonicalValue, document))
        # Texts and small integers alone are canonical as the json module writes them, at a tenth of the time.
        rows = [[e.key, e.dtype, e.shape, e.digest, e.size] for e in self.entries]
        end = b',"trial":%d}' % self.trial
        head = empty.removesuffix(b"[]" + end)
        return head + _encoded(json.dumps(rows, ensure_ascii=False, separators=(",", ":"))) + end


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as fault:
        raise InvalidInputError(
            f"A tensor key has the lone surrogate {text[fault.start]!r}, which no text can hold."
        ) from fault


def checkpoint_of(content: bytes) -> str:
    """Return the id of the checkpoint whose manifest has this content."""
    return blake3(content).hexdigest()[:32]


def read_manifest(content: bytes, *, checkpoint: str) -> Manifest:
    """Return the manifest in ``content``.

    Raises:
        DataLossError: It is not what was written under this id.
        InvalidInputError: It is, but breaks the rules of a manifest; what is wrong is named.
    """
    if checkpoint_of(content) != checkpoint:
        raise DataLossError(f"Checkpoint {checkpoint}: the manifest's bytes are not those that were written.")
    recent = _recent()
    if (found := recent.get(checkpoint)) is None:
        found = _parsed(content, checkpoint)
        _keep(checkpoint, found)
    return replace(found, metrics=dict(found.metrics), notes=deepcopy(dict(found.notes)))


def remember_manifest(checkpoint: str, manifest: Manifest) -> None:
    """Spare whoever reads a manifest soon after it was made the parsing; its bytes are read and proven all the same."""
    if len(manifest.entries) <= _MOST_REMEMBERED:
        _keep(checkpoint, as_read(manifest))


def as_read(manifest: Manifest) -> Manifest:
    """Return a manifest as whoever reads its bytes has it; what it was made from may change then."""
    metrics = {name: float(value) for name, value in manifest.metrics.items()}
    notes = canonical_json(cast(CanonicalValue, dict(manifest.notes))) if manifest.notes else b"{}"
    return replace(manifest, metrics=metrics, notes=cast(dict[str, Any], read_json(notes, error=InvalidInputError)))


@cache
def _recent() -> dict[str, Manifest]:
    """Return what was read last in this process, by checkpoint, which says all about it; each step on it is atomic."""
    return {}


def _keep(checkpoint: str, manifest: Manifest) -> None:
    if len(manifest.entries) <= _MOST_REMEMBERED:
        recent = _recent()
        recent[checkpoint] = manifest
        for old in list(recent)[:-_REMEMBERED]:
            recent.pop(old, None)


def _parsed(content: bytes, checkpoint: str) -> Manifest:
    document = cast(dict[str, Any], read_json(content, error=InvalidInputError))
    try:
        _check_format(document["format"], checkpoint)
        return Manifest(
            trial=document["trial"],
            entries=tuple(_entry(row) for row in document["tensors"]),
            parents=tuple(document["parents"]),
            architecture=document["architecture"],
            metrics={name: float(value) for name, value in document["metrics"].items()},
            notes=dict(document["notes"]),
        )
    except InvalidInputError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise InvalidInputError(
            f"Checkpoint {checkpoint}: the manifest has not the fields of one: {fault!r}."
        ) from fault


def _check_format(found: object, checkpoint: str) -> None:
    if type(found) is not int or found not in _READABLE:
        raise InvalidInputError(
            f"Checkpoint {checkpoint} has format {found!r:.40}; {', '.join(map(str, _READABLE))} are known here."
        )


def _entry(row: Any) -> Entry:
    match row:
        case [str(key), str(dtype), list(shape), str(digest), int(size)] | [
            str(key),
            str(dtype),
            list(shape),
            str(digest),
            int(size),
            str(),  # Format 1 named the pack, which the headers of the packs say as well.
        ]:
            return Entry(key, dtype, tuple(shape), digest, size)
        case _:
            raise InvalidInputError(f"a tensor needs key, dtype, shape, digest and size, not {str(row)[:200]}.")
