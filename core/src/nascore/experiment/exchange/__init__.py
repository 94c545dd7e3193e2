"""The exchange of samples: between the workers that train one supernet, and a tuner's session of its own.

A `Room` is one supernet's session with the workers (members) that share its weights; a `Seat` is one member's place in
it, taken for as long as its stream lasts. Every word is checked against the lease, which it renews. Nothing is logged:
when the tuner is lost, so are its samples, and the workers go back to what they saved (`UnavailableError`).

Not here: the trials that search (``chain``), and which samples are out (``nascore.tuner.samples``).
"""

from nascore.experiment.exchange.opening import Opening, Saved
from nascore.experiment.exchange.rooms import Rooms
from nascore.experiment.exchange.seat import Seat

__all__ = ["Opening", "Rooms", "Saved", "Seat"]
