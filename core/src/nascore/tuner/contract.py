"""The contract of a strategy: subclass ``Tuner``, say what it can do, answer ``ask`` and ``tell``.

A strategy author sees spaces, proposals and outcomes; never gRPC, processes or the log. The host
(``nascore.tuner.host``) runs a tuner in a process of its own and calls it from one thread; after a crash it is
restarted and the log is replayed.

Rules that make a tuner continue bit for bit after any kill:

* All randomness of a proposal comes from the ``seed`` passed to ``ask``.
* State changes only in ``ask`` and ``tell``; the same calls in the same order give the same proposals.
* An ask without a proposal (`NoProposal`) leaves no trace: it is not logged, so it is not replayed.
"""

from __future__ import annotations

__all__ = [
    "PLUGIN_API",
    "Determinism",
    "Mode",
    "NoProposal",
    "Schedule",
    "Settings",
    "Setup",
    "Tuner",
]

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from nascore.errors import UnsupportedError
from nascore.record import Derived, Mode, Objective, Outcome, Proposal, Report, Schedule, Verdict
from nascore.space import SearchSpace

PLUGIN_API = 1
"""Version of this contract; raised only when existing plugins would break."""


class Determinism(StrEnum):
    """How faithfully a tuner repeats itself."""

    HISTORY = "L0"
    """A pure function of the outcomes told and the seed; asks leave no trace."""
    REPLAY = "L1"
    """Repeats its proposals when the same asks and tells are replayed in order."""
    SNAPSHOT = "L2"
    """Needs its snapshot and the events after it; it cannot be rebuilt from the whole log."""
    NONE = "LX"
    """May propose differently; logged proposals are absorbed, never regenerated."""

    @property
    def meaning(self) -> str:
        """What the level promises, in a few words."""
        return _MEANINGS[self]


_MEANINGS = {
    Determinism.HISTORY: "function of history",
    Determinism.REPLAY: "deterministic replay",
    Determinism.SNAPSHOT: "snapshot and tail",
    Determinism.NONE: "not deterministic: its proposals are kept, never made again",
}


class NoProposal(Enum):
    """Why ``ask`` has no proposal."""

    EXHAUSTED = "exhausted"
    """There will be no more, ever."""
    WAIT = "wait"
    """None until another outcome is told."""


class Settings(BaseModel):
    """Base of a tuner's settings: a frozen pydantic model; each field is shown as a CLI option with its description."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


SettingsT = TypeVar("SettingsT", bound=Settings)


@dataclass(frozen=True, slots=True)
class Setup:
    """What a tuner is opened with.

    Attributes:
        space: The search space.
        objectives: What is optimised, at least one.
        seed: Seed of the experiment, for what belongs to no single proposal.
        costs: Known cost per decision path, candidate key and measure (parameters, macs, latency_ms).
        batches_per_epoch: Mini-batches of one epoch of the trial; 0 if unknown.
        mode: In which way it is to learn, one of its modes.
        schedule: How long a one-shot search lasts; ``None`` in multi-trial mode.
        workers: How many workers exchange samples in this session (one-shot).
        unmixable: Why decisions cannot be mixed, by path; a mixture must fix them (one-shot).
    """

    space: SearchSpace
    objectives: tuple[Objective, ...]
    seed: int
    costs: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    batches_per_epoch: int = 0
    mode: Mode = Mode.MULTI_TRIAL
    schedule: Schedule | None = None
    workers: int = 1
    unmixable: Mapping[str, str] = field(default_factory=dict)


class Tuner(ABC, Generic[SettingsT]):
    """A strategy: proposes what to try next, and learns from what came of it.

    Class attributes describe it; the instance is one session. Not thread-safe: the host calls it from one thread.

    Attributes:
        name: The name it is asked for.
        summary: One sentence for people.
        settings_type: Its settings, a subclass of ``Settings``.
        determinism: How faithfully it repeats itself.
        modes: In which way it learns.
        node_kinds: Kinds of nodes it handles (``one_of``, ``some_of``, ``integer``, ``real``, ``repeat``, ``group``).
        max_objectives: Most objectives it optimises together; 0 for any number.
        uses_fidelity: Whether it sets budgets.
        ignores_outcomes: Whether its proposals are the same whatever it is told; it is then asked ahead, so that no
            worker waits for it.
    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    settings_type: ClassVar[type[Settings]] = Settings
    determinism: ClassVar[Determinism] = Determinism.REPLAY
    modes: ClassVar[frozenset[Mode]] = frozenset({Mode.MULTI_TRIAL})
    node_kinds: ClassVar[frozenset[str]] = frozenset({"one_of", "some_of", "integer", "real", "repeat", "group"})
    max_objectives: ClassVar[int] = 1
    uses_fidelity: ClassVar[bool] = False
    ignores_outcomes: ClassVar[bool] = False

    def __init__(self, setup: Setup, settings: SettingsT) -> None:
        self.setup = setup
        self.space = setup.space
        self.objectives = setup.objectives
        self.settings = settings

    @classmethod
    def cannot_tune(cls, setup: Setup, settings: SettingsT) -> str:
        """Return one sentence on what it cannot handle, naming the node or setting; empty if it can."""
        return ""

    @abstractmethod
    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        """Return proposal ``number``, drawing randomness from ``seed`` alone."""

    @abstractmethod
    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        """Take what came of a proposal; it may be one that this tuner never made, or one that failed."""

    def absorb(self, proposal: Proposal, seed: int) -> None:
        """Take a logged proposal during a replay without making it again (determinism ``LX`` only)."""

    def review(self, report: Report) -> Verdict:
        """Judge a running trial by an intermediate report."""
        return Verdict.CONTINUE

    def derive(self, count: int) -> tuple[Derived, ...]:
        """Return up to ``count`` final architectures, best first.

        Raises:
            UnsupportedError: If it has none of its own; the best trials are then taken instead.
        """
        raise UnsupportedError(f"{self.name} derives no architectures of its own.")

    def snapshot(self) -> bytes | None:
        """Return its whole state as bytes, or ``None`` if it is rebuilt by replay. Never pickle."""
        return None

    def restore(self, state: bytes) -> None:
        """Take a state that ``snapshot`` returned.

        Raises:
            UnsupportedError: If it is rebuilt by replay.
        """
        raise UnsupportedError(f"{self.name} keeps no snapshots; it is rebuilt by replay.")
