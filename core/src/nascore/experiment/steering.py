"""What people do with an experiment: put architectures in, pause, resume and stop it, change its limits.

Not here: what workers do (``leasing``, ``holding``), and whether a request is right (``requests``).
"""

from __future__ import annotations

from collections.abc import Sequence

from nascore.experiment.asking import Conversation
from nascore.experiment.events import Enqueued, Updated
from nascore.experiment.leasing import Leasing
from nascore.experiment.ledger import Ledger
from nascore.experiment.requests import check_enqueued, enqueued_before, expected_reply, needed_action
from nascore.record import ExperimentAction, Limits, Proposal
from nascore.space import Architecture


class Steering:
    """Takes the words of people about one experiment."""

    def __init__(self, ledger: Ledger, leasing: Leasing, conversation: Conversation) -> None:
        self._ledger = ledger
        self._leasing = leasing
        self._conversation = conversation

    async def enqueue(self, request_id: str, architectures: Sequence[Architecture]) -> tuple[int, ...]:
        """Put architectures in before the tuner's own; see `Engine.enqueue`."""
        async with self._conversation.turn:  # No ask may hold the next numbers meanwhile.
            await self._ledger.ready()
            numbers = enqueued_before(self._ledger.state, request_id, architectures)
            if numbers is None:
                numbers = self._enqueue(request_id, architectures)
        self._leasing.advance()
        await self._ledger.settled()
        return numbers

    async def update(self, request_id: str, *, action: ExperimentAction | None, limits: Limits | None) -> None:
        """Do what is not so already; see `Engine.update`."""
        state = self._ledger.state
        if expected_reply(state, request_id, kind=Updated.kind) is None:
            needed = needed_action(state, action, limits, elapsed_s=self._ledger.elapsed_s())
            if needed is not None or limits is not None:
                self._ledger.write(Updated(needed, limits, request_id))
            self._leasing.advance()
        await self._ledger.settled()

    def _enqueue(self, request_id: str, architectures: Sequence[Architecture]) -> tuple[int, ...]:
        state = self._ledger.state
        check_enqueued(state, architectures)
        first = len(state.trials)
        proposals = [Proposal(number, architecture) for number, architecture in enumerate(architectures, first)]
        self._ledger.write(*(Enqueued(proposal, request_id) for proposal in proposals))
        return tuple(proposal.number for proposal in proposals)
