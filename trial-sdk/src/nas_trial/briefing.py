"""What a worker knows of a trial beyond its lease: what is optimised, and which weights it begins with.

A tuner may name the weights of an earlier trial by its number. Only who speaks to the server can look that trial up, so
it is done before the trial starts, in whichever process it runs. Not here: training (``nas_trial.attempt``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nascore.errors import NascoreError, NotFoundError, UnavailableError
from nascore.record import Objective, Proposal, TrialRecord
from nascore.weights import OWN
from nascore.weights.access import WeightAccess
from torch import nn

from nas_trial import weights
from nas_trial.profile.demands import Demands
from nas_trial.progress import write_line
from nas_trial.weights import Inherited


@dataclass(frozen=True, slots=True)
class Briefing:
    """What is known of a trial beyond its lease.

    Attributes:
        objectives: Names of the metrics that are optimised; empty if not known.
        checkpoint: Checkpoint whose weights it begins with; empty for none.
        rules: What it takes of them, as a document of rules; empty for equal keys and shapes.
        remark: Why it begins from scratch although its proposal names weights; empty otherwise.
        demands: What is demanded of the cost of its network.
        goal: The first of the objectives, which decides whose weights are kept; ``None`` if not known.
        experiment: Id of the experiment, whose the weights are that it keeps.
    """

    objectives: tuple[str, ...] = ()
    checkpoint: str = ""
    remark: str = ""
    rules: str = ""
    demands: Demands = field(default_factory=Demands)
    goal: Objective | None = None
    experiment: str = OWN


def briefing_of(proposal: Proposal, *, objectives: tuple[str, ...], trial: Callable[[int], TrialRecord]) -> Briefing:
    """Return the briefing of a proposal; ``trial`` looks an earlier trial up.

    Raises:
        UnavailableError: The server does not answer.
    """
    start = proposal.warm_start
    if start is None:
        return Briefing(objectives)
    if start.parent is None:
        return Briefing(objectives, start.checkpoint or "", rules=start.rules_json)
    try:
        parent = trial(start.parent)
    except UnavailableError:
        raise
    except NascoreError as error:
        return Briefing(objectives, remark=f"Trial {start.parent} cannot be looked up: {error}")
    if parent.checkpoint:
        return Briefing(objectives, parent.checkpoint, rules=start.rules_json)
    return Briefing(objectives, remark=f"Trial {start.parent} ({parent.state.value}) has no stored weights.")


def begin(model: nn.Module, briefing: Briefing, store: WeightAccess | None) -> Inherited:
    """Let a network inherit what its briefing says, and say in the trial's log what it did and what not, and why.

    Raises:
        InvalidInputError: The rules of inheritance are none.
        DataLossError: Stored bytes have changed.
    """
    remark = briefing.remark
    if briefing.checkpoint and store is None:
        remark = "This worker has no folder of weights."
    if not remark and briefing.checkpoint and store is not None:
        try:
            inherited = weights.inherit(model, briefing.checkpoint, store, rules=briefing.rules)
        except NotFoundError as error:
            # A parent that was given up meanwhile is no reason for a failure; a fresh start is what it costs.
            remark = f"{error}"
        else:
            for line in inherited.lines():
                write_line(f"warm start: {line}")
            return inherited
    if remark:
        write_line(f"warm start: {remark} The trial begins from scratch.")
    return Inherited({}, {}, ())
