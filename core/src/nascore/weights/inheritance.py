"""What a new network inherits from a checkpoint, by rules: an elastic network its part, a renamed one its weights.

For each tensor that the new network wants, the first of these that fits: the parent's tensor of that key and shape, as
it is (no data move); a slice of it (elastic width: the leading part of an axis; elastic kernel: its centre). All else
is left to the network's own initialisation, and said with the reason. Rules may name initialisations that keep the
function of a network while it grows (network morphism); these need the network, so whoever has it carries them out.

Sources: elastic width and kernel, Cai et al., "Once-for-All", ICLR 2020; morphism, Chen et al., "Net2Net", ICLR 2016.
Not here: torch, files, and how a manifest is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase

import numpy
from blake3 import blake3

from nascore.errors import InvalidInputError
from nascore.weights.manifest import Entry, Manifest
from nascore.weights.safetensors import blob_header
from nascore.weights.tensor import DTYPE_SIZES, TensorData, data_size

_MAX_RULES = 10_000


class Fit(Enum):
    """How a shorter axis is cut from a longer one; ``EXACT`` does not."""

    EXACT = "exact"
    LEADING = "leading"
    CENTRE = "centre"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tensor of the new network: its key, element type and shape."""

    key: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """Which tensors may be cut, and how, axis by axis; axes beyond ``fits`` are exact.

    Attributes:
        keys: Keys of the new network, as a pattern with ``*`` and ``?``.
        fits: For each axis.
    """

    keys: str
    fits: tuple[Fit, ...]


@dataclass(frozen=True, slots=True)
class Initialisation:
    """An initialisation that is only named here, for whoever has the network.

    Attributes:
        keys: Keys of the new network, as a pattern with ``*`` and ``?``.
        name: ``gather`` (rows of the parent along ``axis``, each times its scale) or ``identity``.
        axis: For ``gather``.
        indices: Which row of the parent becomes each row.
        scales: What each is multiplied with; empty for 1.
    """

    keys: str
    name: str
    axis: int = 0
    indices: tuple[int, ...] = ()
    scales: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in ("gather", "identity"):
            raise InvalidInputError(f"{self.name!r:.80} is no initialisation; known are gather and identity.")
        if self.scales and len(self.scales) != len(self.indices):
            raise InvalidInputError(f"{self.keys}: {len(self.scales)} scales for {len(self.indices)} indices.")


@dataclass(frozen=True, slots=True)
class Rules:
    """How keys are found, and what may be cut; of several that fit the first counts.

    Attributes:
        prefixes: Beginning of a key in the new network -> that in the parent; the longest that fits counts.
        cuts: What may be cut.
        initialisations: What is initialised otherwise.
    """

    prefixes: Mapping[str, str] = field(default_factory=dict)
    cuts: tuple[Cut, ...] = ()
    initialisations: tuple[Initialisation, ...] = ()

    def __post_init__(self) -> None:
        if len(self.prefixes) + len(self.cuts) + len(self.initialisations) > _MAX_RULES:
            raise InvalidInputError(f"At most {_MAX_RULES:,} rules are allowed.")


