"""Which decisions of a supernet cannot be mixed: found by mixing them.

All are mixed at once. What refuses by name is taken at its default from then on, and it is tried again; if it fails in
another way, every decision is mixed alone to find out which.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from nascore.errors import NascoreError
from nascore.record import Proposal, Task
from nascore.space import Integer, MixedDecision, Mixture, OneOf, Real, Repeat, SomeOf
from nascore.space import Value as Decided

from nas_trial.decision import Decision, default_value, shallow
from nas_trial.mixing import UnmixableError

Compute = Callable[[Proposal], None]
"""Computes a sample once, and changes nothing."""

_RANGE = "a range of numbers has no weights"


def unmixable(
    decisions: Mapping[str, Decision], compute: Compute, *, architectures: Sequence[Mapping[str, Decided]]
) -> dict[str, str]:
    """Decisions that cannot be mixed, with the reason, by path.

    Args:
        decisions: All of the supernet.
        compute: Computes a sample.
        architectures: Some of the space, the first of which the supernet must compute. What is not mixed is decided as
            they say: a constraint may allow few combinations, and what the first does not reach another may.

    Raises:
        NascoreError: The supernet does not even compute the first architecture.
    """
    found = {path: _RANGE for path, each in decisions.items() if isinstance(each.node, (Integer, Real))}
    _explore(decisions, compute, found, rest=_rest(decisions, architectures[0]))
    # Where everything can be mixed, the others decide nothing.
    for architecture in architectures[1:] if found else ():
        rest = _rest(decisions, architecture)
        try:
            compute(_sample(decisions, mixed=(), rest=rest))
        except Exception:  # noqa: S112  # of user code; that this one fails its own sample will say
            continue
        _explore(decisions, compute, found, rest=rest)
    return dict(sorted(found.items()))


def _rest(decisions: Mapping[str, Decision], architecture: Mapping[str, Decided]) -> dict[str, Decided]:
    return {path: architecture.get(path, default_value(shallow(each.node))) for path, each in decisions.items()}


def _explore(
    decisions: Mapping[str, Decision], compute: Compute, found: dict[str, str], *, rest: Mapping[str, Decided]
) -> None:
    try:
        _refine(decisions, compute, found, rest=rest)
    except UnmixableError:
        raise
    except Exception:
        # Whatever user code raises when it gets a mixture where it expects one candidate.
        compute(_sample(decisions, mixed=(), rest=rest))
        for path in decisions:
            if path not in found and (why := _why_not(decisions, compute, path, rest=rest)):
                found[path] = why
        _refine(decisions, compute, found, rest=rest)


def _refine(
    decisions: Mapping[str, Decision], compute: Compute, found: dict[str, str], *, rest: Mapping[str, Decided]
) -> None:
    for _ in range(len(decisions) + 1):
        try:
            compute(_sample(decisions, mixed=[path for path in decisions if path not in found], rest=rest))
        except UnmixableError as error:
            if error.path in found:
                raise
            found[error.path] = error.why
        else:
            return


def _why_not(decisions: Mapping[str, Decision], compute: Compute, path: str, *, rest: Mapping[str, Decided]) -> str:
    try:
        compute(_sample(decisions, mixed=[path], rest=rest))
    except UnmixableError as error:
        return error.why
    except NascoreError as error:
        return error.message
    except Exception as error:  # of user code, as above
        return f"{type(error).__name__}: {error}"
    return ""


def _sample(decisions: Mapping[str, Decision], *, mixed: Collection[str], rest: Mapping[str, Decided]) -> Proposal:
    mixtures = tuple(_uniform(path, decisions[path]) for path in decisions if path in mixed)
    fixed = {path: value for path, value in rest.items() if path not in mixed}
    return Proposal(0, mixture=Mixture(mixtures, fixed), task=Task.GRADIENT)


def _uniform(path: str, decision: Decision) -> MixedDecision:
    count = options_count(decision)
    return MixedDecision(path, (1.0 / count,) * count)


def options_count(decision: Decision) -> int:
    """How many weights a decision has; 0 for a range of numbers."""
    node = decision.node
    if isinstance(node, Repeat):
        return node.max_count - node.min_count + 1
    return len(node.candidates) if isinstance(node, (OneOf, SomeOf)) else 0
