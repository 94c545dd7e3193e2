"""The supernet executor: carries out samples (TRAIN, SCORE, GRADIENT) on one supernet, in this process.

It is not the loop around it, and knows no server: that is the rest of ``nas_trial.oneshot``.
"""

from nas_trial.oneshot.executor.executor import Executor
from nas_trial.oneshot.executor.options import ExecutorOptions

__all__ = ["Executor", "ExecutorOptions"]
