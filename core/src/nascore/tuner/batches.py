"""Logged events in batches that fit one message each.

A message is at most 4 MiB; a batch stays below that, and below a number of events that a tuner takes within its
deadline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nascore.record import Asked, Told
from nascore.record.wire import event_to_message
from nascore.v1 import tuner_pb2

MAX_EVENTS = 1024
MAX_BATCH_BYTES = 3 * 1024 * 1024
_FRAMING_BYTES = 8


def batches(
    events: Sequence[Asked | Told],
) -> Iterator[tuple[Sequence[Asked | Told], list[tuner_pb2.LoggedEvent]]]:
    """Yield events with their messages, in order, within the limits of one request; nothing for no events."""
    first, size, messages = 0, 0, list[tuner_pb2.LoggedEvent]()
    for position, event in enumerate(events):
        message = event_to_message(event)
        added = message.ByteSize() + _FRAMING_BYTES
        if messages and (len(messages) == MAX_EVENTS or size + added > MAX_BATCH_BYTES):
            yield events[first:position], messages
            first, size, messages = position, 0, []
        messages.append(message)
        size += added
    if messages:
        yield events[first:], messages
