"""nascore: a plugin-based tuner ecosystem for neural architecture search. See the rooms in ``docs/architecture.md``."""
