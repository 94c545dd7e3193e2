"""Names of checkpoints as people write them: ``best``, or with its experiment, ``search/best``.

A store in the folder of an experiment is that experiment's own, and its names are written alone. Older versions put
some of its weights, or all, without naming it; such names are written alone unless the experiment has the same one.
Not here: ids and their beginnings (``nascore.cli.weightschosen``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from nascore.errors import NotFoundError
from nascore.weights import OWN, Reference

_SHOWN = 3
_LONG_TEXT = 200


class Names:
    """Names of a store.

    Args:
        references: Where they point.
        own: Id of the experiment whose store it is; empty if that is not known.
    """

    def __init__(self, references: Iterable[Reference], *, own: str) -> None:
        self._references = tuple(references)
        self._own = own
        self._owned = {one.name for one in self._references if one.experiment == own}

    def __iter__(self) -> Iterator[tuple[Reference, str]]:
        """Yield where each name points, and the name as people write it."""
        return ((one, self._written(one)) for one in self._references)

    def meant(self, wanted: str) -> list[Reference]:
        """Return the names that a person may mean: the one that is written so, or all that are called so somewhere."""
        writings: tuple[Callable[[Reference], str], ...] = (self._written, _in_full)
        for written in writings:
            if found := [one for one in self._references if written(one) == wanted]:
                return found[:1]
        return [one for one in self._references if one.name == wanted]

    def checkpoint(self, wanted: str) -> str:
        """Return the checkpoint that a name points to; empty for none.

        Raises:
            NotFoundError: Several experiments have the name, and it points to different checkpoints; they are named.
        """
        meant = self.meant(wanted)
        if len({one.checkpoint for one in meant}) > 1:
            raise self.ambiguous(wanted)
        return meant[0].checkpoint if meant else ""

    def ambiguous(self, wanted: str) -> NotFoundError:
        """Return the error of a name that several experiments have."""
        return NotFoundError(
            f"Several experiments have the name `{wanted[:_LONG_TEXT]}`: "
            f"{some(self._written(one) for one in self.meant(wanted))}.",
            hint="Write one of these, or --experiment.",
        )

    def _written(self, reference: Reference) -> str:
        is_older = reference.experiment == OWN and reference.name not in self._owned
        return reference.name if is_older or reference.experiment == self._own else _in_full(reference)


def some(words: Iterable[str]) -> str:
    """Return the first few, and whether there are more."""
    listed = list(words)
    return ", ".join(listed[:_SHOWN]) + (" …" if len(listed) > _SHOWN else "")


def _in_full(reference: Reference) -> str:
    return f"{reference.experiment}/{reference.name}"
