"""Histories: what clients asked of a server and what they were told, written down while it is killed.

Not here: whether a history is as it should be (``nascore.testing.checker``). Source for the method: etcd's robustness
tests and Jepsen, which record every operation as invoked, ok, failed or unknown.
"""

from nascore.testing.history.client import RecordedClient
from nascore.testing.history.operation import Operation, Status, read_histories
from nascore.testing.history.recorder import Recorder

__all__ = ["Operation", "RecordedClient", "Recorder", "Status", "read_histories"]
