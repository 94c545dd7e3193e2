"""The chain: what a one-shot experiment does one after the other, as ordinary trials in the ordinary log."""

from nascore.experiment.chain.session import ChainSession
from nascore.experiment.chain.tuner import Chain

__all__ = ["Chain", "ChainSession"]
