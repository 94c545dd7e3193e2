"""What verbs see of a store of weights: its checkpoints, their stories, and which of them a person means.

Not here: which store that is (``nascore.cli.weightsplace``), and what is shown (``nascore.cli.weightslist``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from nascore.cli.suggestion import did_you_mean
from nascore.cli.weightsnames import Names, some
from nascore.cli.weightswording import short_id
from nascore.errors import DataLossError, NotFoundError
from nascore.weights import Collected, Damage, Lineage, Listed, Manifest, Page, Reference, TensorData

LAST = "last"

_PAGE = 1000
_READERS = 4
_LONG_TEXT = 200


class Weights(Protocol):
    """What the verbs ask; stores on this machine and clients of a server both answer."""

    def manifest(self, checkpoint: str) -> Manifest:
        """See `nascore.weights.WeightStore`, like the others."""
        ...

    def checkpoints(self, *, experiment: str = "", trial: int | None = None, after: str = "", limit: int = 100) -> Page:
        """Return a page of checkpoints."""
        ...

    def references(self, experiment: str) -> tuple[Reference, ...]:
        """Return the names of an experiment."""
        ...

    def lineage(self, checkpoint: str, *, depth: int = 16) -> Lineage:
        """Return relatives."""
        ...

    def get(self, checkpoint: str, *, keys: Collection[str] | None = None) -> dict[str, TensorData]:
        """Return tensors, proven."""
        ...

    def pin(self, checkpoint: str, *, is_pinned: bool = True) -> None:
        """Keep a checkpoint from being released, or no longer."""
        ...

    def release(self, checkpoint: str, *, experiment: str = "") -> None:
        """Give a checkpoint up."""
        ...

    def unname(self, experiment: str, name: str, *, if_match: str = "") -> None:
        """Remove a name."""
        ...

    def collect(self, *, stale_after_s: float = ...) -> Collected:
        """Remove what nobody names."""
        ...

    def verify(self, checkpoint: str = "") -> tuple[Damage, ...]:
        """Prove what is stored."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """A store that a verb is about.

    Attributes:
        weights: The store, or a client of its server.
        where: How it is called.
        experiment: Whose checkpoints and names are meant; empty for those of all.
        own: Id of the experiment whose store it is, of which names are written alone; empty if that is not known.
    """

    weights: Weights
    where: str
    experiment: str = ""
    own: str = ""

    def listed(self, *, trial: int | None = None) -> Iterator[Listed]:
        """Yield all checkpoints, oldest first."""
        after = ""
        while True:
            page = self.weights.checkpoints(experiment=self.experiment, trial=trial, after=after, limit=_PAGE)
            yield from page.checkpoints
            after = page.after
            if not after:
                return

    def stories(self, checkpoints: Iterable[str]) -> dict[str, Manifest | None]:
        """Return what there is to say about checkpoints of a list; ``None`` for one that is damaged, or gone since."""
        chosen = list(dict.fromkeys(checkpoints))
        with ThreadPoolExecutor(_READERS) as readers:  # For the sake of servers: each answer is waited for.
            return dict(zip(chosen, readers.map(self._story, chosen), strict=True))

    def _story(self, checkpoint: str) -> Manifest | None:
        try:
            return self.weights.manifest(checkpoint)
        except (DataLossError, NotFoundError):
            return None

    def names(self, experiments: Collection[str]) -> dict[tuple[str, str], list[str]]:
        """Return experiment and checkpoint -> the names there, as people write them."""
        found: dict[tuple[str, str], list[str]] = {}
        for reference, written in self._names(experiments):
            found.setdefault((reference.experiment, reference.checkpoint), []).append(written)
        return found

    def find(self, wanted: str) -> str:
        """Return the id of a checkpoint: itself, ``last``, a name, or the unique beginning of an id.

        Raises:
            NotFoundError: There is none, or several; similar ones are named.
        """
        return self.find_all([wanted])[0]

    def find_all(self, wanted: Sequence[str]) -> list[str]:
        """Return the ids of several checkpoints, see `find`; each one once."""
        listed = list(self.listed())
        names = self._names({one.experiment for one in listed})
        return list(dict.fromkeys(self._found(one, listed, names) for one in wanted))

    def find_name(self, wanted: str) -> Reference:
        """Return where a name points.

        Raises:
            NotFoundError: There is no such name, or several experiments have it; similar ones are named.
        """
        names = self._names({one.experiment for one in self.listed()})
        meant = names.meant(wanted)
        if len(meant) == 1:
            return meant[0]
        if meant:
            raise names.ambiguous(wanted)
        hint = did_you_mean(wanted, [written for _, written in names]) or "`nascore weights ls` shows them."
        raise NotFoundError(f"There is no name `{wanted[:_LONG_TEXT]}` in {self.where}.", hint=hint)

    def _found(self, wanted: str, listed: Sequence[Listed], names: Names) -> str:
        if not listed:
            whose = f" of experiment {self.experiment[:_LONG_TEXT]}" if self.experiment else ""
            raise NotFoundError(f"There are no checkpoints{whose} in {self.where}.")
        identifiers = list(dict.fromkeys(one.checkpoint for one in listed))
        if wanted in identifiers:
            return wanted
        if wanted == LAST:
            return identifiers[-1]
        if found := names.checkpoint(wanted) or _begun(wanted, identifiers):
            return found
        known = [*(written for _, written in names), *identifiers]
        hint = did_you_mean(wanted, known) or "`nascore weights ls` shows them."
        raise NotFoundError(f"There is no checkpoint `{wanted[:_LONG_TEXT]}` in {self.where}.", hint=hint)

    def _names(self, experiments: Collection[str]) -> Names:
        # Those of its own are asked for in any case: they decide how others are written.
        asked = sorted({*experiments, *filter(None, [self.own])})
        return Names((one for each in asked for one in self.weights.references(each)), own=self.own)


def _begun(wanted: str, identifiers: Collection[str]) -> str:
    """Return the id with this beginning; empty for none."""
    near = [one for one in identifiers if wanted and one.startswith(wanted)]
    if len(near) > 1:
        raise NotFoundError(
            f"`{wanted}` begins {len(near)} checkpoints: {some(map(short_id, near))}", hint="Write more of it."
        )
    return near[0] if near else ""
