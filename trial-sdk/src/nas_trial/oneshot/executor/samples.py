"""What a sample decides, put into the decisions of a supernet for as long as the sample is carried out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from nascore.errors import ArchitectureError, InvalidInputError
from nascore.record import Proposal
from nascore.space import MixedDecision, Mixture, OneOf, Repeat, SomeOf
from torch import Tensor, nn

from nas_trial.choice import holds_choices
from nas_trial.decision import Decision
from nas_trial.mixing import Economy, Mixing, PartialChannels
from nas_trial.supernet import activate, deactivate, decisions_of


@dataclass(frozen=True, slots=True, eq=False)
class Gates:
    """The weights whose gradient is wanted.

    Attributes:
        mixed: The decisions that are mixed.
        tensors: Their weights as scalar tensors, by path and index.
    """

    mixed: tuple[MixedDecision, ...]
    tensors: Mapping[tuple[str, int], Tensor]

    def gradient(self, values: Mapping[tuple[str, int], float]) -> tuple[MixedDecision, ...]:
        """Values by path and index as the gradient of every decision, 0 where there is none."""
        return tuple(
            MixedDecision(
                each.path,
                tuple(values.get((each.path, index), 0.0) for index in range(len(each.weights))),
                each.graded,
            )
            for each in self.mixed
        )


class Samples:
    """Puts samples into the decisions of a supernet.

    Args:
        supernet: From ``build(factory, None)``.
        shares: Whether candidates share what they have in common; see `ExecutorOptions.shares`.
        path_dropout: See `ExecutorOptions.path_dropout`.
    """

    def __init__(self, supernet: nn.Module, *, shares: bool, path_dropout: float) -> None:
        self._supernet = supernet
        self._decisions = decisions_of(supernet)
        self._economy = Economy(folds=lambda module: not holds_choices(module)) if shares else None
        self._path_dropout = path_dropout
        self._partial: dict[int, PartialChannels] = {}
        some = next((each for each in supernet.parameters() if each.is_floating_point()), torch.empty(0))
        self._dtype = torch.float64 if some.dtype == torch.float64 else torch.float32

    @contextmanager
    def applied(self, sample: Proposal, *, device: torch.device, drops: bool = False) -> Iterator[Gates]:
        """While the supernet computes what a sample says.

        Raises:
            ArchitectureError: The sample does not belong to the space.
            InvalidInputError: It has neither architecture nor mixture, or both.
        """
        if (sample.architecture is None) == (sample.mixture is None):
            raise InvalidInputError(f"Sample {sample.number} must have an architecture or a mixture, and one of them.")
        try:
            if sample.mixture is None:
                assert sample.architecture is not None
                activate(self._supernet, sample.architecture)
                yield Gates((), {})
            else:
                yield self._mix(sample.mixture, sample.partial_channels, device=device, drops=drops)
        finally:
            deactivate(self._supernet)
            self.clear()

    def clear(self) -> None:
        """Forget what candidates had in common, after each forward pass."""
        if self._economy is not None:
            self._economy.clear()

    def _mix(self, mixture: Mixture, share: int, *, device: torch.device, drops: bool) -> Gates:
        self._check(mixture)
        for path, value in mixture.fixed.items():
            self._decisions[path].value = value
        partial = self._partial.setdefault(share, PartialChannels(share)) if share > 1 else None
        tensors: dict[tuple[str, int], Tensor] = {}
        for mixed in mixture.decisions:
            weights = _dropped(mixed, self._path_dropout) if drops and self._path_dropout else mixed.weights
            gates = {index: self._gate(weights[index], device) for index in mixed.graded}
            tensors |= {(mixed.path, index): gate for index, gate in gates.items()}
            decision = self._decisions[mixed.path]
            _set(decision, Mixing(mixed.path, _options(decision), weights, gates, self._economy, partial))
        return Gates(mixture.decisions, tensors)

    def _gate(self, weight: float, device: torch.device) -> Tensor:
        return torch.tensor(weight, dtype=self._dtype, device=device, requires_grad=True)

    def _check(self, mixture: Mixture) -> None:
        for path in mixture.fixed:
            _known(self._decisions, path)
        for mixed in mixture.decisions:
            decision = _known(self._decisions, mixed.path)
            if not isinstance(decision.node, (OneOf, SomeOf, Repeat)):
                raise ArchitectureError(
                    f"The mixture gives weights for {mixed.path!r}, which is a range of numbers.",
                    hint="Name it in the mixture's fixed decisions.",
                )
            count = len(_options(decision))
            if len(mixed.weights) != count:
                raise ArchitectureError(
                    f"The mixture gives {len(mixed.weights)} weights for {mixed.path!r}, which offers {count}.",
                    hint="Give one for each candidate, those for search only included, or for each count.",
                )


def _known(decisions: Mapping[str, Decision], path: str) -> Decision:
    if path not in decisions:
        raise ArchitectureError(f"The mixture names {path!r}, which is no decision of this space.")
    return decisions[path]


def _options(decision: Decision) -> tuple[str | int, ...]:
    node = decision.node
    if isinstance(node, Repeat):
        return tuple(range(node.min_count, node.max_count + 1))
    return tuple(candidate.key for candidate in node.candidates) if isinstance(node, (OneOf, SomeOf)) else ()


def _set(decision: Decision, mixing: Mixing) -> None:
    """Where a mixture is one path, this is exactly the sampled path, and nothing is multiplied."""
    is_plain = not mixing.gates and all(weight in {0, 1} for weight in mixing.weights) and mixing.partial is None
    taken = mixing.taken
    decision.mixing = mixing
    if isinstance(decision.node, SomeOf):
        decision.value = tuple(map(str, taken))
        decision.mixing = None if is_plain and len(taken) <= decision.node.max_chosen else mixing
    elif len(taken) == 1:
        decision.value = taken[0]
        decision.mixing = None if is_plain else mixing


def _dropped(mixed: MixedDecision, probability: float) -> tuple[float, ...]:
    """The weights without those that are left out, of which one at least stays; their sum is the same."""
    used: Collection[int] = [index for index, weight in enumerate(mixed.weights) if weight != 0]
    if not used:
        return mixed.weights
    drawn = torch.rand(len(used)).tolist()
    kept = {index for index, number in zip(used, drawn, strict=True) if number >= probability}
    kept = kept or {index for index, number in zip(used, drawn, strict=True) if number == max(drawn)}
    before, after = sum(mixed.weights), sum(mixed.weights[index] for index in kept)
    scale = before / after if after else 1.0
    return tuple(weight * scale if index in kept else 0.0 for index, weight in enumerate(mixed.weights))
