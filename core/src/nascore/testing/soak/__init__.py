"""A soak: a search of very many trials; workers, watchers and tuners come and go, and nothing of it may grow."""

from nascore.testing.soak.campaign import Plan, Result, soaked
from nascore.testing.soak.gauge import HOUR_OF_TRIALS, Sample
from nascore.testing.soak.trend import Trend, trend

__all__ = ["HOUR_OF_TRIALS", "Plan", "Result", "Sample", "Trend", "soaked", "trend"]
