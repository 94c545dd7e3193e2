"""Answers with trials, kept under the size of a message however long their reports are."""

from __future__ import annotations

from collections.abc import Iterable

from nascore.record import TrialRecord
from nascore.record.wire import trial_to_message
from nascore.v1 import experiment_pb2

MAX_MESSAGE_BYTES = 4 << 20
PAGE_BYTES = 3 << 20
"""Where a page ends early, so that one more trial of usual size still fits into a message."""
_TRIAL_BYTES = PAGE_BYTES // 4


def trial_message(trial: TrialRecord) -> experiment_pb2.Trial:
    """Return the message of a trial; of very many reports only the newest that fit, since the log keeps them all."""
    message = trial_to_message(trial)
    while message.ByteSize() > _TRIAL_BYTES and message.reports:
        del message.reports[: len(message.reports) // 2 + 1]
    return message


def fitting_page(trials: Iterable[TrialRecord]) -> list[experiment_pb2.Trial]:
    """Return the messages of as many of the first trials as fit; at least one, if there is one."""
    page: list[experiment_pb2.Trial] = []
    size = 0
    for trial in trials:
        message = trial_message(trial)
        size += message.ByteSize()
        if page and size > PAGE_BYTES:
            break
        page.append(message)
    return page
