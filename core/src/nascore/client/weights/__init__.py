"""Checkpoints of a server, with the methods of a store in a folder. Not here: live tables, torch."""

from nascore.client.weights.checkpoints import Weights

__all__ = ["Weights"]
