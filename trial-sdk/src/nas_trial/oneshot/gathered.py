"""Examples gathered from batches, so that any iterable of batches can be split, shuffled and batched anew.

The order of examples is that of a digest of their content, so a split is the same in every process, in whatever order
the batches came. Not here: what is split how (``splits``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch
from nascore.errors import InvalidInputError, UnsupportedError
from torch import Tensor

from nas_trial.metrics import batch_size

MAX_GATHERED = 2**30
"""Bytes of examples that are held to split them: 1 GiB."""


class Examples:
    """Examples as one structure (tensors in tuples, lists and dictionaries), with one part of each tensor for each.

    Args:
        structure: The structure; the first size of every tensor is ``count``.
        count: Number of examples.
        batch_size: Size of the batches that they came in.
    """

    def __init__(self, structure: object, *, count: int, batch_size: int) -> None:
        self.structure = structure
        self.count = count
        self.batch_size = batch_size

    def __len__(self) -> int:
        return self.count

    def take(self, indices: Tensor) -> object:
        """Return some of them as a batch; ``indices`` has shape (examples,)."""
        return _mapped(self.structure, lambda tensor: tensor[indices])

    def part(self, indices: Tensor) -> Examples:
        """Return some of them as examples of their own."""
        return Examples(self.take(indices), count=len(indices), batch_size=self.batch_size)


def gather(batches: Iterable[object], *, source: str, remedy: str) -> Examples:
    """Return the examples of one epoch of batches, in the order of their content.

    Args:
        batches: Batches, with tensors in tuples, lists and dictionaries that have one part for each example.
        source: The method they come from, for errors.
        remedy: The method that a user would define instead.

    Raises:
        UnsupportedError: They take more than 1 GiB, or hold something else than such tensors.
        InvalidInputError: There are none.
    """
    parts, size, held = [], 0, 0
    for batch in batches:
        count = _checked(batch, source=source, remedy=remedy)
        size = max(size, count)
        parts.append(_mapped(batch, lambda tensor: tensor.detach().cpu()))
        held += sum(tensor.nbytes for tensor in _tensors(parts[-1]))
        if held > MAX_GATHERED:
            raise UnsupportedError(
                f"{source}() yields more than {MAX_GATHERED / 2**30:g} GiB in an epoch, too much to be held and split.",
                hint=f"Define {remedy}() in the trial, which returns the other part's batches, or return a DataLoader.",
            )
    if not parts:
        raise InvalidInputError(
            f"{source}() yielded no batch.", hint="Return a fresh iterable each time, not a generator made once."
        )
    joined = _joined(parts)
    total = len(next(_tensors(joined)))
    found = Examples(joined, count=total, batch_size=size)
    return found.part(_order(found))


def _order(examples: Examples) -> Tensor:
    """The indices of the examples, sorted by a digest of their bytes."""
    tensors = [tensor.contiguous() for tensor in _tensors(examples.structure)]
    digests = []
    for index in range(len(examples)):
        digest = hashlib.blake2b(digest_size=16)
        for tensor in tensors:
            digest.update(tensor[index].reshape(-1).view(torch.uint8).numpy().data)
        digests.append(digest.digest())
    return torch.tensor(sorted(range(len(examples)), key=digests.__getitem__))


def _checked(batch: object, *, source: str, remedy: str) -> int:
    """The number of examples in a batch."""
    tensors = list(_tensors(batch, lambda found: _refuse(found, source=source, remedy=remedy)))
    count = batch_size(batch)
    if not tensors or any(not tensor.dim() or len(tensor) != count for tensor in tensors):
        _refuse(batch, source=source, remedy=remedy)
    return count


def _refuse(found: object, *, source: str, remedy: str) -> None:
    raise UnsupportedError(
        f"The batches of {source}() hold a {type(found).__name__}; only tensors with one part for each example, in "
        "tuples, lists and dictionaries, can be split.",
        hint=f"Define {remedy}() in the trial, which returns the other part's batches, or return a DataLoader.",
    )


def _tensors(part: object, otherwise: Callable[[object], None] = lambda found: None) -> Iterator[Tensor]:
    if isinstance(part, Tensor):
        yield part
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from _tensors(value, otherwise)
    elif isinstance(part, tuple | list):
        for value in part:
            yield from _tensors(value, otherwise)
    else:
        otherwise(part)


def _mapped(part: object, change: Callable[[Tensor], Tensor]) -> object:
    return _together([part], lambda tensors: change(tensors[0]))


def _joined(parts: Sequence[object]) -> object:
    return _together(parts, torch.cat)


def _together(parts: Sequence[object], join: Callable[[list[Tensor]], Tensor]) -> object:
    """One structure of several alike, with the tensors at each place joined."""
    first = parts[0]
    if isinstance(first, Tensor):
        return join([part for part in parts if isinstance(part, Tensor)])
    if isinstance(first, Mapping):
        return {name: _together([part[name] for part in parts if isinstance(part, Mapping)], join) for name in first}
    if isinstance(first, tuple | list):
        rows = [list(part) for part in parts if isinstance(part, tuple | list)]
        joined = [_together([row[place] for row in rows], join) for place in range(len(first))]
        # A named tuple stays one.
        return joined if isinstance(first, list) else getattr(first, "_make", tuple)(joined)
    return first
