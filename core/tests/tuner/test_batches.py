"""Batches of logged events stay within what one message may hold."""

from __future__ import annotations

from nascore.record import Asked, Proposal
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner.batches import batches


def test_batches_keep_to_count_and_size() -> None:
    space = KNOWN_SPACES["flat28"]
    small = [Asked(Proposal(number, KNOWN_SPACES["shared"].default()), 1) for number in range(9000)]
    assert [len(events) for events, _ in batches(small)] == [1024] * 8 + [808]
    large = [Asked(Proposal(number, space.default(), notes={"n": "x" * 30_000}), 1) for number in range(300)]
    found = list(batches(large))
    assert [event for events, _ in found for event in events] == large
    assert len(found) > 1
    assert all(sum(message.ByteSize() for message in messages) < 3 * 2**20 for _, messages in found)
    assert list(batches([])) == []
