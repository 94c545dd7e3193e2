"""Random search: every proposal is drawn anew and nothing is learned; the baseline that every strategy must beat.

See Bergstra and Bengio 2012 (JMLR 13), and Li and Talwalkar 2019 (arXiv:1902.07638) for architectures.
"""

from __future__ import annotations

import math
from random import Random
from typing import Literal

from nascore.record import Outcome, Proposal
from nascore.space import Architecture
from nascore.tuner import Determinism, NoProposal, Settings, Setup, Tuner
from pydantic import Field

from nas_random.unseen import Unseen


class RandomSettings(Settings):
    """Settings of random search."""

    uniform: Literal["decisions", "architectures"] = Field(
        "decisions", description="Draw each decision by itself, or every architecture with the same probability."
    )
    without_repetition: bool = Field(
        False, description="Propose no architecture twice, and end once all have been tried."
    )


class RandomSearch(Tuner[RandomSettings]):
    """Draws each architecture at random, from its own seed."""

    name = "random"
    summary = "Draws every architecture at random; the baseline to beat."
    settings_type = RandomSettings
    # Without repetition an ask remembers what it proposed; with it, replay costs little and changes nothing.
    determinism = Determinism.REPLAY
    max_objectives = 0
    # What a person enqueued is seen by a later ask; nothing else that it is told changes a proposal.
    ignores_outcomes = True

    def __init__(self, setup: Setup, settings: RandomSettings) -> None:
        super().__init__(setup, settings)
        self._unseen = Unseen(setup.space) if settings.without_repetition else None

    @classmethod
    def cannot_tune(cls, setup: Setup, settings: RandomSettings) -> str:
        """Refuse a space without architectures, and numbering what cannot be numbered."""
        size = setup.space.size()
        if size.high == 0:
            return "The space holds no architecture: its constraints exclude each other."
        if settings.uniform == "architectures" and math.isinf(size.high):
            return "uniform = architectures needs a space that can be counted, and this one has real numbers."
        return ""

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        """Propose a random architecture, or nothing once all have been tried."""
        generator = Random(seed)
        if self._unseen is None:
            return Proposal(number, self._draw(generator))
        architecture = self._unseen.draw(generator, self._draw)
        if architecture is None:
            return NoProposal.EXHAUSTED
        self._unseen.see(architecture)
        return Proposal(number, architecture)

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        """Remember what has been tried, whatever came of it; also what others proposed."""
        if self._unseen is not None and proposal.architecture is not None:
            self._unseen.see(proposal.architecture)

    def snapshot(self) -> bytes:
        """Return what has been tried; nothing where repetition is allowed, for then nothing is remembered."""
        return b"" if self._unseen is None else self._unseen.to_bytes()

    def restore(self, state: bytes) -> None:
        """Take back what has been tried."""
        if self._unseen is not None:
            self._unseen = Unseen.from_bytes(state, self.space)

    def _draw(self, generator: Random) -> Architecture:
        return self.space.sample(generator, uniform=self.settings.uniform)
