"""Judging a tuner on real networks of which the best is known: its samples go through the supernet as in a search.

``judge_trial(Darts, NoiseTrap(), settings={"learning_rate": 0.05})`` runs the one-shot search of a worker in this
process and says what it got wrong. Not here: tasks that need no torch (``nascore.testing.judging``).
"""

from nas_trial.judging.known import KnownTrial, judge_trial
from nas_trial.judging.noise_trap import NoiseTrap
from nas_trial.judging.planted import PlantedTrial

__all__ = ["KnownTrial", "NoiseTrap", "PlantedTrial", "judge_trial"]
