"""Mixtures: how several candidates of a decision are computed at once and added up with their weights.

Choices use this while a sample with a mixture is carried out; it knows neither choices nor samples.
"""

from nas_trial.mixing.economy import Economy
from nas_trial.mixing.mixing import Mixing
from nas_trial.mixing.nothing import Nothing
from nas_trial.mixing.partial import PartialChannels
from nas_trial.mixing.unmixable import UnmixableError
from nas_trial.mixing.untracked import untracked, untracked_parts
from nas_trial.mixing.weighted_sum import Term, weighted_sum

__all__ = [
    "Economy",
    "Mixing",
    "Nothing",
    "PartialChannels",
    "Term",
    "UnmixableError",
    "untracked",
    "untracked_parts",
    "weighted_sum",
]
