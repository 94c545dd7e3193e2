"""What a worker knows of a trial beyond its lease: what is optimised, and which weights it begins with.

A tuner may name the weights of an earlier trial by its number. Only who speaks to the server can look that trial up, so
it is done before the trial starts, in whichever process it runs. Not here: training (``nas_trial.attempt``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nascore.errors import NascoreError, UnavailableError
from nascore.record import Proposal, TrialRecord
from nascore.weights import DirectoryStore
from torch import Tensor, nn

from nas_trial import weights
from nas_trial.profile.demands import Demands
from nas_trial.progress import write_line


@dataclass(frozen=True, slots=True)
class Briefing:
    """What is known of a trial beyond its lease.

    Attributes:
        objectives: Names of the metrics that are optimised; empty if not known.
        checkpoint: Checkpoint whose weights it begins with; empty for none.
        remark: Why it begins from scratch although its proposal names weights; empty otherwise.
        demands: What is demanded of the cost of its network.
    """

    objectives: tuple[str, ...] = ()
    checkpoint: str = ""
    remark: str = ""
    demands: Demands = field(default_factory=Demands)


def briefing_of(proposal: Proposal, *, objectives: tuple[str, ...], trial: Callable[[int], TrialRecord]) -> Briefing:
    """Return the briefing of a proposal; ``trial`` looks an earlier trial up.

    Raises:
        UnavailableError: The server does not answer.
    """
    start = proposal.warm_start
    if start is None:
        return Briefing(objectives)
    if start.parent is None:
        return Briefing(objectives, start.checkpoint or "")
    try:
        parent = trial(start.parent)
    except UnavailableError:
        raise
    except NascoreError as error:
        return Briefing(objectives, remark=f"Trial {start.parent} cannot be looked up: {error}")
    if parent.checkpoint:
        return Briefing(objectives, parent.checkpoint)
    return Briefing(objectives, remark=f"Trial {start.parent} ({parent.state.value}) has no stored weights.")


def begin(model: nn.Module, briefing: Briefing, store: DirectoryStore | None) -> tuple[str, ...]:
    """Load what fits, by key and shape, say so in the trial's log, and return the checkpoint that it came from.

    Raises:
        NotFoundError: The checkpoint is not stored here.
        DataLossError: Stored bytes have changed.
    """
    remark = briefing.remark
    if briefing.checkpoint and store is None:
        remark = "This worker has no folder of weights."
    if remark:
        write_line(f"warm start: {remark} The trial begins from scratch.")
    if remark or not briefing.checkpoint or store is None:
        return ()
    loaded = weights.load(briefing.checkpoint, store, into=model, strict=False)
    count = sum(isinstance(value, Tensor) for value in model.state_dict().values())
    write_line(f"warm start: {len(loaded)} of {count} tensors from checkpoint {briefing.checkpoint}")
    return (briefing.checkpoint,)
