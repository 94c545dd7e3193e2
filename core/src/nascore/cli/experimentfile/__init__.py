"""The experiment file: everything about a search in YAML, with NNI's words where they fit; errors name the line."""

from nascore.cli.experimentfile.keys import KEYS, Key
from nascore.cli.experimentfile.read import read_experiment_file
from nascore.cli.experimentfile.schema import experiment_file_schema

__all__ = ["KEYS", "Key", "experiment_file_schema", "read_experiment_file"]
