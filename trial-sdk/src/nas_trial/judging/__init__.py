"""Judging a tuner on real networks of which the best is known: its samples go through the supernet as in a search.

``judge_trial(Darts, NoiseTrap(), settings={"learning_rate": 0.05})`` runs the one-shot search of a worker in this
process and says what it got wrong. ``difference(parent, child, batch, training=True)`` says how far apart are what two
networks compute. Not here: tasks that need no torch (``nascore.testing.judging``).
"""

from nas_trial.judging.functions import difference, outputs, trained
from nas_trial.judging.known import KnownTrial, judge_trial
from nas_trial.judging.noise_trap import NoiseTrap
from nas_trial.judging.planted import PlantedTrial

__all__ = ["KnownTrial", "NoiseTrap", "PlantedTrial", "difference", "judge_trial", "outputs", "trained"]
