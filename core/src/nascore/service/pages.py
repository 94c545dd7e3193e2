"""Answers with trials and experiments, kept under the size of a message however much there is to say.

What is left out is only what another call gives: older reports are in the log, spaces come with ``GetExperiment``.
Nothing that was asked for is ever missing from an answer without a word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from nascore.errors import ExhaustedResourceError
from nascore.record import ExperimentRecord, TrialRecord
from nascore.record.wire import experiment_to_message, trial_to_message
from nascore.v1 import experiment_pb2

MAX_MESSAGE_BYTES = 4 << 20
PAGE_BYTES = 3 << 20
"""Where a page ends early, so that one more trial of usual size still fits into a message."""
_TRIAL_BYTES = PAGE_BYTES // 4
LISTED_BYTES = 256 << 10
"""Where a page of a list ends, since more pages follow: many who read theirs slowly shall not hold much."""
_BREATH_BYTES = 32 << 10
_MOST_REPORTS = 20_000
"""Beyond, not even the messages of reports are made: that alone would hold the event loop for seconds."""


def trial_message(trial: TrialRecord) -> experiment_pb2.Trial:
    """Return the message of a trial; of very many reports only the newest that fit, since the log keeps them all."""
    message = trial_to_message(trial)
    while message.ByteSize() > _TRIAL_BYTES and message.reports:
        del message.reports[: len(message.reports) // 2 + 1]
    if message.ByteSize() > PAGE_BYTES and message.HasField("outcome"):
        message.outcome.ClearField("gradient")  # It is for the tuner, which has it from the log.
    return message


async def fitting_page(trials: Iterable[TrialRecord]) -> list[experiment_pb2.Trial]:
    """Return the messages of as many of the first trials as make a page; at least one, if there is one.

    While it is made, others have their turns.
    """
    page: list[experiment_pb2.Trial] = []
    size = breath = 0
    for trial in trials:
        message = trial_message(trial)
        size += message.ByteSize()
        if page and size > LISTED_BYTES:
            break
        page.append(message)
        if size - breath > _BREATH_BYTES:
            breath = size
            await asyncio.sleep(0)
    return page


def whole(trials: Sequence[TrialRecord]) -> list[experiment_pb2.Trial]:
    """Return the messages of all trials; if there is no room for their reports, then without any.

    Raises:
        ExhaustedResourceError: They do not fit even so; nothing is left out in silence.
    """
    if sum(len(trial.reports) for trial in trials) > _MOST_REPORTS:
        trials = [replace(trial, reports=()) for trial in trials]
    messages = [trial_message(trial) for trial in trials]
    if _size(messages) > PAGE_BYTES:
        for message in messages:
            message.ClearField("reports")
    if len(messages) > 1 and _size(messages) > PAGE_BYTES:
        raise ExhaustedResourceError(
            f"The best {len(messages):,} trials have {_size(messages):,} bytes; at most {PAGE_BYTES:,} fit an answer.",
            hint="Ask for fewer; of a Pareto front, list the trials by page and choose there.",
        )
    return messages


def all_experiments(records: Sequence[ExperimentRecord]) -> list[experiment_pb2.Experiment]:
    """Return the messages of all experiments; if there is no room for their spaces and settings, then without any.

    Raises:
        ExhaustedResourceError: They do not fit even so.
    """
    messages = [experiment_to_message(record) for record in records]
    for field in ("space", "settings_json"):
        if _size(messages) > PAGE_BYTES:
            for message in messages:
                message.spec.ClearField(field)
    if _size(messages) > PAGE_BYTES:
        raise ExhaustedResourceError(
            f"The {len(messages):,} experiments of this server have {_size(messages):,} bytes; at most "
            f"{PAGE_BYTES:,} fit an answer.",
            hint="Delete some that have ended.",
        )
    return messages


def _size(messages: Sequence[experiment_pb2.Trial] | Sequence[experiment_pb2.Experiment]) -> int:
    return sum(message.ByteSize() for message in messages)
