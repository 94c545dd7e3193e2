"""The torture: a real search whose server, tuner hosts and workers are killed again and again, and then judged.

``python -m nascore.testing.torture --help`` runs it. Not here: the parts that other tests use by themselves, which are
``nascore.testing.killing``, ``history``, ``checker`` and ``proxy``.
"""

from nascore.testing.torture.campaign import Result, tortured
from nascore.testing.torture.plan import Plan, Plant
from nascore.testing.torture.proposals import replay_differences, uninterrupted_differences
from nascore.testing.torture.table import table

__all__ = ["Plan", "Plant", "Result", "replay_differences", "table", "tortured", "uninterrupted_differences"]
