"""Watching an experiment: its committed changes, in order, over any number of broken streams."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from nascore.client.connection import Connection
from nascore.client.request import unsigned
from nascore.errors import UnauthenticatedError, UnavailableError
from nascore.record import ExperimentRecord, TrialRecord
from nascore.record.wire import experiment_from_message, trial_from_message
from nascore.v1 import experiment_pb2

_METHOD = "/nascore.v1.ExperimentService/WatchExperiment"


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change: its position in the log, and what is new of the experiment or of a trial."""

    seq: int
    experiment: ExperimentRecord | None = None
    trial: TrialRecord | None = None


def watch_changes(connection: Connection, experiment: str, *, after_seq: int) -> Iterator[Change]:
    """Yield the changes after ``after_seq`` until the server ends the stream.

    A stream that breaks is opened again behind the last change that was seen; patience starts anew with each change.
    So is one whose token a server that was started again does not know, once its file holds the new one.
    """
    seen = unsigned(after_seq, "after_seq")
    patience = connection.patience()
    while True:
        request = experiment_pb2.WatchExperimentRequest(experiment=experiment, after_seq=seen)
        sent = connection.headers
        try:
            with closing(connection.stream(_METHOD, request, experiment_pb2.WatchExperimentResponse)) as stream:
                for message in stream:
                    seen = message.seq
                    patience = connection.patience()
                    yield _change(message)
            return
        except UnavailableError as error:
            connection.pause(patience, error)
        except UnauthenticatedError:
            if not connection.has_other_token(sent):
                raise


def _change(message: experiment_pb2.WatchExperimentResponse) -> Change:
    return Change(
        message.seq,
        experiment_from_message(message.experiment) if message.HasField("experiment") else None,
        trial_from_message(message.trial) if message.HasField("trial") else None,
    )
