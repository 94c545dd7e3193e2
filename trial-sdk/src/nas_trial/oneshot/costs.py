"""What the candidates of a space cost: parameters and multiply-accumulates, counted on the meta device.

A candidate's cost is what the network has more than with the cheapest candidate of the same decision, all other
decisions being at their defaults. Not here: counting (``nas_trial.profile``), and penalties, which are the tuner's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from nascore.errors import ArchitectureError, NascoreError
from nascore.space import Architecture, OneOf, Repeat, SearchSpace
from nascore.space.plan import DecisionInfo
from torch import nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from nas_trial.build import build
from nas_trial.profile.measuring import called_with
from nas_trial.profile.parameters import count_parameters
from nas_trial.profile.sketch import on_meta
from nas_trial.progress import write_line
from nas_trial.supernet import activate
from nas_trial.trial import Trial

Costs = dict[tuple[str, str, str], float]
"""By decision path, candidate key (of a Repeat the count) and measure: ``parameters``, ``macs``."""

MAX_CALLS = 1_000_000
"""Candidates times modules above which multiply-accumulates are not counted: it would take minutes."""


def costs_of(trial: Trial, space: SearchSpace) -> Costs:
    """Return the costs of all candidates of choices and depths.

    Random numbers may be drawn: seed generators afterwards. What cannot be counted is left out, and the log says why.
    """
    with torch.device("meta"):
        supernet = build(trial.build, None).eval()
    measures = _measures(trial, supernet, space)
    costs: Costs = {}
    for row in space.decisions:
        variants = dict(_variants(space, row))
        for measure in list(measures):
            try:
                costs |= _above_cheapest(row.path, measure, _counted(supernet, variants, measures[measure]))
            except NascoreError as error:
                del measures[measure]
                write_line(f"costs: {measure} cannot be counted: {error}")
    return costs


def _measures(trial: Trial, supernet: nn.Module, space: SearchSpace) -> dict[str, Callable[[nn.Module], float]]:
    measures: dict[str, Callable[[nn.Module], float]] = {"parameters": count_parameters}
    candidates = sum(len(_keys(row)) for row in space.decisions)
    if candidates * sum(1 for _ in supernet.modules()) > MAX_CALLS:
        write_line("costs: macs are not counted, for the space is too large.")
        return measures
    activate(supernet, space.default())
    try:
        arguments, keywords = called_with(trial.validation_step, supernet, trial.validation_batches())
    except NascoreError as error:
        write_line(f"costs: macs cannot be counted: {error}")
        return measures
    given = on_meta(arguments), on_meta(keywords)
    measures["macs"] = lambda network: _macs(network, *given)
    return measures


def _macs(network: nn.Module, arguments: object, keywords: object) -> float:
    assert isinstance(arguments, tuple)
    assert isinstance(keywords, dict)
    with torch.no_grad(), torch.device("meta"), _Operations() as operations:
        network(*arguments, **keywords)
    return float(operations.count / 2)


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch does not annotate
    """Counts operations as ``torch.utils.flop_counter`` does, without asking which module they belong to."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch does not annotate
        self.count = 0.0

    def __torch_dispatch__(
        self,
        function: OpOverload[..., object],
        types: object,
        arguments: tuple[object, ...] = (),
        keywords: dict[str, object] | None = None,
    ) -> object:
        found = function(*arguments, **(keywords or {}))
        counter = flop_registry.get(function.overloadpacket)
        if counter is not None:
            self.count += counter(*arguments, **(keywords or {}), out_val=found)
        return found


def _counted(
    supernet: nn.Module, variants: Mapping[str, Architecture], measure: Callable[[nn.Module], float]
) -> dict[str, float]:
    found = {}
    for key, architecture in variants.items():
        activate(supernet, architecture)
        found[key] = measure(supernet)
    return found


def _above_cheapest(path: str, measure: str, found: Mapping[str, float]) -> Costs:
    least = min(found.values(), default=0.0)
    return {(path, key, measure): float(cost - least) for key, cost in found.items()}


def _variants(space: SearchSpace, row: DecisionInfo) -> Iterator[tuple[str, Architecture]]:
    """The default architecture with each candidate of one decision, by the candidate's key."""
    above = _what_activates(space, row)
    for key, value in _keys(row).items():
        try:
            yield key, space.architecture(above | {row.path: value}, with_defaults=True)
        except ArchitectureError:
            # A constraint forbids it beside the defaults, or what it lies beneath chooses several.
            continue


def _keys(row: DecisionInfo) -> dict[str, object]:
    match row.node:
        case OneOf(candidates=candidates) if not row.is_search_only:
            return {candidate.key: candidate.key for candidate in candidates if not candidate.search_only}
        case Repeat(min_count=low, max_count=high) if not row.is_search_only:
            return {str(count): count for count in range(low, high + 1)}
        case _:
            return {}


def _what_activates(space: SearchSpace, row: DecisionInfo) -> dict[str, object]:
    by_path = {other.path: other for other in space.decisions}
    needed: dict[str, object] = {}
    condition = row.condition
    while condition is not None:
        above = condition.count_above
        needed[condition.path] = condition.key if above is None else above + 1
        condition = by_path[condition.path].condition
    return needed
