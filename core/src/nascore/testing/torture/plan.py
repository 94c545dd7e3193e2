"""What a torture is asked to do: how much, with whom, and with which fault planted to test the test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from nascore.errors import InvalidInputError
from nascore.record import JsonValue
from nascore.space import SearchSpace
from nascore.testing.spaces import choice


class Plant(StrEnum):
    """Defects that are put into the server so that those who look for them can show that they find them."""

    NONE = "none"
    EARLY_ACK = "early-ack"
    NO_EPOCHS = "no-epochs"
    LEAK = "leak"


@dataclass(frozen=True, slots=True)
class Habits:
    """How a worker behaves: seconds of a trial on average, and how often (0 to 1) it does what is not ordinary.

    Attributes:
        work_s: Seconds that a trial takes on average.
        naps: Sleeps past its lease and comes back as a zombie.
        gives_back: Gives a trial back undone.
        retries: Says that a trial failed in a way that may pass.
        reports: Reports twice before it ends a trial.
        repeats: Sends a request again after it was answered.
    """

    work_s: float = 0.3
    naps: float = 0.03
    gives_back: float = 0.03
    retries: float = 0.03
    reports: float = 0.3
    repeats: float = 0.1

    def to_json(self) -> str:
        """Return them as one word of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Habits:
        """Return the habits in ``text``."""
        return cls(**json.loads(text))


# Many outcomes must differ, or an outcome that is told twice would change nothing.
_SPACE = SearchSpace(tuple(choice(label, *"abcdefgh") for label in ("stem", "body", "tail")))
_SETTINGS: Mapping[str, Mapping[str, JsonValue]] = {
    name: {"population_size": 20, "sample_size": 5} for name in ("evolution", "regularized-evolution")
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do.

    Attributes:
        kills: Processes to kill.
        trials: Trials that must have ended at least.
        workers: Workers at a time; with one, trials come one after the other.
        seed: Of everything random, and of the experiment.
        tuner: Name of an installed tuner.
        settings: Its settings; those that suit a short search if not given.
        database: URL of the database; empty for a file in the experiment's folder.
        plant: A defect to put in.
        lease_s: Seconds of a lease.
        pause_s: Shortest and longest pause between strikes, seconds.
        patience_s: Longest wait for anything to come back, seconds.
        habits: How workers behave.
        space: What is searched.

    Raises:
        InvalidInputError: If a number is out of range.
    """

    kills: int
    trials: int
    workers: int = 8
    seed: int = 1
    tuner: str = "regularized-evolution"
    settings: Mapping[str, JsonValue] | None = None
    database: str = ""
    plant: Plant = Plant.NONE
    lease_s: float = 0.6
    pause_s: tuple[float, float] = (0.0, 0.4)
    patience_s: float = 60.0
    habits: Habits = field(default_factory=Habits)
    space: SearchSpace = _SPACE

    def __post_init__(self) -> None:
        for name, value, least in (("kills", self.kills, 0), ("trials", self.trials, 1), ("workers", self.workers, 1)):
            if value < least:
                raise InvalidInputError(f"{name}: {value} is below {least}.")

    def tuner_settings(self) -> Mapping[str, JsonValue]:
        """Return the settings that the tuner is given."""
        return _SETTINGS.get(self.tuner, {}) if self.settings is None else self.settings
