"""A search's line to whoever holds the tuner and the shared weights: a server, or an engine in the same process.

Not here: the lines themselves (``nas_trial.remote_line``, ``nas_trial.embedded``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from nascore.record import SampleExchange
from torch import nn

if TYPE_CHECKING:
    from nas_trial.sharing import SharedWeights


class Line(Protocol):
    """What a running search asks for beside its overseer; one thread uses it."""

    def samples(self) -> SampleExchange:
        """Return the exchange of samples; again after it was lost."""

    def shared(self, network: nn.Module, table: str, *, every: int) -> SharedWeights:
        """Return a network's weights as one copy with those of other workers.

        Args:
            network: The network, on its device.
            table: Name of the shared copy.
            every: Training steps between two exchanges.

        Raises:
            UnsupportedError: There are no other workers here.
        """
