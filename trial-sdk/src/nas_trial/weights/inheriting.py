"""What a network takes from checkpoints of others, by rules, tensor by tensor.

A store's part of the rules is carried out as every store does (``nascore.weights.inheritance``); the growths, which
need the network, here. Not here: looking the parent of a trial up (``nas_trial.briefing``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from nascore.weights import TensorData
from nascore.weights.access import WeightAccess
from nascore.weights.inheritance import Inheritance, Wanted, parent_key
from nascore.weights.inheritance import inherit as inherited_from
from nascore.weights.rules import Grow, InheritanceRules, rules_from_json
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from nas_trial.layers.branch import Branch
from nas_trial.weights.checkpoints import check_store, remember_filled, tensors_of
from nas_trial.weights.growing import Unfit, gathered, grown
from nas_trial.weights.tensors import dtype_name, fill, from_data

_Read = Callable[[Collection[str]], Mapping[str, TensorData]]

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a network inherited.

    Attributes:
        taken: Key -> how: ``exact``, ``slice``, ``gather``, ``overlap``, ``repeat`` or ``identity``.
        left: Key -> why it keeps its own numbers.
        parents: Checkpoints that something came from, in the order given.
        uncalibrated: Batch norms that were made to change nothing in evaluation, and need `calibrate` to change
            nothing in training either.
    """

    taken: Mapping[str, str]
    left: Mapping[str, str]
    parents: tuple[str, ...]
    uncalibrated: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return what was inherited and what not, with reasons, for a log; equal reasons are told once."""
        counts = Counter(self.taken.values())
        how = ", ".join(f"{count} {word}" for word, count in sorted(counts.items())) or "nothing fits"
        total = len(self.taken) + len(self.left)
        of = f"checkpoint {', '.join(self.parents)}" if self.parents else "any parent"
        reasons: dict[str, list[str]] = {}
        for key, reason in self.left.items():
            reasons.setdefault(reason, []).append(key)
        return [
            f"{len(self.taken)} of {total} tensors from {of} ({how})",
            *(f"not {_shown(keys)}: {reason}" for reason, keys in reasons.items()),
        ]


def inherit(
    model: nn.Module,
    parents: str | Sequence[str],
    store: WeightAccess,
    *,
    rules: str | InheritanceRules = "",
) -> Inherited:
    """Fill a network with what fits of other checkpoints; its device and element types stay.

    Args:
        model: The new network; what it does not inherit keeps its numbers.
        parents: Checkpoints to take from; of several, the first that has something for a tensor.
        store: Where they are kept: a folder on this machine, or a server's store.
        rules: How, as a document (docs/warm-start.md) or as a value; by default only equal keys and shapes.

    Raises:
        InvalidInputError: The rules are none, or a network's tensor is of a kind that no store holds.
        NotFoundError: There is no such checkpoint.
        DataLossError: Stored bytes have changed.
    """
    check_store(store)
    heir = _Heir(model, rules_from_json(rules) if isinstance(rules, str) else rules)
    for parent in (parents,) if isinstance(parents, str) else parents:
        heir.take(parent, store)
    return heir.result()


class _Heir:
    """A network while it inherits: what it took, and what is still open."""

    def __init__(self, model: nn.Module, rules: InheritanceRules) -> None:
        self._layers = dict(model.named_modules(remove_duplicate=False))
        self._rules = rules
        self._open = tensors_of(model)
        self._order = list(self._open)
        self._taken: dict[str, str] = {}
        self._left = dict.fromkeys(self._open, "there is no parent")
        self._parents: list[str] = []
        self._norms: list[str] = []

    def take(self, checkpoint: str, store: WeightAccess) -> None:
        """Take from one parent what is still open."""
        manifest = store.manifest(checkpoint)
        before = len(self._taken)
        wanted = [Wanted(key, dtype_name(value.dtype), tuple(value.shape)) for key, value in self._open.items()]

        def read(keys: Collection[str]) -> Mapping[str, TensorData]:
            return store.get(checkpoint, keys=keys)

        found = inherited_from(manifest, wanted, rules=self._rules.store, read=read)
        self._take_stored(found, read)
        self._left |= found.left
        there = {entry.key for entry in manifest.entries}
        keys = [key for key in self._order if key in found.left or key in found.initialised]
        sources = {key: parent_key(self._rules.store, key) for key in keys}
        needed = {source for key, source in sources.items() if source in there and self._may_grow(key, found)}
        data = {key: from_data(tensor) for key, tensor in read(needed).items()} if needed else {}
        for key in keys:
            self._grow(key, data.get(sources[key]), found, is_there=sources[key] in there)
        if len(self._taken) > before:
            self._parents.append(checkpoint)

    def result(self) -> Inherited:
        """Say what came of it."""
        taken = {key: self._taken[key] for key in self._order if key in self._taken}
        left = {key: self._left[key] for key in self._order if key not in self._taken}
        return Inherited(taken, left, tuple(self._parents), tuple(dict.fromkeys(self._norms)))

    def _take_stored(self, found: Inheritance, read: _Read) -> None:
        by_key = {entry.key: entry for entry in found.entries}
        whole = {part.parent_key for part in found.inherited if not part.ranges}
        data = read(whole) if whole else {}
        for part in found.inherited:
            digest = by_key[part.key].digest
            tensor = found.data[digest] if part.ranges else data[part.parent_key]
            target = self._open[part.key]
            self._fill(part.key, from_data(tensor), "slice" if part.ranges else "exact")
            remember_filled({part.key: target}, {part.key: tensor}, {part.key: digest})

    def _may_grow(self, key: str, found: Inheritance) -> bool:
        return key in found.initialised or any(how is not Grow.IDENTITY for how in self._rules.growths_of(key))

    def _grow(self, key: str, parent: Tensor | None, found: Inheritance, *, is_there: bool) -> None:
        own = self._open[key].detach().cpu()
        try:
            if key in found.initialised:
                made, how = self._initialised(key, own, parent, name=found.initialised[key].name)
            else:
                made, how = self._grown(key, own, parent, is_there=is_there)
        except Unfit as reason:
            if str(reason):
                self._left[key] = str(reason)
            return
        if made.shape != own.shape:
            self._left[key] = f"{how} gives the shape {list(made.shape)}, not {list(own.shape)}"
            return
        self._fill(key, made, how)

    def _initialised(self, key: str, own: Tensor, parent: Tensor | None, *, name: str) -> tuple[Tensor, str]:
        if name == "identity":
            return self._by(Grow.IDENTITY, key, own, None), name
        if parent is None:
            raise Unfit(f"the parent has no tensor {parent_key(self._rules.store, key)!r}")
        rules = self._rules.store.initialisations
        steps = [rule for rule in rules if rule.name == "gather" and fnmatchcase(key, rule.keys)]
        return gathered(parent, steps), name

    def _grown(self, key: str, own: Tensor, parent: Tensor | None, *, is_there: bool) -> tuple[Tensor, str]:
        reasons = []
        for how in self._rules.growths_of(key):
            if is_there == (how is Grow.IDENTITY):
                continue  # One grows what is there, the other adds what is not.
            try:
                return self._by(how, key, own, parent), how.value
            except Unfit as reason:
                reasons.append(str(reason))
        raise Unfit("; ".join(reasons))

    def _by(self, how: Grow, key: str, own: Tensor, parent: Tensor | None) -> Tensor:
        path, _, name = key.rpartition(".")
        layer = self._layers.get(path, nn.Identity())
        if how is Grow.IDENTITY and self._is_in_new_branch(path):
            # As identities, branches that are added together would begin alike, and stay so.
            raise Unfit("its branch is new, and adds nothing yet")
        made = grown(how, own, parent, layer=layer, name=name)
        if how is Grow.IDENTITY and isinstance(layer, _BatchNorm):
            self._norms.append(path)
        return made

    def _is_in_new_branch(self, path: str) -> bool:
        names = path.split(".")
        above = [".".join(names[:depth]) for depth in range(len(names))]
        branches = (place for place in above if isinstance(self._layers.get(place), Branch))
        # A branch's factor is the first of its tensors.
        return any(self._taken.get(f"{place}.factor".lstrip(".")) == Grow.IDENTITY for place in branches)

    def _fill(self, key: str, found: Tensor, how: str) -> None:
        with torch.no_grad():
            fill(self._open.pop(key), found)
        self._taken[key] = how


def _shown(keys: Sequence[str]) -> str:
    return ", ".join(keys[:_SHOWN]) + (f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else "")
