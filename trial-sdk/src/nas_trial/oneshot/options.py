"""``SearchOptions``: how a one-shot search runs on a worker, beyond what the experiment and the tuner say."""

from __future__ import annotations

from dataclasses import dataclass, field

from nascore.errors import SettingsError
from nascore.record.exchange import MAX_WANT

from nas_trial.oneshot.executor.options import ExecutorOptions


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How a one-shot search runs; give it as ``search_options`` of a trial.

    Attributes:
        executor: How the supernet is trained and judged.
        save_every_s: Seconds after which the search is saved at the latest; it is after every epoch as well.
        save_rest_s: Seconds that saving rests, so that short epochs do not spend their time on it.
        ahead: Samples that are asked for at a time, where the tuner can propose so many.
        judged_batches: Batches of the search split on which derived and random networks are scored at the end.

    Raises:
        SettingsError: A number is out of its range.
    """

    executor: ExecutorOptions = field(default_factory=ExecutorOptions)
    save_every_s: float = 60.0
    save_rest_s: float = 2.0
    ahead: int = 16
    judged_batches: int = 64

    def __post_init__(self) -> None:
        claims = {
            "save_every_s": (self.save_every_s >= 0, "0 or more"),
            "save_rest_s": (self.save_rest_s >= 0, "0 or more"),
            "ahead": (1 <= self.ahead <= MAX_WANT, f"1 to {MAX_WANT}"),
            "judged_batches": (self.judged_batches >= 1, "1 or more"),
        }
        for name, (is_right, range_) in claims.items():
            if not is_right:
                raise SettingsError(f"{name} of the search is {getattr(self, name)!r}.", hint=f"Give {range_}.")
