"""Judging a tuner on tasks of which the answer is known: no training framework, seconds on one core.

``judge(Darts, PlantedPath(), seed=3).is_exact`` says whether a tuner found the planted architecture. The kit plays the
worker: it answers what the tuner proposes, one-shot or trial by trial. Not here: conformance to the contract, and real
networks.
"""

from nascore.testing.judging.lags import Lags
from nascore.testing.judging.nested_pca import NestedPca
from nascore.testing.judging.planted_path import PlantedPath
from nascore.testing.judging.session import Verdict, judge
from nascore.testing.judging.task import Answer, JudgedTask, TaskWorker

__all__ = ["Answer", "JudgedTask", "Lags", "NestedPca", "PlantedPath", "TaskWorker", "Verdict", "judge"]
