"""Random search for nascore."""

from nas_random.random_search import RandomSearch, RandomSettings

__all__ = ["RandomSearch", "RandomSettings"]
