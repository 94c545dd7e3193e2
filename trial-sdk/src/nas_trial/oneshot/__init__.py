"""One-shot search on the trial's side: a supernet that carries out the samples of a tuner, and is judged at the end.

Only the splitting of data is imported here, for every trial may need it; see ``carrying`` for the search itself.
"""

from nas_trial.oneshot.splits import Halves, training_halves, validation_halves

__all__ = ["Halves", "training_halves", "validation_halves"]
