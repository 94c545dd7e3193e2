"""JSON documents of experiments, as ``--json`` and ``export`` print them: the record, and what is only known here."""

from __future__ import annotations

from nascore.cli.wording import state_text
from nascore.record import ExperimentRecord
from nascore.record.jsonform import JsonObject, experiment_to_json


def experiment_document(record: ExperimentRecord, *, is_held: bool) -> JsonObject:
    """Return an experiment as JSON, with whether a process holds it and its state in words."""
    return {**experiment_to_json(record), "is_held": is_held, "state_text": state_text(record, is_held=is_held)}
