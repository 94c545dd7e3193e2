"""What tests of plugins, stores and trials share: known spaces and strategies that make others."""

from nascore.testing.conformance import tuner_conformance
from nascore.testing.spaces import KNOWN_SPACES, LITTLE_SPACES, choice, compared, search_spaces

__all__ = ["KNOWN_SPACES", "LITTLE_SPACES", "choice", "compared", "search_spaces", "tuner_conformance"]