@dataclass(frozen=True, slots=True)
class Inherited:
    """A tensor that was inherited: its key, that in the parent, and what of each axis; empty for all of it."""

    key: str
    parent_key: str
    ranges: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What came of the rules.

    Attributes:
        entries: For a new manifest, in the order that was wanted.
        data: Tensors that were cut, by digest: blobs that may have to be uploaded.
        inherited: Where each entry is from.
        initialised: Key -> the initialisation that somebody has to carry out.
        left: Key -> why it was not inherited.
    """

    entries: tuple[Entry, ...]
    data: Mapping[str, TensorData]
    inherited: tuple[Inherited, ...]
    initialised: Mapping[str, Initialisation]
    left: Mapping[str, str]


def inherit(
    parent: Manifest,
    wanted: Sequence[Wanted],
    *,
    rules: Rules = Rules(),
    read: Callable[[Collection[str]], Mapping[str, TensorData]],
) -> Inheritance:
    """Return what a network inherits.

    Args:
        parent: Whose weights.
        wanted: The tensors of the new network.
        rules: How; by default only equal keys and shapes.
        read: Returns tensors of the parent by key; asked once, for those that are cut.

    Raises:
        InvalidInputError: A wanted tensor cannot exist, or is wanted twice.
    """
    if len({tensor.key for tensor in wanted}) != len(wanted):
        raise InvalidInputError("A tensor is wanted twice.")
    there = {entry.key: entry for entry in parent.entries}
    entries: dict[str, Entry] = {}
    found: list[Inherited] = []
    initialised: dict[str, Initialisation] = {}
    left: dict[str, str] = {}
    cuts: list[tuple[Wanted, Inherited]] = []
    for tensor in wanted:
        data_size(tensor.dtype, tensor.shape)
        if (named := _initialisation(rules, tensor.key)) is not None:
            initialised[tensor.key] = named
            continue
        key = parent_key(rules, tensor.key)
        entry = there.get(key)
        ranges = f"the parent has no tensor {key!r}" if entry is None else _ranges(rules, tensor, entry)
        if entry is None or isinstance(ranges, str):
            left[tensor.key] = str(ranges)
            continue
        found.append(Inherited(tensor.key, key, ranges))
        if ranges:
            cuts.append((tensor, found[-1]))
        else:
            entries[tensor.key] = Entry(tensor.key, entry.dtype, entry.shape, entry.digest, entry.size)
    data = _carry_out(cuts, read, entries)
    ordered = tuple(entries[tensor.key] for tensor in wanted if tensor.key in entries)
    return Inheritance(ordered, data, tuple(found), initialised, left)


def cut(tensor: TensorData, ranges: Sequence[tuple[int, int]]) -> TensorData:
    """Return the part of a tensor within ``ranges``, one (begin, end) for each axis, as new bytes."""
    shape = tuple(end - begin for begin, end in ranges)
    if not data_size(tensor.dtype, shape):
        return TensorData(tensor.dtype, shape, b"")
    whole = numpy.frombuffer(tensor.data, dtype=f"u{DTYPE_SIZES[tensor.dtype]}").reshape(tensor.shape)
    return TensorData(tensor.dtype, shape, whole[tuple(slice(*limits) for limits in ranges)].tobytes())


def _initialisation(rules: Rules, key: str) -> Initialisation | None:
    return next((rule for rule in rules.initialisations if fnmatchcase(key, rule.keys)), None)


def parent_key(rules: Rules, key: str) -> str:
    """Return the key that a tensor of the new network has in the parent."""
    fitting = [prefix for prefix in rules.prefixes if key.startswith(prefix)]
    if not fitting:
        return key
    longest = max(fitting, key=len)
    return rules.prefixes[longest] + key[len(longest) :]


def _ranges(rules: Rules, tensor: Wanted, entry: Entry) -> tuple[tuple[int, int], ...] | str:
    """Return what of each axis is taken (nothing: all), or why it does not fit."""
    if tensor.dtype != entry.dtype:
        return f"the parent's is {entry.dtype}, not {tensor.dtype}"
    if tensor.shape == entry.shape:
        return ()
    rule = next((rule for rule in rules.cuts if fnmatchcase(tensor.key, rule.keys)), None)
    shapes = f"the parent's has shape {list(entry.shape)}, not {list(tensor.shape)}"
    if rule is None or len(tensor.shape) != len(entry.shape):
        return shapes
    fits = (*rule.fits, *[Fit.EXACT] * len(tensor.shape))
    ranges = []
    for axis, (size, of) in enumerate(zip(tensor.shape, entry.shape, strict=True)):
        if size > of or (fits[axis] is Fit.EXACT and size != of):
            return f"{shapes}, and axis {axis} may not be cut so"
        if fits[axis] is Fit.CENTRE and (of - size) % 2:
            return f"{shapes}, and axis {axis} has no centre of {size}"
        begin = (of - size) // 2 if fits[axis] is Fit.CENTRE else 0
        ranges.append((begin, begin + size))
    return tuple(ranges)


def _carry_out(
    cuts: Sequence[tuple[Wanted, Inherited]],
    read: Callable[[Collection[str]], Mapping[str, TensorData]],
    entries: dict[str, Entry],
) -> dict[str, TensorData]:
    data: dict[str, TensorData] = {}
    parents = read({found.parent_key for _, found in cuts}) if cuts else {}
    for tensor, found in cuts:
        part = cut(parents[found.parent_key], found.ranges)
        digest = blake3(blob_header(part.dtype, part.shape)).update(part.data).hexdigest()
        entries[tensor.key] = Entry(tensor.key, part.dtype, part.shape, digest, part.size)
        data[digest] = part
    return data
